#!/usr/bin/env python3
"""That `audit` finds what is wrong, all of it and nothing else, and what it wants to be given.

    audit_test.py --quipu build/quipu [unittest arguments]

Each test counts a file, changes the file where it is, and audits it: what differs is what the change touches.
"""
import json
import re

from quipu_case import PLAN, Quipu, event, main

SMALL = PLAN.replace(", [colour, size]", "")
TOGETHER = """quipu: 1
event: {tenant: {const: shop}, metric: /what, profile: /who, id: /id, time: /at}
count:
  - {metrics: [A, B], by: [[]], unique: no}
  - {metrics: [A, B], together: Both, by: [[]]}
"""


class Audit(Quipu):
    def audit(self, *inputs, status=0, plan="plan.yaml"):
        """(events recounted, duplicates, buckets compared, different) and the whole text."""
        text = self.quipu("audit", plan, *(inputs or ["events.jsonl"]), status=status).stdout
        numbers = re.search(r"(?m)^([\d,]+) events recounted, ([\d,]+) duplicates; ([\d,]+) buckets compared, ([\d,]+) different", text)
        return tuple(int(n.replace(",", "")) for n in numbers.groups()), text

    def count_and_change(self, lines, changed, plan=SMALL):
        self.run_plan(lines, plan)
        (events, duplicates, compared, different), _ = self.audit()
        self.assertEqual((events, duplicates, different), (len(lines), 0, 0))
        self.write("events.jsonl", "".join(changed))
        (events, _, compared_then, different), text = self.audit(status=1)
        self.assertEqual(events, len(changed))
        return different, text

    def test_what_is_right_is_not_different(self):
        lines = [event(n) for n in range(30)]
        self.run_plan(lines)
        numbers, text = self.audit()
        # 20 days with an event each: by nothing 20 hours, 20 days, 4 weeks, a month and the lifetime, and so on.
        exported = self.quipu("export").stdout.splitlines()
        self.assertEqual(numbers, (30, 0, len(exported), 0))
        self.assertNotIn("recount:", text)

    # A bucket of an event by colour: of [] and of colour its hour, day, week, month and the lifetime.
    TOUCHED = 10

    def test_a_sum(self):
        lines = [event(n) for n in range(30)]
        different, text = self.count_and_change(lines, [event(3, worth="1.11") if n == 3 else line for n, line in enumerate(lines)])
        self.assertEqual(different, self.TOUCHED)
        self.assertIn("the store says: {", text)

    def test_a_unique(self):
        # Seven profiles over thirty events: p3 is p4 in one, so hour, day and week change; the month, and the lifetime, know both anyway.
        lines = [event(n) for n in range(30)]
        different, text = self.count_and_change(lines, [event(3, who="nobody") if n == 3 else line for n, line in enumerate(lines)])
        # Alone in its hour and day the event has one profile before and after: only where p3 and others meet do numbers differ.
        for line in re.findall(r"recount: count (\d+), unique (\d+); store: count (\d+), unique (\d+)", text):
            self.assertEqual(line[0], line[2])
            self.assertNotEqual(line[1], line[3])
        self.assertEqual(different, len(re.findall("^recount:", text, re.MULTILINE)))
        self.assertEqual(different, 6)

    def test_a_lifetime(self):
        lines = [event(1, who="p1", at="2026-03-01T10:00:00Z"), event(2, who="p1", at="2026-05-01T10:00:00Z", colour="green")]
        different, text = self.count_and_change(lines, [lines[0], event(2, who="p2", at="2026-05-01T10:00:00Z", colour="green")],
                                                PLAN.replace("[], colour, [colour, size]", "[]"))
        self.assertEqual(different, 1)
        self.assertIn('"interval":"lifetime"', text)
        self.assertIn("recount: count 2, unique 2; store: count 2, unique 1", text)

    def test_a_group(self):
        lines = [event(1, "A", who="p1", at="2026-03-01T10:00:00Z"), event(2, "B", who="p1", at="2026-03-01T10:30:00Z")]
        different, text = self.count_and_change(lines, [lines[0], event(2, "B", who="p2", at="2026-03-01T10:30:00Z")], TOGETHER)
        self.assertEqual(different, 4)   # its hour, day, week and month
        self.assertEqual(text.count('"together":"Both"'), 4)

    def test_buckets_that_only_one_side_has(self):
        lines = [event(n) for n in range(30)]
        moved = [event(3, at="2026-04-04T10:00:00Z") if n == 3 else line for n, line in enumerate(lines)]
        different, text = self.count_and_change(lines, moved)
        # New of [] and of red: hour, day, week and month. Gone: red's hour and day of March 4 (a green event is there, too).
        # With another count: hour, day, week and month of [], week and month of red.
        self.assertEqual(different, 16)
        self.assertEqual(len(re.findall("(?m)^recount: nothing; store: count", text)), 2)
        self.assertEqual(len(re.findall("(?m)^recount: count .*; store: nothing$", text)), 8)
        self.assertEqual(text.count("the store says: "), 8)

    def test_what_was_not_counted_yet_is_not_audited(self):
        lines = [event(n) for n in range(30)]
        self.run_plan(lines)
        before, _ = self.audit()
        self.write("events.jsonl", "".join(lines + [event(n) for n in range(100, 110)]))
        self.assertEqual(self.audit()[0], before)

    def test_duplicates_and_ids_with_other_contents(self):
        lines = [event(n) for n in range(10)] + [event(4), event(5, worth="9"), event(6, at="2026-06-01T10:00:00Z")]
        self.run_plan(lines, SMALL)
        numbers, text = self.audit()
        self.assertEqual((numbers[0], numbers[1], numbers[3]), (13, 3, 0))
        self.assertIn("2 ids came with different contents", text)
        self.assertRegex(text, r"[1-9]\d* buckets depend on which came first")

    def test_inputs_that_are_missing_are_named(self):
        self.write("plan.yaml", PLAN)
        self.write("a.jsonl", "".join(event(n) for n in range(10)))
        self.write("b.jsonl", "".join(event(n) for n in range(10, 20)))
        self.write("empty.jsonl", "")
        self.quipu("run", "plan.yaml", "a.jsonl", "b.jsonl", "empty.jsonl")
        failed = self.quipu("audit", "plan.yaml", "a.jsonl", status=1)
        self.assertIn(str((self.here / "b.jsonl").resolve()), failed.stderr)
        self.assertNotIn("a.jsonl", failed.stderr.replace("plan.yaml", ""))
        self.assertEqual(failed.stdout, "")
        self.assertEqual(self.audit("b.jsonl", "a.jsonl")[0][0], 20)
        self.assertEqual(self.audit("a.jsonl", "b.jsonl", "a.jsonl", "./a.jsonl")[0][:2], (20, 0), "an input given twice is read once")
        self.write("other.jsonl", event(1))
        self.assertIn("was not counted", self.quipu("audit", "plan.yaml", "a.jsonl", "b.jsonl", "other.jsonl", status=1).stderr)
        self.assertIn("no such file", self.quipu("audit", "plan.yaml", "a.jsonl", "none.jsonl", status=2).stderr)
        for n in range(12):
            self.write("c%02d.jsonl" % n, event(100 + n))
        self.quipu("run", "plan.yaml", *("c%02d.jsonl" % n for n in range(12)))
        self.assertIn("c09.jsonl and 2 more", self.quipu("audit", "plan.yaml", "a.jsonl", "b.jsonl", status=1).stderr)

    def test_standard_input_is_audited_from_its_copy(self):
        self.write("plan.yaml", PLAN)
        self.write("a.jsonl", "".join(event(n) for n in range(10)))
        self.quipu("run", "plan.yaml", "a.jsonl", "-", "--as", "tap", input="".join(event(n) for n in range(10, 25)))
        self.assertEqual(self.audit("a.jsonl")[0][0], 25)
        spool = self.here / "plan.quipu/spool/tap"
        spool.write_text(spool.read_text().replace('"1.10"', '"1.11"', 1))
        self.assertGreater(self.audit("a.jsonl", status=1)[0][3], 0)
        spool.unlink()
        self.assertIn("-tap", self.quipu("audit", "plan.yaml", "a.jsonl", status=1).stderr)

    def test_counters_planned_later_are_not_compared_and_another_plan_is_refused(self):
        self.run_plan([event(n) for n in range(30)], SMALL)
        whole = self.audit()[0]
        self.write("plan.yaml", PLAN)
        self.write("more.jsonl", event(50))
        self.quipu("run", "plan.yaml", "more.jsonl")
        numbers, text = self.audit("events.jsonl", "more.jsonl")
        self.assertEqual((numbers[0], numbers[3]), (31, 0))
        self.assertIn("; 5 buckets of counters planned later or retired are not compared", text)
        self.assertGreaterEqual(numbers[2], whole[2])
        self.write("old.yaml", SMALL)
        self.assertIn("not the plan", self.quipu("audit", "old.yaml", "events.jsonl", "more.jsonl", "--data", "plan.quipu", status=1).stderr)
        # Uniques, sums and a lifetime that began later are left out of counters that are compared.
        for key, later in (("unique: no", ""), ("sum: [worth]", "sum: [worth]"), ("lifetime: yes", "lifetime: yes")):
            first = SMALL.replace(", sum: [worth], lifetime: yes", ", unique: no" if key == "unique: no" else "")
            then = SMALL.replace(", sum: [worth], lifetime: yes", ", " + later if later else "")
            data = ["--data", "later.quipu"]
            self.write("plan.yaml", first)
            self.quipu("run", "plan.yaml", "events.jsonl", *data)
            self.write("plan.yaml", then)
            self.quipu("run", "plan.yaml", "more.jsonl", *data)
            self.assertIn(" 0 different", self.quipu("audit", "plan.yaml", "events.jsonl", "more.jsonl", *data).stdout, key)
            for path in sorted((self.here / "later.quipu").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            (self.here / "later.quipu").rmdir()

    def test_at_most_twenty_differences_are_shown(self):
        lines = [event(n) for n in range(60)]
        different, text = self.count_and_change(lines, [event(n, worth="1.11") for n in range(60)])
        self.assertGreater(different, 20)
        self.assertEqual(len(re.findall("(?m)^recount:", text)), 20)
        self.assertEqual(len(re.findall("(?m)^the store says:", text)), 20)
        for line in re.findall(r"(?m)^the store says: (.*)$", text):
            json.loads(line)


if __name__ == "__main__":
    main()
