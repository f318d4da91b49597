#!/usr/bin/env python3
"""A server that counts topics of a real broker: exactly, though both are killed at random moments.

The events have no ids, so that one that came twice would count twice.

usage: serve_kafka_test.py --quipu PROGRAM --tool KAFKA_TOOL [--kills N]
"""
import argparse
import collections
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import unittest
import urllib.request
from pathlib import Path

from kafka_case import PATIENCE_S, KafkaCase

PLAN = Path(__file__).with_name("plan.yaml")
METRIC = "Opened Email"
OPTIONS = None


class ServeKafka(KafkaCase):
    def setUp(self):
        super().setUp()
        (self.here / "plan.yaml").write_text(PLAN.read_text())
        self.server = None
        self.addCleanup(self.kill)

    def start(self, *options, topics=None, plan="plan.yaml", environment=None, wait=True):
        begin = len(self.said()) if (self.here / "log").exists() else 0
        with_topics = [part for topic in (topics or [self.topic]) for part in ("--topic", topic)]
        kafka = ["--kafka", self.broker.address, *with_topics] if "--config" not in options else []
        self.log = open(self.here / "log", "a")
        self.server = subprocess.Popen(
            [OPTIONS.quipu, "serve", *([plan] if plan else []), "--listen", "127.0.0.1:0", "--memory", "256M",
             *kafka, *map(str, options)],
            cwd=self.here, stderr=self.log, env={**os.environ, **(environment or {})})
        self.log.close()
        if wait:
            self.wait_until(lambda: "listening" in self.said()[begin:], "the server listens: ")

    def kill(self):
        if self.server:
            self.server.kill()
            self.server.wait()
            self.server = None

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(PATIENCE_S), 0, self.said())
        self.server = None

    def said(self):
        return (self.here / "log").read_text()

    def quipu(self, *arguments, status=0):
        done = subprocess.run([OPTIONS.quipu, *map(str, arguments)], cwd=self.here, capture_output=True, text=True,
                              timeout=PATIENCE_S)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def counts(self, by=None):
        """Events in March: in all, or of each value."""
        done = subprocess.run([OPTIONS.quipu, "query", METRIC, "--tenant", "acme", "--in", "2026-03", "--json",
                               *(["--by", by] if by else [])], cwd=self.here, capture_output=True, text=True)
        if done.returncode != 0:
            return 0
        groups = json.loads(done.stdout)["groups"]
        if not by:
            return groups[0]["count"][0] if groups else 0
        return {str(group["by"][by]): group["count"][0] for group in groups}

    def wait_for_count(self, count):
        self.wait_until(lambda: self.counts() >= count, "%d are counted; the server: %s" % (count, self.said()[-500:]))
        self.assertEqual(self.counts(), count)

    def metrics(self):
        port = re.findall(r"listening on http://127.0.0.1:(\d+)", self.said())[-1]
        with urllib.request.urlopen("http://127.0.0.1:%s/metrics" % port) as answer:
            return answer.read().decode()

    def sources(self):
        return {source["name"]: source for source in json.loads(self.quipu("sources", "--json"))}


