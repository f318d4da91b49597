#!/usr/bin/env python3
"""A run keeps inside its memory budget whatever its lines come to: lists that multiply, hundreds of dimensions, eight
calendars. Real processes, drawn from a printed seed.

  lists_memory_test.py --quipu BIN [--seed N]
"""
import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUDGET_MIB = 256
# So that a fault ends the run, not the machine: addresses, of which a run maps far more than it uses.
MOST_ADDRESSES = 3 << 30
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns", "Pacific/Chatham"]


def plan(properties, up_to, calendars):
    return ("quipu: 1\nevent: {tenant: {const: t}, metric: {const: M}, profile: /p, time: /t}\n"
            "properties: {%s}\ncalendars:\n  default: [%s]\ncount:\n  - {metrics: \"*\", by: [[]]}\n"
            "  - {metrics: \"*\", combinations: {of: [%s], up_to: %d}}\n"
            % (", ".join("%s: /%s" % (p, p) for p in properties), ", ".join("{zone: %s}" % z for z in ZONES[:calendars]), ", ".join(properties), up_to))


class Lists(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="quipu_lists_")
        self.addCleanup(self.folder.cleanup)
        self.here = Path(self.folder.name)
        self.random = random.Random(SEED)

    def count(self, plan_text, events):
        """Counts lines made of (profile, lists by name); gives the total that the store then knows."""
        (self.here / "plan.yaml").write_text(plan_text)
        with open(self.here / "lines.jsonl", "w") as out:
            for n, (profile, lists) in enumerate(events):
                line = {"p": profile, "t": "2026-03-%02dT%02d:00:00Z" % (1 + n % 28, n % 24), **lists}
                out.write(json.dumps(line, separators=(",", ":")) + "\n")
        size = os.path.getsize(self.here / "lines.jsonl")
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
        run = subprocess.Popen([QUIPU, "run", "plan.yaml", "lines.jsonl", "--data", "store", "--memory", "%dM" % BUDGET_MIB], cwd=self.here,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit)
        with run.stdout, run.stderr:
            text = run.stdout.read() + run.stderr.read()
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(run.returncode, 0, text)
        print("seed %d: %d lines, %d bytes: %d MiB of %d, %.1f s of CPU time" %
              (SEED, len(events), size, used.ru_maxrss // 1024, BUDGET_MIB, used.ru_utime + used.ru_stime), flush=True)
        self.assertLess(used.ru_maxrss / 1024, BUDGET_MIB * 1.15)
        self.assertIn("%s read = %s counted" % (format(len(events), ","), format(len(events), ",")), text)
        asked = subprocess.run([QUIPU, "query", "M", "--data", "store", "--interval", "month", "--in", "2026-03"], cwd=self.here, capture_output=True, text=True)
        self.assertEqual(asked.returncode, 0, asked.stderr)
        return asked.stdout

    def lists(self, **sizes):
        return {name: self.random.sample(range(size + size // 4 + 1), size) for name, size in sizes.items()}

    def test_eight_hundred_lines_of_two_lists_in_988_dimensions_and_eight_calendars(self):
        properties = ["a", "b"] + ["s%d" % i for i in range(16)]
        told = self.count(plan(properties, 3, 8), [("u%d" % n, self.lists(a=31, b=32)) for n in range(LINES)])
        self.assertIn(format(LINES, ","), told)

    def test_one_profile_and_three_lists_in_hundreds_of_dimensions_of_three_properties(self):
        properties = ["a", "b", "c"] + ["s%d" % i for i in range(10)]
        told = self.count(plan(properties, 3, 4), [("u", self.lists(a=9, b=9, c=9)) for _ in range(40)])
        self.assertIn("40", told)

    def test_lines_without_a_profile_turn_from_small_to_heavy_in_one_block(self):
        properties = ["a", "b"] + ["s%d" % i for i in range(8)]
        small = [(None, {"s1": n}) for n in range(600)]
        heavy = [(None, self.lists(a=30, b=30)) for _ in range(300)]
        told = self.count(plan(properties, 3, 8), small + heavy)
        self.assertIn("900", told)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--lines", type=int, default=800)
    arguments, rest = parser.parse_known_args()
    QUIPU, SEED, LINES = os.path.abspath(arguments.quipu), arguments.seed, arguments.lines
    unittest.main(argv=sys.argv[:1] + rest, verbosity=2)
