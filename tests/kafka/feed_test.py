#!/usr/bin/env python3
"""The feed of Kafka against a real broker: each committed record comes once, whatever is killed; what
cannot be continued is said.

usage: feed_test.py --tool KAFKA_TOOL --reader FEED_READER
"""
import argparse
import json
import random
import signal
import subprocess
import sys
import time
import unittest

from kafka_case import PATIENCE_S, KafkaCase, make_certificate


def member_of(text):
    return json.loads(text)["$kafka"]


class Records(KafkaCase):
    def test_every_codec_comes_and_each_partition_in_order(self):
        self.make(4)
        for i, codec in enumerate(["none", "gzip", "snappy", "lz4", "zstd"]):
            self.many(i * 2000, 2000, settings=["compression.codec=" + codec])
        self.read()
        self.assert_each_once(range(10_000))
        for partition in range(4):
            offsets = [offset for _, p, offset, _ in self.events() if p == partition]
            self.assertEqual(offsets, list(range(2500)))

    def test_aborted_transactions_never_come(self):
        self.make(2)
        say = ["transactional.id=t1"]
        self.do(("begin",), ("many", self.topic, 0, 500, 100, 2), ("flush",), ("commit",),
                ("begin",), ("many", self.topic, 500, 500, 100, 2), ("flush",), ("abort",),
                ("begin",), ("many", self.topic, 1000, 500, 100, 2), ("flush",), ("commit",), settings=say)
        self.read()
        self.assert_each_once([*range(500), *range(1000, 1500)])
        # The markers of transactions leave gaps, also behind the last record.
        self.many(1500, 10, partitions=2)
        self.read()
        self.assert_each_once([*range(500), *range(1000, 1510)])

    def test_an_open_transaction_waits_and_is_read_when_it_is_committed(self):
        self.make()
        self.many(0, 10, partitions=1)
        tool = subprocess.Popen([self.tool, self.broker.address, "--set", "transactional.id=t2"], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(tool.stdout.close)

        def say(*command):
            tool.stdin.write("\t".join(map(str, command)) + "\n")
            tool.stdin.flush()
            self.assertEqual(tool.stdout.readline().strip(), "ok")
        say("begin")
        say("many", self.topic, 10, 5, 100, 1)
        say("flush")
        self.read()
        self.assert_each_once(range(10))
        say("commit")
        tool.stdin.close()
        tool.wait()
        self.read()
        self.assert_each_once(range(15))

    def test_an_array_is_several_events_and_an_empty_one_none(self):
        self.make()
        self.put((0, '[{"id":"a"}, {"id":"b","x":"],{"}\n]'), (0, "[]"), (0, ' {"id":\n"c"} '), (0, "[]"))
        events = self.read()
        self.assertEqual([(offset, json.loads(text)["id"]) for _, _, offset, text in events],
                         [(0, "a"), (0, "b"), (2, "c")])
        self.read()
        self.assertEqual(len(self.ids()), 3)

    def test_what_is_no_event_comes_with_its_offset_to_be_set_aside(self):
        self.make()
        bad = [b"\xff\xfe\x00", "no json", "", None, "   ", '[{"id":1}, 2]', '[{"id":1}', '[{"id":1}] x', "[1]", '"x"']
        self.put(*((0, value) for value in bad))
        events = self.read()
        self.assertEqual([offset for _, _, offset, _ in events], list(range(len(bad))))
        texts = [text for _, _, _, text in events]
        self.assertEqual(texts[1], "no json")
        self.assertEqual(texts[2:5], ["null"] * 3)
        self.assertEqual(texts[5:], bad[5:])

    def test_key_headers_and_time_are_a_member_of_the_event(self):
        self.make(2)
        self.put((1, '{"id":"1"}', 'k"1', 1_700_000_000_123, {"source": "web", "none": None, "odd": 'a\\"\n'}),
                 (1, " { } ", None), (1, "[1]", "k"), (1, '[{"id":"2"},{"id":"3"}]', "k2", 5))
        texts = [text for _, _, _, text in self.read("--member")]
        self.assertEqual(json.loads(texts[0])["id"], "1")
        self.assertEqual(member_of(texts[0]), {
            "topic": self.topic, "partition": 1, "offset": 0, "timestamp": 1_700_000_000_123, "key": 'k"1',
            "headers": {"source": "web", "none": None, "odd": 'a\\"\n'}})
        self.assertEqual(member_of(texts[1])["key"], None)
        self.assertAlmostEqual(member_of(texts[1])["timestamp"] / 1000, time.time(), delta=600)
        self.assertEqual(texts[2], "[1]")
        self.assertEqual([(json.loads(t)["id"], member_of(t)["key"], member_of(t)["timestamp"]) for t in texts[3:]],
                         [("2", "k2", 5), ("3", "k2", 5)])

    def test_fixed_partitions_are_read_alone(self):
        self.make(4)
        self.many(0, 400)
        self.read(topics=[self.topic + ":1,3"])
        self.assert_each_once([n for n in range(400) if n % 2 == 1])
        self.assertIn("has no partition 4; it has 0 to 3", self.read(topics=[self.topic + ":4"], status=1))

    def test_it_begins_at_a_time(self):
        self.make()
        self.put(*((0, '{"id":"%d"}' % n, None, 1_000_000 + n * 1000) for n in range(10)))
        self.read("--from", 1_004_500)
        self.assert_each_once(range(5, 10))
        self.put((0, '{"id":"10"}', None, 1_000_000))
        self.read("--from", 1_009_000)
        self.assert_each_once(range(5, 11))

    def test_a_long_record_comes_whole(self):
        self.make(1, None, "max.message.bytes=8000000")
        self.put((0, '{"id":"1","x":"%s"}' % ("y" * 3_000_000)), (0, '{"id":"2"}'),
                 settings=["message.max.bytes=8000000"])
        events = self.read()
        self.assertEqual([len(text) for _, _, _, text in events], [3_000_000 + 17, 10])


class Killed(KafkaCase):
    def test_a_reader_killed_at_any_moment_reads_each_once(self):
        self.make(4)
        self.many(0, 100_000, settings=["compression.codec=lz4"])
        kills = 0
        for _ in range(8):
            reader = self.start_reader("--commit-every", 3, "--block", 20_000, "--delay-us", 4000)
            time.sleep(random.uniform(0.1, 0.5))
            kills += reader.poll() is None
            reader.kill()
            reader.communicate()
        self.assertGreater(kills, 3)
        self.read("--commit-every", 7)
        self.assert_each_once(range(100_000))

    def test_a_broker_killed_while_it_is_read_loses_nothing(self):
        self.make(4)
        writer = subprocess.Popen([self.tool, self.broker.address, "--set", "message.timeout.ms=60000"], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(writer.stdout.close)
        written = 0

        def write(count):
            nonlocal written
            writer.stdin.write("many\t%s\t%d\t%d\t200\t4\n" % (self.topic, written, count))
            writer.stdin.flush()
            written += count
        write(20_000)
        reader = self.start_reader("--live")
        self.wait_until(lambda: (self.here / "out").exists() and len(self.events_so_far()) > 5000, "it reads")
        write(20_000)
        self.broker.kill()
        write(20_000)
        _, err = reader.communicate(timeout=PATIENCE_S)  # told, so that the engine opens it anew
        self.assertEqual(reader.returncode, 1)
        self.assertRegex(err, "kafka kafka .*brokers are down")
        self.broker.start()
        write(20_000)
        writer.stdin.write("flush\n")
        writer.stdin.close()
        said = writer.stdout.read()
        self.assertEqual(writer.wait(PATIENCE_S), 0, said)
        self.read()
        self.assert_each_once(range(80_000))

    def events_so_far(self):
        return (self.here / "out").read_bytes().split(b"\n")

    def test_an_idle_reader_ends_at_once_when_it_is_asked(self):
        self.make(2)
        self.many(0, 10, partitions=2)
        reader = self.start_reader("--live")
        self.wait_until(lambda: (self.here / "out").exists() and len(self.events_so_far()) == 11, "all is read")
        time.sleep(0.3)
        asked = time.monotonic()
        reader.send_signal(signal.SIGTERM)
        out, err = reader.communicate(timeout=PATIENCE_S)
        self.assertEqual(reader.returncode, 0, err)
        self.assertLess(time.monotonic() - asked, 2)

    def test_a_large_backlog_neither_fills_memory_nor_holds_up_another_partition(self):
        self.make(2)
        self.do(("many", self.topic, 0, 300_000, 1000, 1), ("flush",), settings=["compression.codec=lz4"])
        reader = self.start_reader("--live", "--delay-us", 3000)
        self.wait_until(lambda: (self.here / "out").exists() and len(self.events_so_far()) > 1000, "it reads")
        self.put((1, '{"id":"late"}'))
        self.wait_until(lambda: '"late' in (self.here / "out").read_text()[-20_000_000:].replace("\\", ""), "it comes")
        read = len(self.events_so_far())
        with open("/proc/%d/status" % reader.pid) as status:
            peak_kb = int(next(line for line in status if "VmHWM" in line).split()[1])
        reader.kill()
        reader.communicate()
        self.assertLess(read, 250_000, "it came only when the backlog was read")
        self.assertLess(peak_kb, 128 << 10)


class Changes(KafkaCase):
    def test_a_partition_added_while_it_reads_is_taken_in(self):
        self.make(1)
        self.many(0, 100, partitions=1)
        reader = self.start_reader("--live", "--look", 200)
        self.wait_until(lambda: (self.here / "out").exists() and len(self.ids_so_far()) == 100, "all is read")
        self.do(("grow", self.topic, 3))
        time.sleep(0.5)
        self.many(100, 300, partitions=3)
        self.wait_until(lambda: len(self.ids_so_far()) == 400, "those of the new partitions came")
        reader.send_signal(signal.SIGTERM)
        reader.communicate(timeout=PATIENCE_S)
        self.many(400, 300, partitions=3)
        self.read()
        self.assert_each_once(range(700))

    def ids_so_far(self):
        return [line for line in (self.here / "out").read_bytes().split(b"\n") if line.endswith(b"}")]

    def make_anew(self):
        self.do(("delete", self.topic))
        for attempt in range(40):  # the deletion takes a moment
            time.sleep(0.25)
            try:
                return self.make()
            except AssertionError:
                if attempt == 39:
                    raise

    def test_a_topic_made_anew_is_told_and_counted_only_when_asked(self):
        for new_records in (3, 10, 50):
            with self.subTest(new_records=new_records):
                self.topic = "anew-%d" % new_records
                for name in ("out", "state"):
                    (self.here / name).unlink(missing_ok=True)
                self.make()
                self.many(0, 10, partitions=1)
                self.read()
                self.make_anew()
                self.many(100, new_records, partitions=1)
                error = self.read(status=1)
                self.assertRegex(error, "%s/0 .*made anew" % self.topic)
                self.assertIn("begin it anew", error)
                self.assertEqual(len(self.ids()), 10)
                self.read("--anew")
                self.assert_each_once([*range(10), *range(100, 100 + new_records)])
                self.many(200, 5, partitions=1)
                self.read()
                self.assert_each_once([*range(10), *range(100, 100 + new_records), *range(200, 205)])

    def test_a_topic_made_anew_while_it_is_read_is_told(self):
        self.make()
        self.many(0, 1000, partitions=1)
        reader = self.start_reader("--live", "--look", 200)
        self.wait_until(lambda: (self.here / "out").exists() and len(self.ids_so_far()) == 1000, "all is read")
        self.make_anew()
        self.many(5000, 10, partitions=1)
        _, err = reader.communicate(timeout=PATIENCE_S)
        self.assertEqual(reader.returncode, 1)
        self.assertIn(self.topic, err)
        self.assertRegex(self.read(status=1), "made anew")
        self.assert_each_once(range(1000))

    def test_retention_that_cut_what_was_not_counted_is_told(self):
        self.make()
        self.many(0, 100, partitions=1)
        self.read()
        self.many(100, 100, partitions=1)
        self.do(("cut", self.topic, 0, 150))
        error = self.read(status=1)
        self.assertRegex(error, "up to offset 99, but now begins at 150.*deleted before it was counted")
        self.read("--anew")
        self.assert_each_once([*range(100), *range(150, 200)])

    def test_retention_of_what_was_counted_does_not_matter(self):
        self.make()
        self.many(0, 100, partitions=1)
        self.read()
        self.do(("cut", self.topic, 0, 100))
        self.read()
        self.many(100, 10, partitions=1)
        self.read()
        self.assert_each_once(range(110))
        self.do(("cut", self.topic, 0, 50 + 55))
        self.read()
        self.assert_each_once(range(110))


class Words(KafkaCase):
    def test_a_wrong_setting_is_told_in_librdkafkas_words(self):
        self.make()
        self.assertIn('No such configuration property: "no.such"', self.read("--set", "no.such=1", status=1))
        self.assertRegex(self.read("--set", "fetch.wait.max.ms=x", status=1), "the setting fetch.wait.max.ms: Invalid")
        self.assertIn("enable.auto.commit is not free", self.read("--set", "enable.auto.commit=true", status=1))

    def test_a_topic_or_a_broker_that_is_not_there_is_told(self):
        self.assertRegex(self.read(status=1), "topic %s: .*[Uu]nknown topic" % self.topic)
        done = subprocess.run([self.reader, "127.0.0.1:1", "t"], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "no answer within 10 s.*Connection refused")

    def test_it_reads_by_tls_and_sasl_and_tells_when_it_is_not_let_in(self):
        self.make()
        self.many(0, 100, partitions=1)

        def read(*changes, group=()):
            settings = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "quipu",
                        "sasl.password": "pass-word", "ssl.ca.location": self.broker.certificate, **dict(changes)}
            given = [part for name, value in settings.items() for part in ("--set", "%s=%s" % (name, value))]
            return subprocess.run([self.reader, self.broker.secure_address, self.topic, *given, *group],
                                  capture_output=True, text=True, timeout=PATIENCE_S)
        done = read(group=("--group", "secure", "--store", "s"))
        self.assertEqual(done.stdout.split(" ")[0], "100", done.stderr)
        began = time.monotonic()
        self.assertRegex(read(("sasl.password", "wrong")).stderr, "not let in.*Authentication failed")
        self.assertRegex(read(("ssl.ca.location", make_certificate(self.here)[0])).stderr,
                         "not let in.*certificate")
        self.assertLess(time.monotonic() - began, 10, "it waited for what does not help")

    def test_the_groups_offset_shows_what_was_committed(self):
        self.make(2)
        self.many(0, 100, partitions=2)
        self.read("--group", "g1", "--store", "s1")
        said = self.do(("committed", "g1", self.topic, 0), ("committed", "g1", self.topic, 1))
        self.assertEqual(said, "50 quipu s1\nok\n50 quipu s1\nok\n")
        # It is for those who watch. What a store begins with is its own.
        for name in ("out", "state"):
            (self.here / name).unlink()
        self.read("--group", "g1", "--store", "s1")
        self.assert_each_once(range(100))

    def test_a_second_store_in_a_group_is_refused(self):
        self.make(2)
        self.many(0, 100, partitions=2)
        self.read("--group", "g2", "--store", "s1", topics=[self.topic + ":0"])
        error = self.read("--group", "g2", "--store", "s2", topics=[self.topic + ":1"], status=1)
        self.assertRegex(error, "offsets of group g2 are those of another store \\(%s/0: s1\\)" % self.topic)

    def test_a_second_store_that_came_at_the_same_time_is_refused_later(self):
        self.make()
        self.many(0, 10, partitions=1)
        reader = self.start_reader("--live", "--group", "g3", "--store", "s1", "--delay-us", 3_000_000, "--look", 300)
        time.sleep(1)
        # Nothing is written yet when the second one looks.
        other = subprocess.Popen([self.reader, self.broker.address, self.topic, "--live", "--group", "g3", "--store",
                                  "s2", "--look", "300"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(4)
        for n in range(8):
            self.many(10 + n, 1, partitions=1)
            time.sleep(0.5)
        refused = [process for process in (reader, other) if process.poll() is not None]
        self.assertEqual(len(refused), 1)
        for process in (reader, other):
            process.terminate()
        said = [process.communicate(timeout=PATIENCE_S)[1] for process in (reader, other)]
        self.assertEqual(sum("another store" in text for text in said), 1, said)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True)
    parser.add_argument("--reader", required=True)
    options, rest = parser.parse_known_args()
    KafkaCase.tool, KafkaCase.reader = options.tool, options.reader
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
