#!/usr/bin/env python3
"""What tests/planted_faults counts as caught: run with a ctest of our own, which fails and notes as told.

    planted_faults_test.py [unittest arguments]
"""
import os
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]

# "fault:test" in FAILS: that test fails under that fault (none: without one); in MEETS: it notes that it met it.
CTEST = """#!/bin/sh
test=$(echo "$*" | sed 's/.*\\^\\(.*\\)\\$.*/\\1/')
case " $MEETS " in *" ${QUIPU_PLANT:-none}:$test "*) echo "$QUIPU_PLANT" >> "$QUIPU_PLANT_LOG";; esac
case " $FAILS " in *" ${QUIPU_PLANT:-none}:$test "*) exit 8;; esac
"""


class PlantedFaults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quipu-planted-")
        self.addCleanup(folder.cleanup)
        self.here = Path(folder.name)
        for name in ("tests/planted_faults", "src/base/fault.h"):
            (self.here / name).parent.mkdir(parents=True)
            shutil.copy(SOURCE / name, self.here / name)
        (self.here / "bin").mkdir()
        for name, text in (("ctest", CTEST), ("cmake", "#!/bin/sh\n"), ("ninja", "#!/bin/sh\n")):
            path = self.here / "bin" / name
            path.write_text(text)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def script(self, *arguments, fails="", meets="", status):
        environment = dict(os.environ, PATH="%s:%s" % (self.here / "bin", os.environ["PATH"]), FAILS=fails, MEETS=meets)
        done = subprocess.run([self.here / "tests/planted_faults", *arguments], env=environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return [line.split(maxsplit=1) for line in done.stdout.splitlines()]

    def test_a_failing_test_that_met_the_fault_caught_it(self):
        self.assertEqual(self.script("hour_rounding", fails="hour_rounding:cells_test hour_rounding:cases_test",
                                     meets="hour_rounding:tally_test hour_rounding:cells_test hour_rounding:cases_test", status=0),
                         [["hour_rounding", "cells_test"]])
        self.assertEqual(self.script("--all", "hour_rounding", fails="hour_rounding:cells_test hour_rounding:cases_test",
                                     meets="hour_rounding:cells_test hour_rounding:cases_test", status=0),
                         [["hour_rounding", "cells_test cases_test"]])

    def test_a_failing_test_that_did_not_meet_it_has_not_caught_it_and_fails_the_script(self):
        fails = "hour_rounding:event_test hour_rounding:cases_test"
        self.assertEqual(self.script("hour_rounding", fails=fails, meets="hour_rounding:cases_test", status=1),
                         [["hour_rounding", "cases_test; FAILED WITHOUT MEETING IT: event_test"]])
        self.assertEqual(self.script("hour_rounding", fails=fails, status=1),
                         [["hour_rounding", "MET BY NONE; FAILED WITHOUT MEETING IT: event_test cases_test"]])

    def test_a_fault_that_no_test_notices_fails_the_script(self):
        self.assertEqual(self.script("hour_rounding", meets="hour_rounding:cases_test", status=1), [["hour_rounding", "CAUGHT BY NONE"]])

    def test_notes_of_an_earlier_run_do_not_count(self):
        self.script("hour_rounding", fails="hour_rounding:cases_test", meets="hour_rounding:cases_test", status=0)
        self.assertEqual(self.script("hour_rounding", fails="hour_rounding:cases_test", status=1),
                         [["hour_rounding", "MET BY NONE; FAILED WITHOUT MEETING IT: cases_test"]])

    def test_all_faults_of_the_header_are_run_and_no_others(self):
        lines = self.script(status=1)
        self.assertIn(["positions_before_cells", "MET BY NONE"], lines)
        self.assertIn(["month_not_named", "MET BY NONE"], lines)
        self.assertIn("none of the planted faults", " ".join(self.script("hours", status=2)[0]))

    def test_a_canary_that_fails_without_a_fault_ends_the_script(self):
        self.assertEqual(self.script("hour_rounding", fails="none:store_test", status=1), [["store_test", "fails without a fault"]])


if __name__ == "__main__":
    unittest.main()
