#!/usr/bin/env python3
"""Clients that mean harm, or are only slow: whatever they send, the server's memory stays bounded, each is
answered clearly, and others are served meanwhile.

usage: hostile_test.py --quipu PROGRAM
"""
import collections
import gzip
import http.client
import json
import os
import random
import re
import resource
import socket
import subprocess
import sys
import threading
import time
import unittest
import zlib

import serve_case
from serve_case import DEADLINE_S, Serve, event, lines

CONNECTIONS = 2000
MEMORY = 256 << 20


class Hostile(Serve):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 2 * CONNECTIONS:
            self.skipTest("this process may have %d open files" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.open = []
        self.addCleanup(lambda: [s.close() for s in self.open])

    def connect(self, data=b""):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)
        self.open.append(s)
        if data:
            s.sendall(data)
        return s

    def status(self, s):
        """Of the answer, 0 if the connection ended without one."""
        answer = b""
        try:
            while b"\r\n" not in answer and (part := s.recv(4096)):
                answer += part
        except ConnectionError:
            pass
        return int(answer.split(b" ")[1]) if answer else 0

    def memory(self, what="VmRSS"):
        with open("/proc/%d/status" % self.server.pid) as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith(what))

    def head(self, *more):
        return "\r\n".join(["POST /v1/events HTTP/1.1", "Host: x", "Authorization: Bearer " + self.key, *more, ""])

    def time_of_posts(self, count):
        """The longest of so many posts, one after the other on one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        longest = 0
        for n in range(count):
            begin = time.monotonic()
            connection.request("POST", "/v1/events", lines([n]), {"Authorization": "Bearer " + self.key})
            response = connection.getresponse()
            self.assertEqual(response.status, 200, response.read())
            response.read()
            longest = max(longest, time.monotonic() - begin)
        connection.close()
        return longest

    def test_two_thousand_connections_with_slow_ones_among_them_hold_up_nobody(self):
        self.start()
        before = self.memory()
        for n in range(CONNECTIONS):
            part = self.head("Content-Length: 1000")
            self.connect((b"", part[:n % 90].encode(), (part + "\r\n" + "x" * (n % 999)).encode())[n % 3])
        trickling = True

        def trickle():
            while trickling:
                for s in self.open[2::30]:
                    try:
                        s.send(b"x")
                    except OSError:
                        pass
                time.sleep(0.1)

        slow = threading.Thread(target=trickle)
        slow.start()
        try:
            self.assertEqual(self.metric("quipu_http_connections"), CONNECTIONS + 1)
            self.assertLess(self.time_of_posts(300), 2)
            self.assertLess(self.memory() - before, 60 << 20)
        finally:
            trickling = False
            slow.join()

    def test_slow_heads_and_bodies_end_with_408(self):
        self.start()
        head = self.connect(self.head().encode()[:40])
        body = self.connect((self.head("Content-Length: 10") + "\r\nabc").encode())
        begin = time.monotonic()

        def drip(s):
            while time.monotonic() - begin < 40:
                try:
                    s.send(b"x")
                except OSError:
                    return
                time.sleep(4)

        for s in (head, body):
            s.settimeout(45)
            threading.Thread(target=drip, args=(head,), daemon=True).start()
        self.assertEqual(self.status(head), 408)
        self.assertLess(time.monotonic() - begin, 15, "bytes that drip do not lengthen the time for a head")
        self.assertEqual(self.status(body), 408)
        self.assertLess(time.monotonic() - begin, 36)

    def test_floods_of_headers_are_refused_and_hold_little(self):
        self.start()
        before = self.memory()
        for data, status in {b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000: 431,
                             b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 200: 431,
                             b"GET /" + b"a" * 20_000: 431,
                             self.head("Transfer-Encoding: chunked").encode() + b"\r\n" + b"1" * 300: 400,
                             self.head("Transfer-Encoding: chunked").encode() + b"\r\n0\r\n" + b"a: b\r\n" * 4000: 431}.items():
            for _ in range(20):
                self.assertEqual(self.status(self.connect(data)), status, data[:40])
        for n in range(1000):  # heads that never end, as long as they may be
            self.connect(b"GET / HTTP/1.1\r\n" + b"%d: %s\r\n" % (n, b"a" * 140) * 99)
        self.assertLess(self.time_of_posts(20), 2)
        self.assertLess(self.memory() - before, 80 << 20)

    def test_bombs_of_both_compressions_are_refused_and_hold_little(self):
        self.start()
        self.assertEqual(self.post(lines(range(10)))[0], 200)
        before = self.memory("VmHWM")
        squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
        gzipped = b"".join(squeeze.compress(b" " * (64 << 20)) for _ in range(32)) + squeeze.flush()
        zeros = subprocess.Popen(["head", "-c", str(8 << 30), "/dev/zero"], stdout=subprocess.PIPE)
        zstd = subprocess.run(["zstd", "-c", "-T0", "--ultra", "--long=27"], stdin=zeros.stdout, capture_output=True).stdout
        zeros.stdout.close()
        zeros.wait()
        for coding, bomb in (("gzip", gzipped), ("zstd", zstd), ("gzip", gzipped + gzipped)):
            self.assertLess(len(bomb), 8 << 20)
            for _ in range(4):
                status, answer = self.post(bomb, Content_Encoding=coding)
                self.assertIn(status, (413, 400), answer)
        self.assertEqual(self.post(gzip.compress(gzipped), Content_Encoding="gzip")[0], 400, "packed twice is no JSON")
        self.assertEqual(self.post(b"x", Content_Encoding="gzip, gzip")[0], 415)
        twice = (self.head("Content-Encoding: gzip", "Content-Encoding: gzip", "Content-Length: 1") + "\r\nx").encode()
        self.assertEqual(self.status(self.connect(twice)), 415)
        self.assertLess(self.memory("VmHWM") - before, 110 << 20)
        self.assertLess(self.time_of_posts(20), 2)

    def test_large_bodies_that_wait_are_bounded_together_and_small_requests_pass(self):
        self.start()
        before = self.memory()
        body = b"x" * (7 << 20)
        for _ in range(20):
            s = self.connect((self.head("Content-Length: %d" % (8 << 20)) + "\r\n").encode())
            s.settimeout(5)
            try:
                s.sendall(body)
            except OSError:
                pass  # it was refused in the middle
        refused = []

        def others_are_refused():
            for s in set(self.open) - set(refused):
                s.settimeout(0.01)
                try:
                    self.assertEqual(self.status(s), 503)
                    refused.append(s)
                except TimeoutError:
                    pass  # it waits for the rest
            return len(refused) >= 11
        self.wait_for(others_are_refused, "no more than 64 MiB are held")
        self.assertLess(self.time_of_posts(20), 2)
        self.assertLess(self.memory() - before, 160 << 20)

    def test_what_is_sent_ahead_while_an_answer_is_awaited_is_bounded(self):
        self.start()
        before = self.memory()
        request = (self.head("Content-Length: 0") + "\r\n").replace("/v1/events", "/v1/events?wait=counted").encode()
        for _ in range(300):
            s = self.connect()
            s.setblocking(False)
            try:
                s.send(request * 1000)
            except BlockingIOError:
                pass
        self.assertLess(self.time_of_posts(20), 5)
        self.assertLess(self.memory() - before, 100 << 20)

    def test_damaged_requests_are_answered_or_cut_and_disturb_nobody(self):
        seed = int(os.environ.get("QUIPU_SEED", random.randrange(1 << 30)))
        print("QUIPU_SEED=%d" % seed, file=sys.stderr)
        rng = random.Random(seed)
        self.start()
        before = self.memory()
        seeds = [path.read_bytes().replace(b"quipu_k1_00", self.key.encode())
                 for path in sorted((serve_case.SOURCE / "tests" / "fuzz" / "request").iterdir())]
        statuses = collections.Counter()
        for _ in range(1500):
            data = bytearray(rng.choice(seeds))
            for _ in range(rng.choice([0, 1, 1, 2, 8])):
                at = rng.randrange(len(data) + 1)
                kind = rng.randrange(4)
                if kind == 0:
                    data[at:at + 1] = bytes([rng.randrange(256)])
                elif kind == 1:
                    del data[at:at + rng.choice([1, 2, 40])]
                elif kind == 2:
                    data[at:at] = rng.choice([b"\r\n", b"\n", b" ", b"\0", b"0", b"Content-Length: 3\r\n", bytes(data[:at])])
                else:
                    data = data[:at] + rng.choice(seeds)[at:]
            try:
                answer = self.raw(bytes(data))
            except ConnectionError:
                continue  # cut while it was still sending
            while answer:
                self.assertRegex(answer[:13], rb"^HTTP/1.1 \d\d\d ")
                head, _, rest = answer.partition(b"\r\n\r\n")
                status = int(head[9:12])
                statuses[status] += 1
                length = re.search(rb"Content-Length: (\d+)", head)
                answer = rest[int(length[1]) if length else 0:]
        self.assertLessEqual(set(statuses), {100, 200, 202, 400, 401, 404, 405, 413, 415, 417, 431, 505}, statuses)
        self.assertGreater(statuses[400], 100)
        self.assertLess(self.time_of_posts(20), 2)
        self.assertLess(self.memory() - before, 60 << 20)

    def test_connections_beyond_the_limits_are_told_so(self):
        (self.here / "server.yaml").write_text("plan: plan.yaml\nlimits: {connections: 30, connections_of_client: 20}\n")
        self.start("--config", "server.yaml", plan=None)
        for _ in range(20):
            self.connect()
        self.assertEqual(self.status(self.connect()), 503)
        def other():
            s = socket.socket()
            s.bind(("127.0.0.2", 0))
            s.settimeout(DEADLINE_S)
            s.connect(("127.0.0.1", self.port))
            self.open.append(s)
            return s
        for _ in range(9):
            other()
        last = other()
        last.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(self.status(last), 200, "another client has its own share")
        self.assertEqual(self.status(other()), 503, "all together")
        for s in self.open[:20]:
            s.close()
        self.wait_for(lambda: self.request("GET", "/healthz")[0] == 200, "room is given back")

    def test_tenants_learn_nothing_of_each_other(self):
        other = self.quipu("key", "add", "--tenant", "other", "--data", "plan.quipu").strip()
        reader = self.quipu("key", "add", "--tenant", "acme", "--read", "--data", "plan.quipu").strip()
        self.start()
        self.assertEqual(self.post(lines([1]), Idempotency_Key="a")[0], 200)
        # The same answers whether a tenant, a key's id or an Idempotency-Key of another is there or not.
        for name in ("acme", "nobody"):
            self.assertEqual(self.post(lines([1]), key=other, Quipu_Tenant=name),
                             (403, {"error": "this key may not write here"}))
        for key in ("quipu_k1_" + "0" * 64, "quipu_k99_" + "0" * 64, "x", self.key + "0", self.key.upper()):
            self.assertEqual(self.post(lines([1]), key=key), self.post(lines([1]), key="none"))
        for name in ("a", "b"):
            self.assertEqual(self.post(lines([2]), key=other, Idempotency_Key=name), (200, {"accepted": 1}))
        for text in ('{"tenant":"acme"}', "acme"):
            self.assertEqual(self.post(json.dumps(event(5, tenant=text)), key=other)[0], 200)
        for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Quipu-Tenant": "acme"}):
            self.assertEqual(self.post(lines([1]), key=reader, **headers)[0], 403)
        # Nothing in the figures names a tenant or a key, and a key of one tenant may not read them from afar.
        self.assertNotIn("acme", self.request("GET", "/metrics")[2])
        self.wait_until_counted()
        self.assertEqual(self.totals("acme")[0], 1)


if __name__ == "__main__":
    serve_case.main()
