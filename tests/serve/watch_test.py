#!/usr/bin/env python3
"""Questions that are watched: an event whenever a commit changed the answer, and nothing else; bounded whatever the clients do.

usage: watch_test.py --quipu PROGRAM
"""
import json
import socket
import time

import serve_case
from serve_case import DEADLINE_S, Serve, event, lines


class Watcher:
    def __init__(self, port, key, query="metric=Opened&in=2026-03"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.socket.sendall(("GET /v1/watch?%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % (query, key)).encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            if not (part := self.socket.recv(65536)):
                break
            self.data += part
        self.head, _, self.data = self.data.partition(b"\r\n\r\n")
        self.status = int(self.head[9:12])

    def next(self, timeout=DEADLINE_S):
        """The name and data of the next event; None if none comes in that time, or the server has closed."""
        self.socket.settimeout(timeout)
        try:
            while b"\n\n" not in self.data:
                part = self.socket.recv(65536)
                if not part:
                    return None
                self.data += part
        except TimeoutError:
            return None
        text, _, self.data = self.data.partition(b"\n\n")
        if text.startswith(b":"):
            return self.next(timeout)
        name, data = text.decode().split("\n")
        return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    def close(self):
        self.socket.close()


class Watch(Serve):
    def setUp(self):
        super().setUp()
        add = ("key", "add", "--data", "plan.quipu", "--read")
        self.reader = self.quipu(*add, "--tenant", "acme").strip()
        self.other = self.quipu(*add, "--write", "--tenant", "rival").strip()
        self.start()

    def send(self, numbers, key=None):
        status, answer = self.post(lines(numbers), key, "/v1/events?wait=counted")
        self.assertEqual((status, answer.get("counted")), (200, True))

    def watch(self, *arguments):
        watcher = Watcher(self.port, *arguments)
        self.addCleanup(watcher.close)
        return watcher

    def count(self, told):
        self.assertEqual(told[0], "answer")
        return told[1]["groups"][0]["count"][0]

    def test_an_event_for_each_change(self):
        self.send(range(10))
        watcher = self.watch(self.reader)
        self.assertIn(b"text/event-stream", watcher.head)
        self.assertEqual(self.count(watcher.next()), 10)
        last = 10
        for end in (20, 35, 36):
            self.send(range(end))
            deadline = time.monotonic() + DEADLINE_S
            while last != end and time.monotonic() < deadline:
                last, before = self.count(watcher.next()), last
                self.assertGreater(last, before)
            self.assertEqual(last, end)
        # What changes nothing of the answer: known events, and another tenant's.
        self.send(range(36))
        self.send(range(50), self.other)
        self.assertIsNone(watcher.next(timeout=2.5))
        right = json.loads(self.request("GET", "/v1/query?metric=Opened&in=2026-03", None, self.reader)[2])
        self.assertEqual(right["groups"][0]["count"][0], 36)
        self.stop()
        self.assertIsNone(watcher.next(), "closed at the end")

    def test_who_may_not_and_what_is_wrong(self):
        self.assertEqual(self.watch(self.reader).status, 404, "nothing is counted yet")
        self.send(range(3))
        for key, query, status in ((self.key, "metric=Opened&in=2026-03", 403), ("qk_no", "metric=Opened", 401), (self.reader, "metric=Opened&in=March", 400),
                                   (self.reader, "metric=Other", 404), (self.reader, "metric=Opened&format=csv", 400), (self.reader, "metric=Opened&page_size=3", 400)):
            self.assertEqual(self.watch(key, query).status, status, query)
        self.assertEqual(self.raw(b"HEAD /v1/watch?metric=Opened&in=2026-03 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n" % self.reader.encode(), half_close=False)[9:12], b"200")
        self.assertEqual(self.request("POST", "/v1/watch", b"{}", self.reader)[0], 405)

    def test_watchers_are_bounded_and_their_places_come_free(self):
        self.send(range(10))
        watchers = [self.watch(self.reader) for _ in range(64)]
        self.assertEqual({w.status for w in watchers}, {200})
        self.assertEqual(self.watch(self.reader).status, 503)
        for watcher in watchers[:40]:
            watcher.close()
        self.wait_for(lambda: self.watch(self.reader).status == 200, "a place comes free")
        # Those that never read hold up nobody.
        for end in (20, 30, 40):
            self.send(range(end))
        fresh = self.watch(self.reader)
        self.assertEqual(self.count(fresh.next()), 40)
        for _ in range(100):   # clients that ask and are gone
            gone = Watcher(self.port, self.reader)
            gone.close()
        self.wait_for(lambda: self.watch(self.reader).status == 200, "still served")
        self.stop()

    def test_grouped_answers_of_many_bytes(self):
        self.post(json.dumps([{**event(n), "campaign": "c%05d" % n} for n in range(5000)]).encode(), None, "/v1/events?wait=counted")
        watcher = self.watch(self.reader, "metric=Opened&in=2026-03&by=campaign")
        name, first = watcher.next()
        self.assertEqual((name, len(first["groups"])), ("answer", 5000))
        self.send(range(6000, 6010))
        name, second = watcher.next()
        self.assertGreater(sum(g["count"][0] for g in second["groups"]), 5000)


if __name__ == "__main__":
    serve_case.main()
