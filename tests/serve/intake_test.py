#!/usr/bin/env python3
"""What the intake of a server promises: events that are waited for, requests that come again, rates,
falling behind, figures, and a disk that fails.

usage: intake_test.py --quipu PROGRAM [--kills N] [--failing-sync LIBRARY]
"""
import gzip
import json
import os
import re
import resource
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

import serve_case
from serve_case import DEADLINE_S, Serve, event, lines

COUNTED = "/v1/events?wait=counted"


def unnamed(numbers):
    """Events without ids: each copy counts."""
    return "".join(json.dumps({k: v for k, v in event(n).items() if k != "id"}) + "\n" for n in numbers).encode()


class Counted(Serve):
    def test_wait_counted_answers_when_the_events_are_in_a_checkpoint(self):
        self.start()
        for n in range(3):
            self.assertEqual(self.post(lines(range(n * 10, n * 10 + 10)), path=COUNTED),
                             (200, {"accepted": 10, "counted": True}))
            self.assertEqual(self.metric("quipu_events_counted_total"), 10 * (n + 1))
        self.assertEqual(self.post(b"", path=COUNTED), (200, {"accepted": 0, "counted": True}))
        self.kill()
        self.start()
        self.assertEqual(self.totals()[0], 30)

    def test_what_is_not_counted_in_time_is_accepted_and_says_so(self):
        self.start(environment={"QUIPU_FAULT_DELAY": "checkpoint.parts_complete:12000"})
        self.assertEqual(self.post(lines(range(5)), path=COUNTED), (202, {"accepted": 5, "counted": False}))
        self.wait_until_counted()
        self.assertEqual(self.totals()[0], 5)

    def test_other_parameters_are_refused(self):
        self.start()
        for query in ("wait=durable", "wait", "wait=counted&wait=counted", "tenant=b", "wait=counted&", "=", "?"):
            self.assertEqual(self.post(lines([1]), path="/v1/events?" + query)[0], 400, query)


