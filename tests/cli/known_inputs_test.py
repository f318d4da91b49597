#!/usr/bin/env python3
"""What is known again: rotated, copied, swapped, cut, compressed and grown inputs, --moved, --again and --count-twice.

    known_inputs_test.py --quipu build/quipu [unittest arguments]
"""
import gzip
import os
import signal
import subprocess
import time

from quipu_case import Quipu, main

# Events without id: a line that is counted twice shows.
PLAN = """quipu: 1
event:
  tenant: {const: t}
  metric: /m
  profile: /who
  id: /id
  time: /time
  values: {v: /v}
properties: {p: /p}
count:
  - {metrics: "*", by: [[], p], sum: [v]}
"""


def lines(*numbers, id=False):
    return "".join('{"m": "M", "who": "u%d", %s"time": "2026-03-01T10:00:00Z", "v": 1, "p": "x"}\n' %
                   (n, '"id": "%d", ' % n if id else "") for n in numbers)


class KnownInputs(Quipu):
    def setUp(self):
        super().setUp()
        self.write("plan.yaml", PLAN)

    def run_on(self, *inputs, status=0, **more):
        done = self.quipu("run", "plan.yaml", *inputs, status=status, **more)
        if status == 1:
            self.assertEqual(done.stdout, "")
        return done.stderr if status == 1 else done.stdout

    def counted(self, number, of=None):
        """All of March: events, and different profiles."""
        group = self.ask("M", "--in", "2026-03")["groups"][0]
        self.assertEqual((group["count"], group["unique"]), ([number], [of or number]))

    def refused(self, *inputs, **more):
        """The message; it advises nothing that would count known content twice."""
        message = self.run_on(*inputs, status=1, **more)
        self.assertNotIn("--again", message)
        return message

    def move(self, old, new):
        os.rename(self.here / old, self.here / new)

    def append(self, name, text):
        with open(self.here / name, "a") as file:
            file.write(text)

    def test_a_rotated_log_is_counted_once(self):                                                              # E01
        self.write("a.log", lines(1, 2))
        self.assertIn("2 read = 2 counted", self.run_on("a.log"))
        self.move("a.log", "a.log.1")
        self.write("a.log", lines(3, 4))
        self.assertIn("a.log.1: its content was counted before", self.refused("a.log.1"))
        self.assertIn("0 read = 0 counted", self.run_on("--moved", "a.log.1"))
        self.assertIn("quipu run: a.log: ", self.run_on("a.log", status=1))
        self.assertIn("2 read = 2 counted", self.run_on("--again", "a.log"))
        self.assertIn("0 read", self.run_on("a.log.1"))
        self.counted(4)
        # And once more, in one command, compressed, with a third generation.
        self.move("a.log.1", "a.log.2")
        self.write("a.log.2.gz", "")
        (self.here / "a.log.2.gz").write_bytes(gzip.compress((self.here / "a.log.2").read_bytes()))
        os.remove(self.here / "a.log.2")
        self.append("a.log", lines(5))
        self.move("a.log", "a.log.1")
        self.write("a.log", lines(6, 7))
        for _ in range(3):
            self.run_on("--moved", "--again", "a.log", "a.log.1", "a.log.2.gz")
            self.counted(7)

    def test_a_small_log_that_grew_before_it_moved_goes_on(self):                                              # E02
        self.write("a.log", lines(1, 2))
        self.assertIn("2 read = 2 counted", self.run_on("a.log"))
        self.append("a.log", lines(3))
        self.move("a.log", "a.log.1")
        self.assertIn("--moved", self.refused("a.log.1"))
        self.assertIn("1 read = 1 counted", self.run_on("--moved", "a.log.1"))
        self.counted(3)
        # Who says --moved of what is not known is told.
        self.write("b.log", lines(9))
        self.assertIn("no input that was counted", self.refused("--moved", "b.log"))
        self.assertIn("1 read = 1 counted", self.run_on("b.log"))

    def test_names_that_swap_are_told_and_counted_once(self):                                                  # E03
        self.write("a.log.1", lines(*range(60)))
        self.write("a.log", lines(*range(60, 120)))
        self.assertIn("120 read = 120 counted", self.run_on("a.log", "a.log.1"))
        os.remove(self.here / "a.log.1")
        self.move("a.log", "a.log.1")
        message = self.refused("a.log.1")
        self.assertRegex(message, r"a\.log\.1: its content was counted before, as .*/a\.log \(.*--moved")
        self.assertIn("0 read", self.run_on("--moved", "a.log.1"))
        self.counted(120)
        # Both ways at once.
        self.write("a.log", lines(*range(60)))
        self.assertIn("--moved", self.refused("a.log"))
        self.run_on("--moved", "a.log", "a.log.1")
        self.move("a.log", "other")
        self.move("a.log.1", "a.log")
        self.move("other", "a.log.1")
        self.refused("a.log", "a.log.1")
        self.run_on("--moved", "a.log", "a.log.1")
        self.counted(120)

    def test_copytruncate(self):
        self.write("app.log", lines(*range(100)))
        self.run_on("app.log")
        self.append("app.log", lines(100))
        self.write("app.log.1", (self.here / "app.log").read_text())
        self.write("app.log", "")
        self.refused("app.log.1")
        self.assertIn("1 read = 1 counted", self.run_on("--moved", "app.log.1"))
        self.run_on("app.log", status=1)
        self.write("app.log", lines(101, 102))
        self.assertIn("2 read = 2 counted", self.run_on("--again", "app.log"))
        self.counted(103)

    def test_a_copy_that_grows_like_the_first_is_counted_once(self):
        self.write("a.log", lines(*range(50)))
        self.run_on("a.log")
        self.write("mirror.log", lines(*range(50)))
        self.run_on("--moved", "mirror.log")
        self.append("a.log", lines(*range(50, 70)))
        self.run_on("a.log")
        self.append("mirror.log", lines(*range(50, 60)))
        self.assertIn("begins with the same", self.refused("mirror.log"))   # behind the other
        self.append("mirror.log", lines(*range(60, 75)))
        self.assertIn("5 read = 5 counted", self.run_on("mirror.log"))
        self.counted(75)
        # An older copy holds nothing new, wherever it lies, cut or not.
        self.write("old.log", lines(*range(30)))
        self.refused("old.log")
        self.refused("--moved", "old.log")
        self.write("a.log", lines(*range(30)))
        self.refused("a.log")
        self.counted(75)

    def test_counting_lines_without_id_twice_needs_a_word_that_says_so(self):
        self.write("a.log", lines(*range(10)))
        self.write("b.log", lines(10, 11, 12))
        self.run_on("a.log", "b.log")
        for inputs, number in ((("a.log",), 10), (("a.log", "b.log"), 13)):
            message = self.run_on("--again", *inputs, status=1, input="y\n")
            self.assertIn("%d lines were counted before" % number, message)
            self.assertIn("--count-twice", message)
            self.counted(13)
        self.assertIn("10 read = 10 counted", self.run_on("--again", "--count-twice", "a.log"))
        self.counted(23, of=13)
        self.assertIn("3 read = 3 counted", self.run_on("--count-twice", "b.log"))
        self.counted(26, of=13)

    def test_with_ids_again_counts_nothing_twice_and_needs_no_word(self):
        self.write("a.log", lines(*range(10), id=True))
        self.run_on("a.log")
        self.assertIn("10 read = 0 counted + 10 duplicate", self.run_on("--again", "a.log"))
        self.append("a.log", lines(10))
        self.run_on("a.log")
        self.assertIn("11 lines were counted before", self.run_on("--again", "a.log", status=1))

    def test_again_that_was_killed_goes_on_when_it_is_given_again(self):
        numbers = range(60000)
        self.write("a.log", lines(*numbers[:20]))
        self.write("b.log", lines(*numbers[20:]))
        self.run_on("a.log", "b.log")
        command = ["run", "plan.yaml", "--again", "--count-twice", "a.log", "b.log"]
        killed = subprocess.Popen([self.program, *command, "--checkpoint", "0.05"], cwd=self.here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=dict(os.environ, QUIPU_FAULT_DELAY="reader.block:40", QUIPU_FAULT_AT="checkpoint.committed:3"))
        self.assertEqual(killed.wait(timeout=60), -signal.SIGKILL)
        half = self.ask("M", "--in", "2026-03")["groups"][0]["count"][0]
        self.assertTrue(60020 <= half < 120000, half)
        self.quipu(*command)
        self.counted(120000, of=60000)
        self.quipu(*command)   # which has ended: so this is once more
        self.counted(180000, of=60000)

    def test_a_pass_that_was_killed_goes_on_under_another_name(self):
        self.write("a.log", lines(*range(60000)))
        self.run_on("a.log")
        killed = subprocess.Popen([self.program, "run", "plan.yaml", "--count-twice", "a.log", "--checkpoint", "0.05"], cwd=self.here,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=dict(os.environ, QUIPU_FAULT_DELAY="reader.block:40", QUIPU_FAULT_AT="checkpoint.committed:2"))
        self.assertEqual(killed.wait(timeout=60), -signal.SIGKILL)
        self.move("a.log", "b.log")
        self.refused("b.log")
        self.append("b.log", lines(60000))
        self.run_on("--moved", "b.log")
        self.counted(120001, of=60001)

    def test_standard_input_and_files_know_each_others_content(self):
        self.write("a.log", lines(*range(50)))
        self.run_on("a.log")
        self.refused("-", "--as", "tap", input=lines(*range(50)))
        self.assertIn("1 read = 1 counted", self.run_on("-", "--as", "pipe", "--moved", input=lines(*range(51))))
        self.write("b.log", lines(*range(51)))
        self.refused("b.log")
        self.counted(51)

    def test_a_run_that_fails_before_its_first_commit_leaves_no_store(self):
        self.write("good.log", lines(1))
        self.write("bad.log", "no json\n")
        os.mkdir(self.here / "folder")
        for arguments in (("good.log", "folder"), ("bad.log", "--strict"), ("--moved", "good.log")):
            self.run_on(*arguments, status=1)
            self.assertEqual([name for name in os.listdir(self.here) if "quipu" in name], [], arguments)
        self.run_on("good.log")
        self.run_on("bad.log", "--strict", status=1)
        self.counted(1)
        # What was piped in may not come again.
        self.quipu("run", "plan.yaml", "-", "--as", "tap", "--strict", "--data", "piped", status=1, input="no json\n")
        self.assertEqual((self.here / "piped/spool/tap").read_text(), "no json\n")

    def test_an_empty_file_is_not_said_to_have_been_counted(self):
        self.write("empty.log", "")
        said = self.quipu("run", "plan.yaml", "empty.log").stderr
        self.assertNotIn("counted before", said)
        self.assertIn("empty.log: holds no lines", said)
        self.append("empty.log", lines(1))
        self.assertIn("1 read = 1 counted", self.run_on("empty.log"))

    def test_many_inputs_cost_as_much_each_as_few(self):
        def cpu_s(count):
            names = []
            for n in range(count):
                names.append("in%d" % n)
                self.write(names[-1], lines(n))
            before = os.times()
            self.quipu("run", "plan.yaml", *names, "--data", "many%d" % count)
            self.quipu("run", "plan.yaml", *names, "--data", "many%d" % count)
            after = os.times()
            return after.children_user + after.children_system - before.children_user - before.children_system

        few, many = cpu_s(500), cpu_s(4000)
        self.assertLess(many, 8 * few * 1.5, "%.2f s of 500 inputs, %.2f s of 4000" % (few, many))

    def test_passing_over_what_is_known_can_be_interrupted(self):
        text = lines(*range(2000))
        # A gigabyte of blank lines behind the events, in a few MB: some seconds to pass over.
        with gzip.open(self.here / "a.gz", "wb", compresslevel=1) as file:
            file.write(text.encode())
            for _ in range(1500):
                file.write(b" " * 999999 + b"\n")
        self.run_on("a.gz")
        process = self.background("run", "plan.yaml", "a.gz")
        time.sleep(0.7)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        self.assertLess(time.monotonic() - begin, 1.5)
        self.assertIn("stopped", process.stdout.read())


if __name__ == "__main__":
    main()
