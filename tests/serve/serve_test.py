#!/usr/bin/env python3
"""A real server, asked by real clients: what it takes, what it refuses, and that what it acknowledged
is counted exactly once, also when it is killed at random moments.

usage: serve_test.py --quipu PROGRAM [--kills N]
"""
import gzip
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

import serve_case
from serve_case import DEADLINE_S, PLAN, SOURCE, Serve, event, lines


class ServeTest(Serve):
    def test_takes_lines_arrays_and_packed_bodies(self):
        self.start()
        self.assertEqual(self.post(lines(range(10))), (200, {"accepted": 10}))
        array = json.dumps([event(n) for n in range(10, 15)], indent=2).encode()
        self.assertEqual(self.post(array), (200, {"accepted": 5}))
        self.assertEqual(self.post(gzip.compress(lines(range(15, 20))), Content_Encoding="gzip")[0], 200)
        packed = subprocess.run(["zstd", "-c"], input=lines(range(20, 25)), capture_output=True).stdout
        self.assertEqual(self.post(packed, Content_Encoding="zstd"), (200, {"accepted": 5}))
        chunked = self.post(iter([lines([25]), lines([26])]))
        self.assertEqual(chunked, (200, {"accepted": 2}))
        self.assertEqual(self.post(lines(range(5))), (200, {"accepted": 5}))  # again: duplicates
        self.wait_until_counted()
        self.assertEqual(self.totals(), (27, 7))
        self.stop()
        self.assertEqual(self.totals(), (27, 7))

    def test_a_request_is_refused_whole_and_names_each_bad_event(self):
        self.start()
        bad = [event(1), event(2, time="soon"), 3, {"id": "x"}]
        status, answer = self.post(json.dumps(bad))
        self.assertEqual((status, answer["accepted"]), (400, 0))
        self.assertEqual([(e["index"], e["field"], e["reason"]) for e in answer["events"]],
                         [(1, "/time", "time_bad"), (2, "", "not_json"), (3, "/metric", "metric_missing")])
        for body in ('[{"a":1', '{"a":1}},"tenant":"b","x":{"b":{}', '{"a":1} {"b":2}', '{"a":"\\', "[1}"):
            self.assertEqual(self.post(body)[0], 400, body)
        self.assertEqual(self.post(b"x", Content_Encoding="gzip")[0], 400)
        self.assertEqual(self.post(b"x", Content_Encoding="br")[0], 415)
        self.assertEqual(self.post(gzip.compress(b" " * (40 << 20)), Content_Encoding="gzip")[0], 413)
        self.assertEqual(self.post(b"{}", Content_Length=str(9 << 20))[0], 413)
        self.stop()
        self.assertFalse(list((self.here / "plan.quipu" / "journal").iterdir()))

    def test_the_key_decides_the_tenant(self):
        other = self.quipu("key", "add", "--tenant", "other", "--data", "plan.quipu").strip()
        every = self.quipu("key", "add", "--all", "--data", "plan.quipu").strip()
        reader = self.quipu("key", "add", "--tenant", "acme", "--read", "--data", "plan.quipu").strip()
        self.assertEqual((self.here / "plan.quipu" / "keys").stat().st_mode & 0o777, 0o600)
        self.assertNotIn(other, (self.here / "plan.quipu" / "keys").read_text())
        self.start()
        self.assertEqual(self.post(lines(range(4)))[0], 200)
        self.assertEqual(self.post(json.dumps(event(9, tenant="acme")), key=other)[0], 200)
        self.assertEqual(self.post(lines([1]), key=other, Quipu_Tenant="acme")[0], 403)
        self.assertEqual(self.post(lines([1]), key=every)[0], 400)
        self.assertEqual(self.post(lines([7, 8]), key=every, Quipu_Tenant="other")[0], 200)
        self.assertEqual(self.post(lines([1]), key=reader)[0], 403)
        for wrong in ("no", self.key[:-1], self.key + "0", self.key[:-1] + "x"):
            self.assertEqual(self.post(lines([1]), key=wrong)[0], 401)
        self.wait_until_counted()
        self.assertEqual(self.totals("acme")[0], 4)
        self.assertEqual(self.totals("other")[0], 3)
        self.quipu("key", "revoke", "k1", "--data", "plan.quipu")
        deadline = time.monotonic() + DEADLINE_S
        while self.post(lines([1]))[0] != 401:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertIn("k1  write  tenant acme  revoked", self.quipu("key", "list", "--data", "plan.quipu"))

    def test_forms_that_smuggle_requests_are_refused_and_end_the_connection(self):
        self.start()
        head = "POST /v1/events HTTP/1.1\r\nAuthorization: Bearer %s\r\n" % self.key
        hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        host = "Host: x\r\n"
        for form in ("%sTransfer-Encoding: xchunked\r\n" % host, "%sTransfer-Encoding: chunked, identity\r\n" % host,
                     "%sTransfer-Encoding: gzip, chunked\r\n" % host,
                     "%sTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" % host,
                     "%sTransfer-Encoding: chunked\r\nContent-Length: 4\r\n" % host,
                     "%sContent-Length: 4\r\nContent-Length: 4\r\n" % host, "%sContent-Length: +4\r\n" % host,
                     "%sContent-Length : 4\r\n" % host, "%sX: a\r\n b\r\n" % host, host + host, "",
                     "%sX: a\n" % host, "%sTransfer-Encoding:\r\n chunked\r\n" % host):
            answer = self.raw((head + form + "\r\n" + hidden).encode())
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), (form, answer))
            self.assertEqual(answer.count(b"HTTP/1.1"), 1, form)
        unknown = self.raw(("POST /v1/events?wait=x HTTP/1.1\r\n%sContent-Length: 0\r\n\r\n" % host).encode())
        self.assertTrue(unknown.startswith(b"HTTP/1.1 400 "), "what is asked for is never ignored")
        self.assertTrue(self.raw(b"A" * 20000).startswith(b"HTTP/1.1 431 "))
        two = self.raw((hidden + hidden).encode())
        self.assertEqual(two.count(b"HTTP/1.1 200"), 2)

    def test_slow_clients_time_out_and_hold_up_nobody(self):
        self.start()
        slow = [socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) for _ in range(300)]
        for s in slow:
            s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX: ")
        for n in range(50):
            self.assertEqual(self.post(lines([n]))[0], 200)
        self.assertTrue(slow[0].recv(100).startswith(b"HTTP/1.1 408 "))
        for s in slow:
            s.close()
        self.wait_until_counted()
        self.assertEqual(self.totals()[0], 50)

    def test_says_how_far_it_is_behind_and_the_journal_can_be_recounted(self):
        self.start("--archive")
        self.assertEqual(self.post(lines(range(100)))[0], 200)
        self.wait_until_counted()
        self.stop()
        segments = sorted((self.here / "plan.quipu" / "journal").glob("*.zst"))
        text = subprocess.run(["zstdcat", *segments], capture_output=True, check=True).stdout.decode()
        told = [json.loads(line) for line in text.splitlines()]
        self.assertEqual([line["event"] for line in told], [event(n) for n in range(100)])
        self.assertEqual({(line["door"], line["key"], line["tenant"]) for line in told}, {("http", "k1", "acme")})
        self.quipu("run", "plan.yaml", *segments, "--data", "again.quipu")
        self.assertEqual(sorted(self.quipu("export", "--data", "again.quipu", "--json").splitlines()),
                         sorted(self.quipu("export", "--data", "plan.quipu", "--json").splitlines()))

    def test_audit_recounts_the_journal_that_is_kept(self):
        self.start("--archive")
        self.assertEqual(self.post(lines(range(300)))[0], 200)
        self.assertEqual(self.post(lines(range(250, 400)))[0], 200)
        self.wait_until_counted()
        text = self.quipu("audit", "plan.yaml")  # answered by the server
        self.assertRegex(text, r"^450 events recounted, 50 duplicates; \d\d+ buckets compared, 0 different\n$")
        self.stop()
        (self.here / "more.jsonl").write_text(json.dumps({"tenant": "acme", "event": event(1000)}) + "\n")
        self.quipu("run", "plan.yaml", "more.jsonl")
        self.assertIn("name the others, too: ", self.quipu("audit", "plan.yaml", status=1))
        segments = sorted((self.here / "plan.quipu" / "journal").glob("*.zst"))
        self.assertIn("451 events recounted, 50 duplicates", self.quipu("audit", "plan.yaml", "more.jsonl", *segments))
        # A journal that tells something else, and one of which a part is gone.
        kept = segments[0].read_bytes()
        told = subprocess.run(["zstdcat", segments[0]], capture_output=True, check=True).stdout

        def write(text):
            packed = subprocess.run(["zstd", "-c"], input=text, capture_output=True, check=True).stdout
            segments[0].write_bytes(packed)
        write(told.replace(b'"c0"', b'"c1"', 1))
        self.assertIn("the store says: ", self.quipu("audit", "plan.yaml", "more.jsonl", status=1))
        write(told[:told.rindex(b"\n", 0, -1) + 1])
        self.assertIn("is shorter than what was counted of it", self.quipu("audit", "plan.yaml", "more.jsonl", status=1))
        segments[0].with_name("%020d.jsonl.zst" % 7).write_bytes(kept)
        segments[0].unlink()
        self.assertIn("quipu serve --archive", self.quipu("audit", "plan.yaml", "more.jsonl", status=1))

    def test_an_archive_that_lacks_the_topics_is_told_of(self):
        for more, told in ((("--archive",), False), (("--archive", "--kafka", "127.0.0.1:1", "--topic", "t"), True)):
            self.start(*more)
            self.server.send_signal(signal.SIGTERM)
            said = self.server.stderr.read()
            self.assertEqual("records of Kafka are not in it" in said, told, said)
            self.kill()

    def test_a_plan_that_lets_the_body_decide_the_tenant_is_refused(self):
        (self.here / "plan.yaml").write_text(PLAN.read_text().replace("/tenant", "/event/tenant"))
        self.assertIn("tenant: /tenant", self.quipu("serve", "plan.yaml", status=2))

    def test_what_was_acknowledged_is_counted_once_whenever_it_is_killed(self):
        seed = int(os.environ.get("QUIPU_SEED", random.randrange(1 << 30)))
        print("QUIPU_SEED=%d" % seed, file=sys.stderr)
        rng = random.Random(seed)
        taken, number = set(), 0
        for life in range(serve_case.OPTIONS.kills):
            self.start()
            end = time.monotonic() + rng.uniform(0.05, 0.7)
            while time.monotonic() < end:
                batch = range(number, number + rng.choice([1, 1, 10, 100]))
                if rng.random() < 0.2:  # sent again, as by a client that had no answer
                    batch = range(max(0, number - 50), number + 1)
                try:
                    status, _ = self.post(lines(batch))
                except (OSError, http.client.HTTPException):
                    break
                self.assertEqual(status, 200)
                taken |= set(batch)
                number = max(number, batch.stop)
            batch = range(number, number + 20)  # in flight when it is killed: sent again later
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
            connection.request("POST", "/v1/events", lines(batch), {"Authorization": "Bearer " + self.key})
            time.sleep(rng.choice([0, 0.001, 0.003]))
            self.kill()
            connection.close()
        self.start()
        self.assertEqual(self.post(lines(range(number, number + 20)))[0], 200)
        taken |= set(range(number, number + 20))
        self.wait_until_counted()
        self.assertEqual(self.totals(), (len(taken), 7))
        self.stop()
        self.assertEqual(self.totals(), (len(taken), 7))

    def commands_of(self, paper):
        """Runs the first shell commands of a paper that begin a server; what they say."""
        commands = re.search(r"```sh\n(quipu init --for http.*?)```", (SOURCE / paper).read_text(), re.DOTALL)[1]
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        commands = commands.replace("8080", str(port)).replace(
            "quipu serve http.yaml", "quipu serve http.yaml --listen 127.0.0.1:%d" % port)
        commands = commands.replace("curl ", "curl --retry 50 --retry-connrefused --retry-delay 1 -s ")
        done = subprocess.run(["bash", "-ec", commands + "\nkill %1; wait %1"], cwd=self.here, capture_output=True,
                              text=True, timeout=60,
                              env={**os.environ, "PATH": "%s:%s" % (Path(serve_case.OPTIONS.quipu).parent, os.environ["PATH"])})
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = self.quipu("query", "Opened", "--in", "2026-03", "--json", "--data", "http.quipu")
        self.assertRegex(answer, r'"count":\[2\]')
        return done.stdout

    def test_the_commands_of_the_guide_work(self):
        self.assertIn('{"accepted":2}', self.commands_of("docs/serving.md"))

    def test_the_commands_of_the_readme_count_and_answer(self):
        taken, answer = self.commands_of("README.md").split("\n", 1)
        self.assertEqual(json.loads(taken), {"accepted": 2, "counted": True})
        self.assertEqual({g["by"]["campaign"]: g["count"] for g in json.loads(answer)["groups"]},
                         {"C1": [1], "C2": [1]})


if __name__ == "__main__":
    serve_case.main()
