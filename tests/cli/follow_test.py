#!/usr/bin/env python3
"""`quipu run --follow`: files that grow, are rotated in every way, and appear late, while quipu is killed and started.

    follow_test.py --quipu build/quipu [unittest arguments]

The random test prints its seed; QUIPU_FIRST_SEED and QUIPU_SEEDS say which it begins with, and how many there are.
"""
import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter

from quipu_case import Quipu, main

# Without ids, so that a line that is read twice counts twice.
PLAN = """quipu: 1
event: {tenant: {const: shop}, metric: /what, profile: /who, time: /at}
properties: {number: /number, colour: /colour}
count:
  - {metrics: "*", by: [[], number, colour]}
"""


def event(number, **more):
    line = {"what": "Bought", "number": str(number), "who": "p%d" % (number % 7), "at": "2026-03-%02dT10:00:00Z" % (1 + number % 20),
            "colour": ["red", "blue", "green"][number % 3]}
    line.update(more)
    return json.dumps(line) + "\n"


class Log:
    """A file that a program writes, and how it is rotated. Rotated ones are .1 (the newest), .2 and so on."""

    def __init__(self, path):
        self.path = path
        self.file = None

    def append(self, text):
        if not self.file:
            self.file = open(self.path, "a")
        self.file.write(text)
        self.file.flush()

    def numbered(self, n):
        return self.path.with_name("%s.%d" % (self.path.name, n))

    def shift(self):
        last = 1
        while any(self.numbered(last).with_name(self.numbered(last).name + end).exists() for end in ("", ".gz")):
            last += 1
        for n in range(last - 1, 0, -1):
            for end in ("", ".gz"):
                old = self.numbered(n).with_name(self.numbered(n).name + end)
                if old.exists():
                    os.rename(old, self.numbered(n + 1).with_name(self.numbered(n + 1).name + end))

    def compress(self, n):
        plain = self.numbered(n)
        if not plain.exists():
            return
        kept = os.stat(plain)
        packed = plain.with_name(plain.name + ".gz")
        with open(plain, "rb") as source, gzip.open(packed, "wb") as target:
            shutil.copyfileobj(source, target)
        os.utime(packed, ns=(kept.st_atime_ns, kept.st_mtime_ns))   # as gzip does
        os.remove(plain)

    def rename(self, late=""):
        """late: what is still written to the old file when there is a new one already."""
        self.shift()
        if self.path.exists():
            os.rename(self.path, self.numbered(1))
        if late and self.file:
            self.path.touch()
            self.file.write(late)
            self.file.flush()
        if self.file:
            self.file.close()
        self.file = None

    def copytruncate(self):
        if not self.path.exists():
            return
        self.shift()
        shutil.copyfile(self.path, self.numbered(1))
        os.truncate(self.path, 0)


class Following(Quipu):
    def setUp(self):
        super().setUp()
        self.write("plan.yaml", PLAN)
        self.numbers = Counter()   # of all lines that are whole
        self.process = None

    def follow(self, *names):
        with open(self.here / "said", "w") as said:
            self.process = subprocess.Popen([self.program, "run", "plan.yaml", "--follow", *names], cwd=self.here,
                                            stdout=said, stderr=said)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.until("a start", lambda: "following" in self.text())

    def text(self):
        text = (self.here / "said").read_text()
        self.assertIsNone(self.process.poll(), text)
        return text

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(timeout=60)
        text = (self.here / "said").read_text()
        self.assertEqual(status, 0, text)
        return text

    def kill(self):
        self.process.kill()
        self.process.wait()

    def lines(self, n, **more):
        first = sum(self.numbers.values())
        text = "".join(event(first + i, **more) for i in range(n))
        self.numbers.update(str(first + i) for i in range(n))
        return text

    def found(self):
        done = subprocess.run([self.program, "query", "Bought", "--by", "number", "--in", "2026-03", "--json"], cwd=self.here,
                              capture_output=True, text=True, timeout=120)
        if done.returncode:   # nothing is counted yet
            return Counter()
        return Counter({g["by"]["number"]: sum(g["count"]) for g in json.loads(done.stdout)["groups"]})

    def counted(self):
        """Waits until all is counted: how long that took. Then nothing may be counted twice."""
        try:
            waited = self.until("all to be counted", lambda: sum(self.found().values()) >= sum(self.numbers.values()))
        except AssertionError:
            missing = sorted(map(int, self.numbers - self.found()))
            self.fail("missing %s\n%s" % (missing[:20], self.text()))
        found = self.found()
        self.assertEqual(sorted((found - self.numbers).items())[:20], [], self.text())
        self.assertEqual(sorted((self.numbers - found).items())[:20], [], self.text())
        return waited