class Repeated(Serve):
    """Requests with an Idempotency-Key."""

    def test_a_request_that_comes_again_is_answered_and_not_taken(self):
        self.start()
        for _ in range(3):
            self.assertEqual(self.post(unnamed(range(10)), Idempotency_Key="a"), (200, {"accepted": 10}))
        packed = gzip.compress(unnamed(range(10)))
        self.assertEqual(self.post(packed, Idempotency_Key="a", Content_Encoding="gzip"), (200, {"accepted": 10}))
        self.assertEqual(self.post(unnamed(range(10)), Idempotency_Key="a", path=COUNTED),
                         (200, {"accepted": 10, "counted": True}))
        self.assertEqual(self.post(unnamed(range(11)), Idempotency_Key="a")[0], 422)
        self.assertEqual(self.totals()[0], 10)
        self.assertEqual(self.post(unnamed(range(10)), Idempotency_Key="b"), (200, {"accepted": 10}))
        for bad in ("", "x" * 256):
            self.assertEqual(self.post(unnamed(range(10)), Idempotency_Key=bad)[0], 400)
        self.wait_until_counted()
        self.assertEqual(self.totals()[0], 20)

    def test_keys_of_others_are_others(self):
        other = self.quipu("key", "add", "--tenant", "other", "--data", "plan.quipu").strip()
        every = self.quipu("key", "add", "--all", "--data", "plan.quipu").strip()
        self.start()
        for key, more in ((self.key, {}), (other, {}), (every, {"Quipu_Tenant": "acme"}),
                          (every, {"Quipu_Tenant": "other"})):
            self.assertEqual(self.post(unnamed([len(more)]), key=key, Idempotency_Key="a", **more)[0], 200)
        self.wait_until_counted()
        self.assertEqual((self.totals("acme")[0], self.totals("other")[0]), (2, 2))

    def test_a_refused_request_is_not_remembered(self):
        self.start()
        self.assertEqual(self.post(b'{"metric":"Opened"}', Idempotency_Key="a")[0], 400)
        self.assertEqual(self.post(unnamed([1]), Idempotency_Key="a"), (200, {"accepted": 1}))

    def test_it_is_known_again_after_a_kill_and_after_its_segment_is_gone(self):
        journal = self.here / "plan.quipu" / "journal"
        for life in range(4):
            self.start()
            for n in range(life + 1):
                self.assertEqual(self.post(unnamed(range(n + 1)), Idempotency_Key="r%d" % n), (200, {"accepted": n + 1}))
            self.assertEqual(self.post(unnamed(range(9)), Idempotency_Key="r0")[0], 422)
            if life % 2:
                self.wait_until_counted()
            self.stop() if life == 2 else self.kill()
        first = [file.name for file in journal.iterdir()]
        self.assertEqual(len(first), 1)
        # Segments of a server that goes on are of 32 MiB: noise that does not compress fills one.
        self.start()
        noise = [json.dumps(event(n, noise=os.urandom(500_000).hex())) for n in range(5)]
        sent = 0
        while [file.name for file in journal.iterdir()] == first:
            self.assertEqual(self.post("\n".join(noise), path=COUNTED)[0], 200)
            noise = [line.replace('"e', '"f') for line in noise]
            sent += 1
            self.assertLess(sent, 30)
        self.post(unnamed([1]), path=COUNTED)
        self.wait_for(lambda: not (journal / first[0]).exists(), "the counted segment is removed")
        self.assertTrue((self.here / "plan.quipu" / "requests").exists())
        self.kill()
        self.start()
        count = self.metric("quipu_kept_requests")
        self.assertEqual(count, 4)
        for n in range(4):
            self.assertEqual(self.post(unnamed(range(n + 1)), Idempotency_Key="r%d" % n), (200, {"accepted": n + 1}))
        self.assertEqual(self.metric("quipu_kept_requests"), 4)

    def test_repeats_at_the_same_time_are_taken_once(self):
        self.start()
        answers = []

        def send():
            answers.append(self.post(unnamed(range(50)), Idempotency_Key="same"))

        threads = [threading.Thread(target=send) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [(200, {"accepted": 50})] * 16)
        self.wait_until_counted()
        self.assertEqual(self.totals()[0], 50)

    def test_a_damaged_file_is_an_error_that_says_what_to_do(self):
        self.start()
        self.post(unnamed([1]), Idempotency_Key="a")
        self.stop()
        file = self.here / "plan.quipu" / "requests"
        data = bytearray(file.read_bytes())
        data[-20] ^= 1
        file.write_bytes(data)
        said = self.quipu("serve", "plan.yaml", "--listen", "127.0.0.1:0", status=1)
        self.assertIn("requests: is damaged; if it is removed", said)


