#!/usr/bin/env python3
"""Hundreds of readers that never read, ask for everything, or vanish: the server's memory stays bounded, events are
taken meanwhile, and whoever reads is answered.

usage: readers_test.py --quipu PROGRAM
"""
import json
import random
import socket
import struct
import time
import urllib.parse

import serve_case
from serve_case import DEADLINE_S, Serve, event

READERS, VALUES = 250, 4500
MORE_BYTES = 300 << 20   # what they may cost: kMaxUntakenBytes, two answers in the making, kept pages, and the heap's slack
EVERYTHING = {"metric": "Opened", "by": "campaign", "interval": "hour", "from": "2026-03-01", "to": "2026-03-09"}


class Readers(Serve):
    def setUp(self):
        super().setUp()
        self.reader = self.quipu("key", "add", "--data", "plan.quipu", "--read", "--tenant", "acme").strip()
        self.start()
        events = [{**event(n), "campaign": "campaign %d" % n, "time": "2026-03-%02dT%02d:00:00Z" % (1 + n % 8, n % 24)} for n in range(VALUES)]
        self.assertEqual(self.post(json.dumps(events).encode(), None, "/v1/events?wait=counted")[0], 200)
        self.open = []
        self.addCleanup(lambda: [s.close() for s in self.open])

    def memory(self):
        with open("/proc/%d/status" % self.server.pid) as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS"))

    def ask_for(self, **parameters):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)   # so that what is not read stays with the server
        s.settimeout(DEADLINE_S)
        s.connect(("127.0.0.1", self.port))
        self.open.append(s)
        s.sendall(("GET /v1/query?%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % (urllib.parse.urlencode(parameters), self.reader)).encode())
        return s

    def test_memory_is_bounded_and_others_are_served(self):
        status, _, text = self.request("GET", "/v1/query?" + urllib.parse.urlencode(EVERYTHING), None, self.reader)
        self.assertEqual((status, len(json.loads(text)["groups"])), (200, VALUES))
        self.assertGreater(len(text) * READERS, 2 * MORE_BYTES, "they ask for too little to show anything")
        before, most, chance = self.memory(), 0, random.Random(7)
        for n in range(READERS):
            s = self.ask_for(**EVERYTHING, **({"page_size": 50} if n % 5 == 0 else {}))
            if n % 3 == 0:   # it vanishes: without a word, or with a reset
                if chance.random() < 0.5:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
            if n % 20 == 0:
                begin = time.monotonic()
                self.assertEqual(self.post(json.dumps(event(10000 + n)).encode())[0], 200)
                self.assertLess(time.monotonic() - begin, 5, "an event waited for readers")
            time.sleep(0.02)   # or all but a few are refused at once
            most = max(most, self.memory())
        self.assertLess(most - before, MORE_BYTES)
        self.assertGreater(self.metric("quipu_http_untaken_bytes"), 32 << 20, "the kernel took it all: nothing was tried")
        self.assertLessEqual(self.metric("quipu_http_untaken_bytes"), 64 << 20)
        print("%d MiB more than before, %d MiB not taken" % ((most - before) >> 20, self.metric("quipu_http_untaken_bytes") / (1 << 20)))
        small = "/v1/query?metric=Opened&in=2026-03"
        self.wait_for(lambda: self.request("GET", small, None, self.reader)[0] == 200, "who reads is answered")
        for s in self.open:
            s.close()
        self.wait_for(lambda: self.metric("quipu_http_untaken_bytes") == 0, "what nobody takes is given back")
        self.wait_for(lambda: self.request("GET", "/v1/query?" + urllib.parse.urlencode(EVERYTHING), None, self.reader)[0] == 200, "all is as before")


if __name__ == "__main__":
    serve_case.main()