class Follow(Following):
    def test_what_is_appended_is_counted_soon_and_a_signal_ends_it_in_order(self):
        log = Log(self.here / "app.log")
        log.append(self.lines(100))
        self.follow("app.log")
        self.counted()
        for how in (signal.SIGTERM, signal.SIGINT):
            waits = []
            for _ in range(5):
                log.append(self.lines(3))
                waits.append(self.counted())
            self.assertLess(sorted(waits)[2], 3)
            log.append(self.lines(2))
            time.sleep(1)
            self.assertIn("stopped:", self.stop(how))
            self.assertEqual(self.found(), self.numbers)
            self.follow("app.log")
        self.counted()

    def test_a_line_is_waited_for_until_its_newline(self):
        log = Log(self.here / "app.log")
        log.append(self.lines(3))
        self.follow("app.log")
        self.counted()
        half = event(3)[:-1]
        log.append(half[:20])
        time.sleep(0.6)
        log.append(half[20:])   # a closed object
        time.sleep(0.6)
        self.counted()
        log.append("\n")
        self.numbers["3"] += 1
        self.counted()

    def test_a_rotated_file_is_read_to_its_end_and_beyond(self):
        log = Log(self.here / "app.log")
        log.append(self.lines(50))
        self.follow("app.log")
        self.counted()
        log.append(self.lines(50))
        old = log.file
        log.rename()
        log.append(self.lines(10))
        self.counted()
        old = open(log.numbered(1), "a")
        old.write(self.lines(5))   # by one who has not heard of the rotation
        old.flush()
        self.counted()
        os.remove(log.numbered(1))
        old.write(self.lines(1))
        old.flush()
        self.counted()

    def test_the_last_line_of_a_rotated_file_needs_no_newline(self):
        log = Log(self.here / "app.log")
        log.append(self.lines(3) + self.lines(1)[:-1])
        self.follow("app.log")
        time.sleep(0.6)
        self.assertEqual(sum(self.found().values()), 3)
        log.rename()
        log.append(self.lines(1))
        self.counted()

    def test_new_files_may_begin_as_old_ones_do(self):
        log = Log(self.here / "app.log")
        banner = event(0)
        for n in range(1, 6):
            log.append(banner * n)
            if n == 1:
                self.follow("app.log")
            self.numbers["0"] += n
            self.counted()
            log.rename() if n % 2 else log.copytruncate()
            time.sleep(1)   # a file that is cut short and written again looks as if it had grown, if nobody looks meanwhile
        log.append(banner)
        self.numbers["0"] += 1
        self.counted()

    def test_a_file_that_is_written_anew_goes_on(self):
        """As rsync and editors do: another file takes the name, and the old one is gone."""
        path = self.here / "app.log"
        text = ""
        for n in range(4):
            text += self.lines(20)
            self.write("app.new", text)
            os.rename(self.here / "app.new", path)
            if n == 0:
                self.follow("app.log")
            self.counted()

    def test_several_rotations_while_it_is_down(self):
        for rotate in (Log.rename, Log.copytruncate):
            with self.subTest(rotate.__name__):
                log = Log(self.here / (rotate.__name__ + ".log"))
                self.write(log.path.name + ".1", event(1_000_000))   # was there before: none of ours
                time.sleep(0.2)
                log.append(self.lines(20))
                self.follow(log.path.name)
                self.counted()
                self.kill()
                log.append(self.lines(20))
                for n in range(3):
                    rotate(log)
                    log.append(self.lines(20))
                    time.sleep(0.02)
                log.compress(3)   # which holds what was counted
                self.follow(log.path.name)
                self.counted()
                self.stop()

    def test_the_rest_is_read_though_there_is_no_new_file_yet(self):
        log = Log(self.here / "app.log")
        log.append(self.lines(20))
        self.follow("app.log")
        self.counted()
        self.kill()
        log.append(self.lines(20))
        log.rename()
        self.follow("app.log")
        self.counted()
        log.append(self.lines(20))
        self.counted()

    def test_what_is_missing_is_said_and_later_files_are_counted(self):
        log = Log(self.here / "app.log")
        log.append(self.lines(20))
        self.follow("app.log")
        self.counted()
        self.kill()
        time.sleep(1.1)
        log.rename()
        log.append(self.lines(20))
        log.rename()
        os.remove(log.numbered(2))   # all of which was counted
        log.append(self.lines(20))
        self.follow("app.log")
        self.counted()
        self.assertRegex(self.text(), "app.log: does not go on from what was counted of it.*app.log.1")

    def test_a_file_that_cannot_be_read_is_named_and_stops_nothing_else(self):
        good, bad = Log(self.here / "good.log"), self.here / "bad.log"
        good.append(self.lines(5))
        bad.mkdir()
        self.write("binary.log", "\0\1\2\n" * 100)
        self.follow("bad.log", "binary.log", "good.log", "late/none.log")
        self.counted()
        for name in ("bad.log: ", "binary.log: ", "late/none.log: "):
            self.until(name, lambda: name in self.text())
        self.assertIn("is not there yet", self.text())
        good.append(self.lines(5))
        self.counted()
        bad.rmdir()
        Log(bad).append(self.lines(5))
        (self.here / "late").mkdir()
        Log(self.here / "late/none.log").append(self.lines(5))
        self.counted()
        self.until("a word", lambda: "bad.log: is read again" in self.text())
        self.assertEqual(self.text().count("binary.log: "), 1)

    def test_files_of_links_and_of_the_same_file_are_read_once(self):
        first = Log(self.here / "app-1.log")
        first.append(self.lines(10))
        os.symlink("app-1.log", self.here / "current")
        self.follow("current", "app-1.log", "app-1.log")
        self.counted()
        second = Log(self.here / "app-2.log")
        second.append(self.lines(10))
        os.symlink("app-2.log", self.here / "next")
        first.append(self.lines(10))
        os.rename(self.here / "next", self.here / "current")
        self.counted()
        first.append(self.lines(10))
        second.append(self.lines(10))
        self.counted()

    def test_first_lines_that_are_all_bad_are_waited_with(self):
        log = Log(self.here / "app.log")
        log.append("Server started\n")
        self.follow("app.log")
        self.until("a refusal", lambda: "app.log: " in self.text())
        log.append(self.lines(5))
        self.counted()

    def test_a_header_belongs_to_each_file(self):
        self.write("plan.yaml", PLAN + 'input: {format: delimited, delimiter: ",", header: yes}\n')
        log = Log(self.here / "app.csv")
        columns = ["what", "number", "who", "at", "colour"]
        header = ",".join(columns) + "\n"

        def rows(n):
            return "".join(",".join(json.loads(line)[c] for c in columns) + "\n" for line in self.lines(n).splitlines())

        log.append(header + rows(10))
        self.follow("app.csv")
        self.counted()
        log.append(rows(10))
        log.rename()
        log.append(header[:5])
        self.counted()
        log.append(header[5:] + rows(10))
        self.counted()

    def test_what_does_not_go_together_is_refused(self):
        self.write("app.log", event(0))
        for words in (["--moved"], ["--again"], ["--count-twice"], ["--complete"], ["-", "--as", "x"]):
            self.assertIn("--follow", self.quipu("run", "plan.yaml", "app.log", "--follow", *words, status=2).stderr)
        self.assertIn("kMostFollowed", self.quipu("run", "plan.yaml", "--follow", *("%d.log" % n for n in range(65)), status=2).stderr)