class Bounds(Serve):
    def test_a_key_beyond_its_rate_is_told_when_to_come_again(self):
        other = self.quipu("key", "add", "--tenant", "other", "--data", "plan.quipu").strip()
        self.start("--rate", "10")
        self.assertEqual(self.post(lines(range(120)))[0], 200, "ten seconds' worth is saved up, and overdrawn once")
        status, headers, text = self.request("POST", "/v1/events", lines([1]), self.key)
        self.assertEqual(status, 429, text)
        self.assertRegex(headers["Retry-After"], r"^[1-9]\d*$")
        self.assertEqual(self.post(lines(range(5)), key=other)[0], 200, "another key's rate is its own")
        time.sleep(int(headers["Retry-After"]))
        self.assertEqual(self.post(lines([1]))[0], 200)

    def test_rates_and_bounds_stand_in_the_configuration(self):
        (self.here / "server.yaml").write_text(
            "plan: plan.yaml\nrates: {each_key: 5, keys: {k1: 0}}\nlimits: {behind_bytes: 1K}\n")
        other = self.quipu("key", "add", "--tenant", "other", "--data", "plan.quipu").strip()
        self.start("--config", "server.yaml", plan=None,
                   environment={"QUIPU_FAULT_DELAY": "checkpoint.parts_complete:3000"})
        self.assertEqual(self.post(lines(range(60)), key=other)[0], 200)
        self.assertEqual(self.post(lines([1]), key=other)[0], 429)
        status, headers, text = self.request("POST", "/v1/events", lines([1]), self.key)
        self.assertEqual((status, json.loads(text)), (503, {"error": "counting is behind"}))
        self.assertRegex(headers["Retry-After"], r"^[1-9]\d*$")
        status, _, text = self.request("GET", "/readyz")
        self.assertEqual((status, json.loads(text)["status"]), (503, "counting is behind"))
        self.assertGreater(json.loads(text)["behind_bytes"], 1024)
        self.wait_for(lambda: self.post(lines([1]))[0] == 200, "it is taken once counting has caught up")

    def test_a_disk_that_is_nearly_full_takes_nothing(self):
        (self.here / "server.yaml").write_text("plan: plan.yaml\nlimits: {free_bytes: 900000G}\n")
        self.start("--config", "server.yaml", plan=None)
        self.assertEqual(self.post(lines([1])), (503, {"error": "the server's disk is nearly full"}))
        self.assertEqual(self.request("GET", "/readyz")[0], 503)
        self.assertEqual(self.request("GET", "/healthz")[0], 200)

    def test_who_has_no_key_is_refused_before_the_body_is_read(self):
        self.start()
        head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n%s\r\n"
        for more in ("", "Authorization: Bearer no\r\n", "Expect: 100-continue\r\n"):
            self.assertTrue(self.raw((head % more).encode()).startswith(b"HTTP/1.1 401 "), more)
        for there, status in (("POST /nothing", 404), ("POST /healthz", 405), ("GET /metrics", 400), ("PUT /v1/events", 405)):
            answer = self.raw((head % "").replace("POST /v1/events", there).encode())
            self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), (there, answer))

    def test_keys_made_at_the_same_time_are_all_kept(self):
        makers = [subprocess.Popen([serve_case.OPTIONS.quipu, "key", "add", "--tenant", "t%d" % n, "--data",
                                    "plan.quipu"], cwd=self.here, stdout=subprocess.PIPE) for n in range(20)]
        made = {maker.communicate()[0] for maker in makers}
        listed = self.quipu("key", "list", "--data", "plan.quipu").splitlines()
        self.assertEqual((len(made), len(listed)), (20, 21))
        self.assertEqual({line.split("tenant ")[1] for line in listed}, {"acme"} | {"t%d" % n for n in range(20)})


