#!/usr/bin/env python3
"""What `quipu run` reads: inputs, their order, refusals and places, bad lines, and what it says of a run.

    inputs_test.py --quipu build/quipu [unittest arguments]
"""
import json
import os
import re
import resource
import subprocess

from quipu_case import PLAN, Quipu, event, main


class Inputs(Quipu):
    def export(self):
        return self.quipu("export").stdout

    def test_running_again_changes_nothing_and_says_so(self):
        self.run_plan([event(n) for n in range(50)])
        before = self.export()
        again = self.quipu("run", "plan.yaml", "events.jsonl")
        self.assertIn("nothing new", again.stderr)
        self.assertIn("0 read = 0 counted", again.stdout)
        self.assertEqual(self.export(), before)

    def stats(self, *arguments, status=0):
        """The text of a run with --stats, its table (first column -> the others), and the CPU seconds that the system saw."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        text = self.quipu("run", "plan.yaml", *arguments, "--stats", status=status).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertNotRegex(text, r"\b(nan|inf)\b")
        rows = [re.split(" {2,}", line.strip()) for line in text.splitlines()]
        return text, {row[0]: row[1:] for row in rows if len(row) > 1}, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def check_figures(self, table, cpu_s, read, tallied):
        def number(text):
            return float(text.replace(",", "").rstrip("%"))

        parts = [table[part] for part in ("read", "decode", "tally", "pane", "group into cells", "records", "names", "rest of the commit", "flush, compaction, else")]
        whole_us, whole_share = map(number, table["whole"])
        self.assertEqual(whole_share, 100)
        self.assertAlmostEqual(sum(number(share) for _, share in parts), 100, delta=0.05 * len(parts) + 1e-6)
        self.assertAlmostEqual(sum(number(us) for us, _ in parts), whole_us, delta=0.0005 * (len(parts) + 1) + 1e-6)
        self.assertGreater(whole_us, 0)
        self.assertLess(whole_us * read / 1e6, cpu_s + 0.03)
        events, waited = map(number, re.fullmatch(r"of ([\d,]+) events; ([\d,]+) waited for a load", table["hits"][1]).groups())
        self.assertEqual(events, tallied)
        self.assertAlmostEqual(number(table["hits"][0]), 100 * (1 - waited / tallied), delta=0.0051)
        self.assertAlmostEqual(number(table["reads a cold event"][0]), number(table["loads"][0]) / waited, delta=0.0051)
        count = number(table["checkpoints"][0])
        self.assertGreaterEqual(count, 1)
        self.assertLessEqual(number(table["mean seconds"][0]), number(table["longest seconds"][0]))
        given, rewritten = map(number, re.fullmatch(r"([\d,]+) bytes given to the store, and ([\d,]+) written by compaction", table["write amplification"][1]).groups())
        self.assertAlmostEqual(number(table["write amplification"][0]), (given + rewritten) / given, delta=0.0051)
        self.assertAlmostEqual(given, count * sum(number(table["mean bytes of " + what][0]) for what in ("cells", "records", "names")), delta=2 * count)
        return waited

    def test_the_figures_of_a_run_fit_its_events_and_each_other(self):
        self.write("plan.yaml", PLAN)
        # Seven profiles on twenty days of March, all in one batch, so every event waits. A new profile is looked for once;
        # one that is stored has a forever record and one of March, and none of February, though March 1 lies in a week
        # with days of it.
        for begin, loads, found in ((0, 7, 0), (500, 14, 14)):
            name = "from%d.jsonl" % begin
            self.write(name, "".join(event(n) for n in range(begin, begin + 500)) + event(begin) + "no event\n")
            text, table, cpu_s = self.stats(name, "--ingest-bytes", "1", status=3)
            self.assertIn("502 read = 500 counted + 1 duplicate + 1 set aside", text)
            self.assertEqual(self.check_figures(table, cpu_s, 502, 501), 501)
            self.assertEqual(table["loads"], [str(loads), "%d found, the others are not stored yet" % found])
            self.assertEqual(table["checkpoints"][1], table["checkpoints"][0] + " by files")
            shares = ", 0\\.00% of events found their profile in memory" if found else ""   # nothing about profiles that are all new
            self.assertRegex(text, r"(?m)^\d+\.\d\d s, [\d,]+ events/s, \d+ checkpoints?" + shares + "$")
        # In many batches, most events find their profile.
        self.write("many.jsonl", "".join(event(n) for n in range(1000, 21000)))
        text, table, cpu_s = self.stats("many.jsonl")
        self.assertLess(self.check_figures(table, cpu_s, 20000, 20000), 15000)
        # Nothing to divide by.
        text, table, _ = self.stats("many.jsonl")
        self.assertEqual((table["whole"][0], table["hits"][0], table["mean seconds"][0], table["write amplification"][0]), ("-", "-", "-", "-"))
        self.assertRegex(text, r"(?m)^\d+\.\d\d s, 0 events/s, 0 checkpoints$")

    def test_a_grown_file_goes_on_where_it_ended(self):
        self.run_plan([event(n) for n in range(50)])
        with open(self.here / "events.jsonl", "a") as file:
            file.write("".join(event(n) for n in range(45, 60)))
        self.assertIn("15 read = 10 counted + 5 duplicate", self.quipu("run", "plan.yaml", "events.jsonl").stdout)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [60]})

    def test_other_content_under_a_known_name_is_refused_until_again(self):
        self.run_plan([event(n) for n in range(50)])
        self.write("events.jsonl", "".join(event(n) for n in range(40, 120)))
        refused = self.quipu("run", "plan.yaml", "events.jsonl", status=1)
        self.assertIn("--again", refused.stderr)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [50]})
        self.assertIn("80 read = 70 counted + 10 duplicate", self.quipu("run", "plan.yaml", "events.jsonl", "--again").stdout)

    def test_a_known_content_under_another_name_is_refused_until_moved(self):
        self.run_plan([event(n) for n in range(50)])
        os.rename(self.here / "events.jsonl", self.here / "april.jsonl")
        self.assertIn("--moved", self.quipu("run", "plan.yaml", "april.jsonl", status=1).stderr)
        with open(self.here / "april.jsonl", "a") as file:
            file.write(event(77))
        refused_or_new = subprocess.run([self.program, "run", "plan.yaml", "april.jsonl", "--moved"], cwd=self.here, capture_output=True, text=True)
        self.assertEqual(refused_or_new.returncode, 0, refused_or_new.stderr)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [51]})

    def test_an_input_that_is_refused_ends_the_run_before_anything_is_counted(self):
        self.write("plan.yaml", PLAN.replace("id: /id, ", ""))   # without ids a line counted twice would show
        self.write("first.jsonl", "".join(event(n) for n in range(10)))
        changed = self.write("changed.jsonl", event(100))
        self.quipu("run", "plan.yaml", changed)
        changed.write_text(event(101))
        (self.here / "folder").mkdir()
        moved = self.write("moved.jsonl", event(100))
        for refused in (changed, "folder", moved):
            failed = self.quipu("run", "plan.yaml", "first.jsonl", refused, status=1)
            self.assertIn(str(refused), failed.stderr)
            self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [1]}, refused)
        self.quipu("run", "plan.yaml", "-", "first.jsonl", changed, "--as", "tap", status=1, input=event(7))
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [1]})
        # The way out that the message names counts everything once.
        self.assertIn("11 read = 11 counted", self.quipu("run", "plan.yaml", "first.jsonl", changed, "--again").stdout)

    def test_what_was_read_before_an_error_is_kept_and_not_read_again(self):
        self.write("plan.yaml", PLAN.replace("id: /id, ", ""))
        first, copy = self.write("first.jsonl", "".join(event(n) for n in range(40))), self.write("copy.jsonl", "".join(event(n) for n in range(40)))
        # That the second is the first again is known only when the first is counted.
        failed = self.quipu("run", "plan.yaml", first, copy, status=1)
        self.assertIn("--moved", failed.stderr)
        self.assertNotIn("--again", failed.stderr)
        self.assertIn("committed", failed.stderr)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [40]})
        # Damage is met in the middle.
        self.write("damaged.jsonl", "".join(event(n, noise=os.urandom(600).hex()) for n in range(2000)))
        subprocess.run(["gzip", "damaged.jsonl"], cwd=self.here, check=True)
        damaged = self.here / "damaged.jsonl.gz"
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:len(whole) // 2])
        self.assertIn("damaged.jsonl.gz", self.quipu("run", "plan.yaml", first, damaged, status=1).stderr)
        half = self.counts("Bought", "--in", "lifetime")[()][0]
        self.assertTrue(40 < half < 2040, half)
        self.quipu("run", "plan.yaml", first, damaged, status=1)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [half]})
        damaged.write_bytes(whole)
        self.quipu("run", "plan.yaml", first, damaged)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [2040]})

    def test_an_input_given_twice_is_counted_once(self):
        self.write("plan.yaml", PLAN.replace("id: /id, ", ""))
        self.write("first.jsonl", "".join(event(n) for n in range(40)))
        self.assertIn("nothing new", self.quipu("run", "plan.yaml", "first.jsonl", "./first.jsonl").stderr)
        with open(self.here / "first.jsonl", "a") as file:
            file.write(event(40))
        self.assertIn("1 read = 1 counted", self.quipu("run", "plan.yaml", "first.jsonl", "first.jsonl", self.here / "first.jsonl").stdout)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [41]})

    def test_lines_set_aside_are_in_the_dead_letter_file(self):
        bad = [event(1, at="tomorrow"), "{\"what\": 1,\n", event(2, worth="much")]
        done = self.run_plan([event(0), *bad, event(3)], status=3)
        self.assertIn("5 read = 2 counted + 0 duplicate + 3 set aside", done.stdout)
        self.assertIn("dead-letter.jsonl", done.stdout)
        letters = [json.loads(line) for line in (self.here / "plan.quipu/dead-letter.jsonl").read_text().splitlines()]
        self.assertEqual([(d["line"], d["reason"], d["text"] + "\n") for d in letters],
                         [(2, "time_bad", bad[0]), (3, "not_json", bad[1]), (4, "value_not_a_number", bad[2])])
        for letter in letters:
            self.assertEqual(set(letter), {"source", "line", "offset", "reason", "detail", "text"})
            content = (self.here / "events.jsonl").read_bytes()
            self.assertTrue(content[letter["offset"]:].startswith(letter["text"].encode()))
            self.assertIn("events.jsonl", letter["source"])
        self.assertIn("/at", letters[0]["detail"])

    def test_strict_stops_at_the_first_line_that_would_be_set_aside(self):
        self.write("plan.yaml", PLAN)
        self.write("events.jsonl", event(0) + event(1, at="tomorrow") + event(2))
        stopped = self.quipu("run", "plan.yaml", "events.jsonl", "--strict", status=1)
        self.assertRegex(stopped.stderr, r"events\.jsonl.*2.*time_bad|time_bad.*2")

    def test_delimited_inputs(self):
        plan = """quipu: 1