class RandomFollow(Following):
    """Each log is rotated in its own way, at random, while lines are written and quipu is killed."""

    def one_step(self, rng, log, way):
        what = rng.random()
        if what < 0.55:
            text = self.lines(rng.randrange(1, 60), filler="x" * rng.randrange(0, 2000))
            cut = rng.randrange(len(text))
            log.append(text[:cut])
            if rng.random() < 0.5:
                time.sleep(rng.random() * 0.2)
            log.append(text[cut:])
        elif what < 0.7:
            if way == "copytruncate":
                log.copytruncate()
            elif way == "rename":
                log.rename(late=self.lines(rng.randrange(3)) if log.file else "")
            else:   # and it may be a while until there is a new file
                log.rename()
        elif what < 0.8:
            log.compress(rng.randrange(2, 4))
        else:
            time.sleep(rng.random() * 0.4)

    def run_seed(self, seed):
        rng = random.Random(seed)
        here = self.here
        self.here = here / str(seed)
        self.here.mkdir()
        self.write("plan.yaml", PLAN)
        self.numbers.clear()
        logs = [(Log(self.here / (way + ".log")), way) for way in ("rename", "copytruncate", "late")]
        names = [log.path.name for log, _ in logs]
        logs[0][0].append(self.lines(rng.randrange(50)))
        self.follow(*names)   # what was rotated before is none of ours
        running = True
        for step in range(90):
            if not running and rng.random() < 0.3:
                self.follow(*names)
                running = True
            elif running and rng.random() < 0.15:
                self.kill() if rng.random() < 0.8 else self.stop()
                running = False
            log, way = rng.choice(logs[:2] if step < 20 else logs)
            self.one_step(rng, log, way)
        if not running:
            self.follow(*names)
        self.counted()
        self.stop()
        self.here = here

    def test_everything_is_counted_once(self):
        first, seeds = int(os.environ.get("QUIPU_FIRST_SEED", random.randrange(1_000_000))), int(os.environ.get("QUIPU_SEEDS", 3))
        for seed in range(first, first + seeds):
            print("seed", seed, flush=True)
            with self.subTest(seed=seed):
                self.run_seed(seed)


if __name__ == "__main__":
    main()