class Counts(ServeKafka):
    def test_what_is_there_and_what_comes_is_counted_by_key_fields_too(self):
        self.make(4)
        self.many(0, 1000)
        self.start()
        self.wait_for_count(1000)
        self.put((2, json.dumps({"account": "acme", "metric": METRIC, "email": "x", "time": "2026-03-01T00:00:00Z",
                                 "properties": {"campaign": "late"}}), "k", 0, {"source": "web"}))
        self.wait_for_count(1001)
        self.assertEqual(self.counts("partition"), {"0": 250, "1": 250, "2": 251, "3": 250})
        self.assertEqual(self.counts("source"), {"": 1000, "web": 1})
        self.assertEqual(self.counts("campaign"),
                         {**{"c%d" % k: sum(n % 7 == k for n in range(1000)) for k in range(7)}, "late": 1})
        self.stop()
        positions = self.quipu("inspect")
        self.assertIn("kafka:kafka/%s/2" % self.topic, positions)

    def test_what_is_set_aside_tells_topic_partition_and_offset(self):
        self.make(2)
        self.many(0, 3, partitions=1)
        self.put((1, "[1]"), (1, b"\xff"), (1, None), (1, '{"account":"acme","metric":"m"}'))
        self.start()
        self.wait_for_count(3)
        letters = [json.loads(line) for line in (self.here / "plan.quipu" / "dead-letter.jsonl").read_text().splitlines()]
        self.assertEqual([(letter["source"], letter["line"], letter["offset"], letter["reason"]) for letter in letters],
                         [("kafka:kafka/%s/1" % self.topic, n, n, reason) for n, reason in
                          enumerate(["not_json", "not_json", "not_json", "time_missing"])])
        self.assertEqual(letters[1]["base64"], "/w==")
        self.assertEqual(letters[2]["text"], "null")
        self.stop()

    def test_it_is_exact_though_server_and_broker_are_killed_at_random(self):
        self.make(4)
        writer = subprocess.Popen([self.tool, self.broker.address, "--set", "message.timeout.ms=120000", "--set",
                                   "compression.codec=zstd"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(writer.stdout.close)
        aborted = ["transactional.id=" + self.topic]
        written, killed_while_reading = 0, 0
        seed = random.randrange(1 << 30)
        print("seed", seed, file=sys.stderr)
        chance = random.Random(seed)
        for life in range(OPTIONS.kills):
            count = chance.randrange(2_000, 30_000)
            # Some of the partitions get all, so that there are fast and slow ones.
            writer.stdin.write("many\t%s\t%d\t%d\t300\t%d\n" % (self.topic, written, count, chance.choice([1, 2, 4])))
            writer.stdin.flush()
            written += count
            self.start(wait=False)
            if life % 4 == 1:
                self.do(("begin",), ("many", self.topic, 10_000_000, 500, 200, 4), ("flush",), ("abort",),
                        settings=aborted)
            time.sleep(chance.uniform(0.1, 3.5))
            if life % 4 == 3:
                self.broker.kill()
                time.sleep(chance.uniform(0, 2))
                self.broker.start()
                time.sleep(chance.uniform(0, 2))
            killed_while_reading += self.server.poll() is None
            self.kill()
        writer.stdin.write("flush\n")
        writer.stdin.close()
        said = writer.stdout.read()
        self.assertEqual(writer.wait(PATIENCE_S), 0, said)
        self.start()
        self.wait_for_count(written)
        time.sleep(3)
        self.assertEqual(self.counts(), written, "seed %d" % seed)
        self.assertEqual(self.counts("campaign"), dict(collections.Counter("c%d" % (n % 7) for n in range(written))))
        self.assertEqual(killed_while_reading, OPTIONS.kills, self.said()[-2000:])
        self.stop()

    def test_a_broker_that_goes_and_comes_stops_nothing_else(self):
        self.make(2)
        self.many(0, 100, partitions=2)
        self.start()
        self.wait_for_count(100)
        self.broker.kill()
        name = "kafka:kafka/" + self.topic
        self.wait_until(lambda: "down" in self.sources()[name]["error"], "its source says that it is away")
        self.wait_until(lambda: re.search(r"error: %s: .*down.*tried again" % name, self.said()), "the log says so")
        self.assertEqual(self.counts(), 100)
        self.broker.start()
        self.many(100, 50, partitions=2)
        self.wait_for_count(150)
        self.assertEqual(self.sources()[name]["error"], "")
        self.wait_until(lambda: name + " is read again" in self.said(), "the log says so")
        self.assertIn('quipu_source_lag_records{source="%s"} 0' % name, self.metrics())
        self.stop()

    def test_a_topic_made_anew_stops_that_topic_alone(self):
        other = self.topic + "-other"
        self.make()
        self.make(1, other)
        self.many(0, 100, partitions=1)
        self.start(topics=[self.topic, other])
        self.wait_for_count(100)
        self.stop()
        self.do(("delete", self.topic))
        time.sleep(2)
        self.make()
        self.many(0, 7, partitions=1)
        self.start(topics=[self.topic, other])
        name = "kafka:kafka/" + self.topic
        self.wait_until(lambda: "made anew" in self.sources()[name]["error"], "it is told")
        self.put((0, json.dumps({"account": "acme", "metric": METRIC, "email": "x", "time": "2026-03-01T00:00:00Z"})),
                 topic=other)
        self.wait_for_count(101)
        self.stop()
        self.start("--begin-anew", self.topic, topics=[self.topic, other])
        self.wait_for_count(108)
        self.stop()

    def test_a_group_shows_how_far_a_store_is_and_is_one_stores(self):
        self.make(2)
        self.many(0, 100, partitions=2)
        self.start("--kafka-group", "watch")
        self.wait_for_count(100)

        def committed():
            return self.do(("committed", "watch", self.topic, 0)).split()[0]
        self.wait_until(lambda: committed() == "50", "the group shows it")
        self.stop()
        (self.here / "other").mkdir()
        self.start("--kafka-group", "watch", "--data", "other/store")
        name = "kafka:kafka/" + self.topic

        def error():
            return json.loads(self.quipu("sources", "--json", "--data", "other/store"))
        self.wait_until(lambda: any(s["name"] == name and "another store" in s["error"] for s in error()), "it is refused")
        self.stop()


class Settings(ServeKafka):
    def test_a_file_names_clusters_topics_and_settings(self):
        self.make(2)
        self.many(0, 100, partitions=2)
        (self.here / "server.yaml").write_text("""plan: plan.yaml
data: plan.quipu
kafka:
  - name: main
    brokers: %s
    topics: ["%s:1"]
    settings: {client.rack: a, sasl.password: {env: KAFKA_PASSWORD}, security.protocol: plaintext}
""" % (self.broker.address, self.topic))
        self.start("--config", "server.yaml", plan=None, environment={"KAFKA_PASSWORD": "s3cret"})
        self.wait_for_count(50)
        self.assertIn("kafka:main/" + self.topic, self.sources())
        self.assertNotIn("s3cret", self.said())
        self.stop()

    def refused(self, *options, **config):
        if config:
            (self.here / "server.yaml").write_text("plan: plan.yaml\nkafka:\n  - " + config["text"] + "\n")
            options = ("--config", "server.yaml")
        done = subprocess.run([OPTIONS.quipu, "serve", "plan.yaml", "--listen", "127.0.0.1:0", *options], cwd=self.here,
                              capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_what_is_wrong_is_told_before_anything_is_read(self):
        kafka = ["--kafka", self.broker.address]
        self.assertIn("which topics? --topic NAME", self.refused(*kafka))
        self.assertIn("which brokers?", self.refused("--topic", "t"))
        self.assertIn('"t:x" is no topic', self.refused(*kafka, "--topic", "t:x"))
        self.assertIn('"never" is no time', self.refused(*kafka, "--topic", "t", "--kafka-from", "never"))
        self.assertIn("u may begin anew, but is not read", self.refused(*kafka, "--topic", "t", "--begin-anew", "u"))
        self.assertIn("No such configuration property", self.refused(*kafka, "--topic", "t", "--kafka-set", "x.y=1"))
        self.assertIn("a secret does not stand in a command",
                      self.refused(*kafka, "--topic", "t", "--kafka-set", "sasl.password=x"))
        self.assertRegex(self.refused(text="{brokers: a}"), r"server.yaml:3:\d+: kafka: needs brokers: .* and topics:")
        self.assertRegex(self.refused(text="{brokers: a, topics: [t], settings: {sasl.password: pw}}"),
                         r"server.yaml:3:\d+: .*a secret does not stand here; write {env: NAME}")
        self.assertRegex(self.refused(text="{brokers: a, topics: [t], group: ''}"), r"server.yaml:3:\d+: kafka.*group")


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--kills", type=int, default=12)
    OPTIONS, rest = parser.parse_known_args()
    KafkaCase.tool = OPTIONS.tool
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