class Figures(Serve):
    def test_metrics_tell_what_happened(self):
        self.start()
        self.post(lines(range(10)))
        self.post(lines(range(5)))
        self.post(b"x")
        self.post(lines(range(20, 30)), path=COUNTED)
        status, headers, text = self.request("GET", "/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.wait_until_counted()
        for name, value in {
                'quipu_events_accepted_total{door="http"}': 25,
                "quipu_events_read_total": 25,
                "quipu_events_counted_total": 20,
                "quipu_events_duplicate_total": 5,
                "quipu_events_unplanned_total": 0,
                'quipu_events_set_aside_total{reason="time_bad"}': 0,
                'quipu_source_lag_bytes{source="journal"}': 0,
                'quipu_http_requests_total{route="/v1/events",status="200"}': 3,
                'quipu_http_requests_total{route="/v1/events",status="400"}': 1,
                'quipu_http_request_duration_seconds_count{route="/v1/events"}': 4,
                "quipu_freshness_seconds_count": 25,
                'quipu_freshness_seconds_bucket{le="+Inf"}': 25,
                "quipu_kept_requests": 0,
                "quipu_http_held_bytes": 0,
                "quipu_http_connections": 1}.items():
            self.assertEqual(self.metric(name), value, name)
        for name in ("quipu_checkpoints_total", "quipu_checkpoint_last_seconds", "quipu_freshness_seconds_sum",
                     'quipu_memory_bytes{part="hot_tier"}', "process_resident_memory_bytes",
                     "process_cpu_seconds_total"):
            self.assertGreater(self.metric(name), 0, name)
        # Each name is described once, and its lines stand together.
        described = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
        self.assertEqual(len(described), len(set(described)))
        for name in set(re.findall(r"`(quipu_\w+|process_\w+)", (serve_case.SOURCE / "docs" / "serving.md").read_text())):
            if name != "quipu_source_lag_records":   # of topics alone: tests/kafka
                self.assertRegex(text, r"(?m)^%s" % name, "the guide names it")
        self.request("GET", "/nobody/made/this/route")
        self.assertEqual(self.metric('quipu_http_requests_total{route="none",status="404"}'), 1)


    def test_while_events_flow_checkpoints_are_as_often_as_they_are_cheap(self):
        self.start()
        end = time.monotonic() + 5
        n = 0
        while time.monotonic() < end:
            self.post(lines([n]))
            n += 1
        self.assertGreaterEqual(self.metric("quipu_checkpoints_total"), 4)
        self.wait_until_counted()
        self.assertEqual(self.metric("quipu_freshness_seconds_count"), n)

    def test_who_asks_from_afar_needs_a_key_that_reads_all_tenants(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.connect(("192.0.2.1", 9))  # nothing is sent
                here = s.getsockname()[0]
            except OSError:
                self.skipTest("this machine has no address but the loopback's")
        keys = {options: self.quipu("key", "add", *options.split(), "--data", "plan.quipu").strip()
                for options in ("--all --read", "--all --write", "--tenant acme --read")}
        self.start("--listen", "0.0.0.0:0")

        def status(key):
            return self.request("GET", "/metrics", key=key, host=here)[0]
        self.assertEqual(status(None), 401)
        self.assertEqual(status("x"), 401)
        self.assertEqual(status(keys["--all --read"]), 200)
        self.assertEqual(status(keys["--all --write"]), 403)
        self.assertEqual(status(keys["--tenant acme --read"]), 403)
        self.assertEqual(self.request("GET", "/metrics")[0], 200)
        self.assertEqual(self.request("GET", "/readyz", host=here)[0], 200)


class Disk(Serve):
    """A journal that cannot be written takes nothing, says so, and goes on when it can."""

    def test_no_room_for_the_journal_takes_nothing_and_goes_on_when_there_is_room(self):
        self.start()
        self.assertEqual(self.post(lines(range(10)), path=COUNTED)[0], 200)
        segment = next((self.here / "plan.quipu" / "journal").iterdir())
        size = segment.stat().st_size
        limit = resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (size + 100, limit[1]))
        for _ in range(3):
            self.assertEqual(self.post(unnamed(range(200)), Idempotency_Key="k")[0], 503)
        self.assertEqual(segment.stat().st_size, size, "what got there was taken back")
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, limit)
        self.assertEqual(self.post(unnamed(range(200)), Idempotency_Key="k", path=COUNTED)[0], 200)
        self.assertEqual(self.totals()[0], 210)
        self.stop()

    @unittest.skipUnless(os.path.exists("/proc/self"), "needs a preloaded library")
    def test_a_sync_that_fails_acknowledges_nothing_and_goes_on_when_it_works(self):
        if not serve_case.OPTIONS.failing_sync:
            self.skipTest("no --failing-sync LIBRARY")
        switch = self.here / "fail"
        self.start(environment={"LD_PRELOAD": serve_case.OPTIONS.failing_sync, "FAIL_SYNC_WHILE": str(switch),
                                "FAIL_SYNC_OF": "/journal/"})
        self.assertEqual(self.post(lines(range(10)), path=COUNTED)[0], 200)
        switch.write_text("")
        for _ in range(3):
            status, answer = self.post(unnamed(range(100)))
            self.assertEqual(status, 503, answer)
        self.assertEqual(self.request("GET", "/readyz")[0], 503)
        switch.unlink()
        self.wait_for(lambda: self.request("GET", "/readyz")[0] == 200, "it is tried again")
        self.assertEqual(self.post(unnamed(range(100)), path=COUNTED)[0], 200)
        self.assertEqual(self.totals()[0], 110)
        self.kill()
        self.start()
        self.wait_until_counted()
        self.assertEqual(self.totals()[0], 110)


if __name__ == "__main__":
    serve_case.main()
