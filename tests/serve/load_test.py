#!/usr/bin/env python3
"""History beside live events: quipu load and quipu sources.

usage: load_test.py --quipu PROGRAM
"""
import gzip
import json
import random
import subprocess
import time

import serve_case
from serve_case import Serve, event, lines

LIVE_FROM = 10_000_000   # numbers of events that come by HTTP


def journal_lines(numbers):
    return "".join(json.dumps({"tenant": "acme", "event": event(n)}) + "\n" for n in numbers).encode()


class Load(Serve):
    def setUp(self):
        super().setUp()
        self.sent = 0

    def write(self, name, numbers):
        text = journal_lines(numbers)
        (self.here / name).write_bytes(gzip.compress(text, 1) if name.endswith(".gz") else text)

    def send(self, n=10):
        first = LIVE_FROM + self.sent
        status, _ = self.post(lines(range(first, first + n)), path="/v1/events?wait=counted")
        self.assertIn(status, (200, 202))
        self.sent += n

    def sources(self):
        return json.loads(self.quipu("sources", "--json", "--data", "plan.quipu"))

    def load(self, *arguments, status=0):
        return self.quipu("load", *arguments, "--data", "plan.quipu", status=status)

    def wait_for_count(self, count):
        self.wait_for(lambda: self.totals()[0] == count, "%d are not counted" % count)

    def test_a_history_is_counted_once_beside_live_events(self):
        self.write("a.jsonl", range(1000))
        self.write("b.jsonl.gz", range(1000, 3000))
        self.start()
        self.send()
        self.assertIn("all of it is counted", self.load("a.jsonl", "b.jsonl.gz"))
        self.send()
        self.wait_for_count(3020)
        self.load("a.jsonl", "b.jsonl.gz")
        self.assertEqual(self.totals()[0], 3020)
        self.assertEqual([(s["lane"], s["state"]) for s in self.sources()],
                         [("history", "ended")] * 2 + [("live", "reading")])
        self.stop()
        self.assertEqual(self.totals()[0], 3020)

    def test_a_damaged_file_is_named_and_the_others_are_counted(self):
        self.write("a.jsonl", range(100))
        self.write("b.jsonl.gz", range(100, 50_100))
        whole = (self.here / "b.jsonl.gz").read_bytes()
        (self.here / "b.jsonl.gz").write_bytes(whole[:len(whole) // 2])
        self.write("c.jsonl", range(60_000, 60_100))
        self.start()
        said = self.load("a.jsonl", "b.jsonl.gz", "c.jsonl", status=1)
        self.assertIn("b.jsonl.gz", said)
        self.send()
        some = self.totals()[0]
        self.assertGreaterEqual(some, 200)
        (self.here / "b.jsonl.gz").write_bytes(whole)
        self.load("a.jsonl", "b.jsonl.gz", "c.jsonl")
        self.wait_for_count(50_210)

    def test_what_is_refused_counts_nothing_and_disturbs_nobody(self):
        self.write("a.jsonl", range(100))
        (self.here / "b.jsonl").write_text('{"quite":"another"}\n' * 200)
        self.start()
        self.assertIn("b.jsonl", self.load("a.jsonl", "b.jsonl", status=1))
        self.assertIn("gone.jsonl", self.load("a.jsonl", "gone.jsonl", status=1))
        self.send()
        self.wait_for_count(10)
        self.load("a.jsonl")
        self.wait_for_count(110)

    def test_a_load_that_is_stopped_goes_on_where_it_was(self):
        self.write("a.jsonl.gz", range(400_000))
        self.start()
        said = self.load("a.jsonl.gz", "--detach")
        self.assertIn("load 2", said)
        self.wait_for(lambda: self.sources()[-1]["lines"] > 0, "it does not begin")
        self.quipu("sources", "--stop", "2", "--data", "plan.quipu")
        self.wait_for(lambda: {s["number"]: s["state"] for s in self.sources()}[2] == "stopped", "it does not stop")
        self.send()
        self.wait_for(lambda: self.totals()[0] >= 10, "live events wait")
        some = self.totals()[0]
        self.assertLess(some, 400_010)
        self.load("a.jsonl.gz")
        self.wait_for_count(400_010)
        self.assertIn("no source 2", self.quipu("sources", "--stop", "2", "--data", "plan.quipu", status=1))
        self.assertIn("is live", self.quipu("sources", "--stop", "1", "--data", "plan.quipu", status=1))

    def test_loads_take_turns_and_live_events_do_not_wait_for_them(self):
        for name in ("a", "b", "c"):
            self.write(name + ".jsonl", range(ord(name) * 200_000, ord(name) * 200_000 + 100_000))
        self.start()
        for name in ("a", "b", "c"):
            self.load(name + ".jsonl", "--detach")
        live = 0
        while any(s["lane"] == "history" and s["state"] in ("waiting", "reading") for s in self.sources()):
            reading = [s for s in self.sources() if s["lane"] == "history" and s["state"] == "reading"]
            self.assertLessEqual(len(reading), 1)
            begin = time.monotonic()
            status, answer = self.post(lines(range(LIVE_FROM + live, LIVE_FROM + live + 10)), path="/v1/events?wait=counted")
            self.assertEqual(status, 200, answer)
            live += 10
            self.assertLess(time.monotonic() - begin, 10)
        self.wait_for_count(300_000 + live)

    def test_killed_while_loading_everything_is_counted_once(self):
        self.write("a.jsonl.gz", range(150_000))
        for seed in range(4):
            self.start()
            self.load("a.jsonl.gz", "--detach")
            self.send()
            time.sleep(random.Random(seed).uniform(0, 1.5))
            self.send()
            self.kill()
        self.start()
        self.load("a.jsonl.gz")
        self.wait_for_count(150_000 + self.sent)

    def test_without_a_server_it_says_what_to_do(self):
        self.write("a.jsonl", range(10))
        self.assertIn("quipu serve", self.load("a.jsonl", status=1))
        self.assertIn("quipu serve", self.quipu("sources", "--data", "plan.quipu", status=1))
        self.assertIn("it takes files", self.load("-", status=2))

    def test_a_client_that_goes_away_leaves_the_load_to_itself(self):
        self.write("a.jsonl.gz", range(200_000))
        self.start()
        client = subprocess.Popen([serve_case.OPTIONS.quipu, "load", "a.jsonl.gz", "--data", "plan.quipu"],
                                  cwd=self.here, stderr=subprocess.PIPE, text=True)
        client.stderr.readline()
        client.kill()
        client.wait()
        client.stderr.close()
        self.wait_for_count(200_000)


if __name__ == "__main__":
    serve_case.main()
