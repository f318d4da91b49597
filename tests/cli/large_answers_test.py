#!/usr/bin/env python3
"""A run answers about a property of very many values within its memory budget: export and audit in pieces, groups by
--limit, and what would be too large is refused by the limit's name. Real processes."""
import csv
import os
import subprocess
from pathlib import Path

from quipu_case import Quipu, main

BUDGET_MIB = 256
VALUES = int(os.environ.get("QUIPU_LARGE_VALUES", "1000000"))
PLAN = """quipu: 1
event: {tenant: {const: shop}, metric: /what, profile: /who, time: /at, id: /id}
properties: {page: /page, half: /half}
count:
  - {metrics: "*", by: [[], page, [half, page]]}
"""


class LargeAnswers(Quipu):
    def peak_mib(self):
        text = Path("/proc/%d/status" % self.run_process.pid).read_text()
        return int(text.split("VmHWM:")[1].split()[0]) / 1024

    def test_a_million_values_are_exported_asked_for_and_audited_within_the_budget(self):
        self.write("plan.yaml", PLAN)
        with open(self.here / "events.jsonl", "w") as file:
            for i in range(VALUES):
                # Page 7 has three events, 8 and 9 two, all others one.
                for n in range(3 if i == 7 else 2 if i in (8, 9) else 1):
                    file.write('{"what":"View","who":"p%d","id":"%d-%d","at":"2026-03-02T10:00:00Z","page":"/page/%d","half":"%d"}\n' % (i % 1000, i, n, i, i % 2))
        # Counted by a process of its own: here it is what answers take that is looked at.
        self.quipu("run", "plan.yaml", "events.jsonl", "--memory", "%dM" % BUDGET_MIB, "--data", "s.quipu")
        self.run_process = self.background("run", "plan.yaml", "events.jsonl", "-", "--as", "tap", "--memory", "%dM" % BUDGET_MIB, "--data", "s.quipu")
        asked = ["View", "--in", "2026-03", "--data", "s.quipu"]
        self.until("the run answers", lambda: (self.here / "s.quipu" / "socket").exists())
        self.assertEqual(self.ask(*asked)["groups"][0]["count"][0], VALUES + 4)
        begun = self.peak_mib()

        top = self.ask(*asked, "--by", "page", "--limit", "3")
        self.assertEqual([(g["by"]["page"], g["count"]) for g in top["groups"]], [("/page/7", [3]), ("/page/8", [2]), ("/page/9", [2])])
        top = self.ask(*asked, "--by", "page,half", "--limit", "1", "--sort", "-name")
        self.assertEqual(top["groups"][0]["by"]["page"], max("/page/%d" % i for i in range(VALUES)))
        for more in ([], ["--limit", str(VALUES)]):
            refused = self.quipu("query", *asked, "--by", "page", *more, status=1)
            self.assertIn("kMaxAnswerBytes", refused.stderr)
            self.assertIn("quipu export", refused.stderr)
        halves = self.ask(*asked, "--by", "half")
        self.assertEqual(sorted(g["count"][0] for g in halves["groups"]), sorted([VALUES // 2 + 3, VALUES // 2 + 1]))
        asked_peak = self.peak_mib()

        months, pages = 0, set()
        with subprocess.Popen([self.program, "export", "--csv", "--data", "s.quipu"], cwd=self.here, stdout=subprocess.PIPE, text=True) as export:
            for row in csv.DictReader(export.stdout):
                if row["interval"] == "month" and row["by"].startswith('{"page"'):
                    months += int(row["count"])
                    pages.add(row["by"])
        self.assertEqual(export.returncode, 0)
        self.assertEqual((months, len(pages)), (VALUES + 4, VALUES))
        exported = self.peak_mib()

        audit = self.quipu("audit", "plan.yaml", "events.jsonl", "--data", "s.quipu")
        self.assertIn(" 0 different", audit.stdout)
        audited = self.peak_mib()
        print("peak MiB of %d: begun %.0f, asked %.0f, exported %.0f, audited %.0f" % (BUDGET_MIB, begun, asked_peak, exported, audited))
        self.assertLess(audited - begun, 100)
        self.assertLess(audited, BUDGET_MIB * 1.15)


if __name__ == "__main__":
    main()