input: {format: delimited, delimiter: ";"}
event: {tenant: {const: shop}, metric: /what, profile: /who, time: {at: /day, format: "%d.%m.%Y", no_offset: Europe/Berlin}, values: {worth: /worth}}
properties: {colour: /colour}
calendars: {default: [{zone: Europe/Berlin}]}
count: [{metrics: "*", by: [[], colour], sum: [worth]}]
"""
        self.write("plan.yaml", plan)
        self.write("events.csv", 'what;who;day;worth;colour\r\nBought;ida;01.03.2026;2.50;"dark; red"\r\nBought;ole;01.03.2026;1;blue\r\nBought;ole;02.03.2026\r\n')
        done = self.quipu("run", "plan.yaml", "events.csv", status=3)
        self.assertIn("3 read = 2 counted + 0 duplicate + 1 set aside", done.stdout)
        self.assertIn("wrong_field_count", done.stdout)
        answer = self.ask("Bought", "--by", "colour", "--in", "2026-03-01")
        self.assertEqual({g["by"]["colour"]: g["sum"]["worth"] for g in answer["groups"]}, {"dark; red": ["2.50"], "blue": ["1"]})
        self.assertEqual(answer["buckets"], ["2026-03-01T00:00:00+01:00"])

    def test_compressed_inputs(self):
        self.write("plan.yaml", PLAN)
        for name, tool in (("a.jsonl", ["gzip"]), ("b.jsonl", ["zstd", "-q", "--rm"])):
            first = 0 if name[0] == "a" else 100
            self.write(name, "".join(event(n) for n in range(first, first + 100)))
            subprocess.run([*tool, name], cwd=self.here, check=True)
        self.assertIn("200 read = 200 counted", self.quipu("run", "plan.yaml", "a.jsonl.gz", "b.jsonl.zst").stdout)

    def test_standard_input_is_known_by_its_name(self):
        self.write("plan.yaml", PLAN)
        lines = [event(n) for n in range(40)]
        self.assertIn("30 read = 30 counted", self.quipu("run", "plan.yaml", "-", "--as", "tap", input="".join(lines[:30])).stdout)
        self.assertIn("10 read = 10 counted", self.quipu("run", "plan.yaml", "-", "--as", "tap", input="".join(lines)).stdout)
        self.quipu("run", "plan.yaml", "-", "--as", "tap", input="".join(reversed(lines)), status=1)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [40]})


if __name__ == "__main__":
    main()
