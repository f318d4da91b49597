#!/usr/bin/env python3
"""What was acknowledged is counted once, whenever the server is killed: clients send all the time and
send again what had no answer, as real ones do, while the server is killed and started again. With --model
the power fails each time it is killed: what was not synced is lost, or a random part of it
(tests/power).

usage: kill_test.py --quipu PROGRAM [--kills N] [--model LIBRARY]
"""
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import serve_case
from serve_case import Serve, event

sys.path.append(str(Path(__file__).resolve().parents[1] / "power"))
import power_loss  # noqa: E402

KINDS = ("WithId", "WithKey", "Plain")


class Client(threading.Thread):
    """Sends batches of one kind. WithId: events with ids; WithKey: requests with an Idempotency-Key; both
    again and again until there is an answer, sometimes again after it. Plain: neither, so each is sent once."""

    def __init__(self, case, kind, number, seed):
        super().__init__()
        self.case, self.kind, self.number, self.rng = case, kind, number, random.Random(seed)
        self.sent = self.acknowledged = self.again = 0
        self.ending = self.abandoned = False
        self.connection = None
        self.failure = None

    def batch(self):
        size = self.rng.choice([1, 1, 5, 50])
        events = []
        for _ in range(size):
            one = event(self.sent, metric=self.kind, email="c%d@x" % self.number)
            one["id"] = "%d-%d" % (self.number, self.sent)
            if self.kind != "WithId":
                del one["id"]
            events.append(one)
            self.sent += 1
        return events

    def post(self, events, key):
        """The number accepted; None if there was no answer, or one to come again."""
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.case.port, timeout=20)
            headers = {"Authorization": "Bearer " + self.case.key}
            if self.kind == "WithKey":
                headers["Idempotency-Key"] = key
            wait = self.rng.random() < 0.05
            self.connection.request("POST", "/v1/events" + "?wait=counted" * wait, json.dumps(events), headers)
            response = self.connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            time.sleep(0.02)
            return None
        if response.status == 503:
            time.sleep(0.1)
            return None
        if response.status not in (200, 202):
            raise AssertionError((response.status, answer))
        return answer["accepted"]

    def run(self):
        try:
            while not self.ending:
                self.send()
        except AssertionError as failure:
            self.failure = failure
        if self.connection:
            self.connection.close()

    def send(self):
        events, key = self.batch(), "%d-%d" % (self.number, self.sent)
        accepted = self.post(events, key)
        while accepted is None and self.kind != "Plain" and not self.abandoned:
            self.again += 1
            accepted = self.post(events, key)
        if accepted is None:
            return
        assert accepted == len(events), (accepted, len(events))
        self.acknowledged += accepted
        if self.kind != "Plain" and self.rng.random() < 0.1:
            self.again += 1
            accepted = self.post(events, key)
            assert accepted in (None, len(events))


class Killed(Serve):
    lost = 0

    def power(self):
        """The environment of a server whose power may fail."""
        if not serve_case.OPTIONS.model:
            return {}
        return {"LD_PRELOAD": os.path.abspath(serve_case.OPTIONS.model), "QUIPU_POWER_ROOT": str(self.here),
                "QUIPU_POWER_LOG": self.power_log}

    def kill(self):
        super().kill()
        self.power_fails()

    def power_fails(self):
        if serve_case.OPTIONS.model and os.path.exists(self.power_log):
            self.lost += power_loss.apply(self.power_log, self.power_log + ".kept", str(self.here), self.rng,
                                          self.rng.choice([0, 0, 0.5, 0.9]))

    def start_and_kill(self, seconds, *more):
        """Killed while it starts, perhaps before it listens."""
        server = subprocess.Popen([serve_case.OPTIONS.quipu, "serve", "plan.yaml", "--memory", "256M", *more],
                                  cwd=self.here, stderr=subprocess.DEVNULL, env={**os.environ, **self.power()})
        time.sleep(seconds)
        server.kill()
        server.wait()
        self.power_fails()

    def test_what_was_acknowledged_is_counted_once_whenever_it_is_killed(self):
        seed = int(os.environ.get("QUIPU_SEED", random.randrange(1 << 30)))
        print("QUIPU_SEED=%d" % seed, file=sys.stderr)
        rng = self.rng = random.Random(seed)
        folder = tempfile.TemporaryDirectory(prefix="quipu-power-")
        self.addCleanup(folder.cleanup)
        self.power_log = os.path.join(folder.name, "power.log")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        listen = ("--listen", "127.0.0.1:%d" % self.port)
        self.start(*listen, environment=self.power())
        clients = [Client(self, kind, n * 3 + k, rng.random()) for n in range(2) for k, kind in enumerate(KINDS)]
        for client in clients:
            client.start()
        try:
            for life in range(serve_case.OPTIONS.kills):
                time.sleep(rng.choice([0.01, 0.2, 0.5, 1, 2.5]) * rng.random())
                self.kill()
                if rng.random() < 0.3:
                    self.start_and_kill(rng.uniform(0, 0.3), *listen)
                self.start(*listen, environment=self.power())
            time.sleep(0.5)
        except BaseException:
            for client in clients:
                client.abandoned = True
            raise
        finally:
            for client in clients:
                client.ending = True
            for client in clients:
                client.join()
        self.assertEqual([c.failure for c in clients if c.failure], [])
        if serve_case.OPTIONS.model:
            print("%d changes of the disk were lost" % self.lost, file=sys.stderr)
        self.wait_until_counted()
        for stopped in (False, True):
            for kind in KINDS:
                mine = [c for c in clients if c.kind == kind]
                sent, acknowledged = (sum(getattr(c, what) for c in mine) for what in ("sent", "acknowledged"))
                counted = self.totals(metric=kind)[0]
                self.assertGreater(acknowledged, 0)
                if kind == "Plain":
                    self.assertTrue(acknowledged <= counted <= sent, (acknowledged, counted, sent))
                else:
                    self.assertEqual((counted, acknowledged), (sent, sent), kind)
                print("%s: %d sent, %d acknowledged, %d counted, %d requests again" % (
                    kind, sent, acknowledged, counted, sum(c.again for c in mine)), file=sys.stderr)
            if not stopped:
                self.stop()


if __name__ == "__main__":
    serve_case.main()
