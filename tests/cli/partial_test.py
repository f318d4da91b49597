#!/usr/bin/env python3
"""Figures that were not planned all the time are marked, in tables, JSON, CSV and the export alike.

    partial_test.py --quipu build/quipu [unittest arguments]
"""
import csv
import io
import json

from quipu_case import Quipu, main

PLAN = """quipu: 1
event: {tenant: {const: t}, metric: /m, profile: /who, id: /id, time: /time, values: {v: /v}}
properties: {p: /p, q: /q}
count:
  - {metrics: "*", %s}
"""
MARCH = "2026-03-01T00:00:00+00:00"


class Partial(Quipu):
    runs = 0

    def run_lines(self, rule, days, **more):
        """Counts an event on each of these days of March, under a plan with this rule."""
        self.runs += 1
        self.write("plan.yaml", PLAN % rule)
        lines = [json.dumps(dict({"m": "M", "who": "u%d-%s" % (self.runs, day), "id": "%d-%s" % (self.runs, day), "time": day if isinstance(day, str) else
                                  "2026-03-%02dT10:00:00Z" % day, "v": 1, "p": "x", "q": "y"}, **more)) + "\n" for day in days]
        self.write("%d.jsonl" % self.runs, "".join(lines))
        self.assertIn("%d counted" % len(days), self.quipu("run", "plan.yaml", "%d.jsonl" % self.runs).stdout)

    def table(self, *arguments):
        return self.quipu("query", "M", *arguments).stdout

    def csv_partial(self, *arguments):
        return [json.loads(row["partial"] or "[]") for row in csv.DictReader(io.StringIO(self.quipu("query", "M", *arguments, "--csv").stdout))]

    def exported(self, interval, by):
        """(count, partial) of the only such bucket, from the JSON and from the CSV, which must agree."""
        lines = [json.loads(line) for line in self.quipu("export").stdout.splitlines()]
        found = [(line["count"], line.get("partial", [])) for line in lines if line["interval"] == interval and line["by"] == by]
        rows = csv.DictReader(io.StringIO(self.quipu("export", "--csv").stdout))
        of_csv = [(int(row["count"]), json.loads(row["partial"] or "[]")) for row in rows if row["interval"] == interval and json.loads(row["by"]) == by]
        self.assertEqual(found, of_csv)
        self.assertEqual(len(found), 1)
        return found[0]

    def test_a_dimension_that_is_taken_out_and_put_back(self):
        self.run_lines("by: [[], p], sum: [v]", (1, 2))
        by_p, all_p = ["--by", "p", "--in", "2026-03"], ["count", "unique", "sum.v"]
        self.assertEqual(self.ask("M", *by_p)["partial"], [])
        self.assertNotIn("partial", self.table(*by_p))
        self.assertEqual(self.csv_partial(*by_p), [[]])
        self.assertEqual(self.exported("month", {"p": "x"}), (2, []))

        self.run_lines("by: [[]], sum: [v]", (3, 4))
        answer = self.ask("M", *by_p)
        self.assertEqual((answer["groups"][0]["count"], answer["partial"]), ([2], [MARCH]))
        self.assertEqual({name: figure["partial"] for name, figure in answer["figures"].items()}, dict.fromkeys(all_p, [MARCH]))
        self.assertRegex(self.table(*by_p), r"(?m)^partial: counted only until 2\d{3}-\S+$")
        self.assertEqual(self.csv_partial(*by_p), [all_p])
        self.assertEqual(self.exported("month", {"p": "x"}), (2, all_p))
        self.assertEqual(self.exported("month", {}), (4, []))
        series = self.table("--by", "p", "--interval", "day", "--from", "2026-03-01", "--to", "2026-03-03")
        self.assertEqual(series.count("(partial)"), 2)
        self.assertRegex(series, "(?m)^partial: counted only until ")

        self.run_lines("by: [[], p], sum: [v], lifetime: yes", (5, 6))
        answer = self.ask("M", *by_p)
        self.assertEqual((answer["groups"][0]["count"], answer["partial"], len(answer["since"])), ([4], [MARCH], 2))
        self.assertRegex(self.table(*by_p), r"(?m)^partial: counted only until \S+, and since \S+$")
        self.assertEqual(self.exported("month", {"p": "x"}), (4, all_p))
        whole = self.ask("M", "--in", "2026-03")
        self.assertEqual((whole["groups"][0]["count"], whole["partial"]), ([6], []))
        self.assertNotIn("partial", self.table("--in", "2026-03"))

    def test_a_lifetime_that_began_later(self):
        self.run_lines("by: [[]], sum: [v]", (1, 2, 3, 4))
        self.assertIn("no lifetime", self.quipu("query", "M", "--in", "lifetime", status=1).stderr)
        self.run_lines("by: [[]], sum: [v], lifetime: yes", (5, 6))
        lifetime = self.ask("M", "--in", "lifetime")
        self.assertEqual((lifetime["groups"][0]["count"], lifetime["partial"], lifetime["buckets"]), ([2], ["lifetime"], []))
        self.assertEqual({f["partial"][0] for f in lifetime["figures"].values()}, {"lifetime"})
        self.assertRegex(self.table("--in", "lifetime"), r"(?m)^partial: counted only since \S+$")
        self.assertEqual(self.csv_partial("--in", "lifetime"), [["count", "unique", "sum.v"]])
        self.assertEqual(self.exported("lifetime", {}), (2, ["count", "unique", "sum.v"]))
        # Switched off again it keeps its answer, which now ends.
        self.run_lines("by: [[]], sum: [v]", (7,))
        self.assertEqual(self.ask("M", "--in", "lifetime")["groups"][0]["count"], [2])
        self.assertRegex(self.table("--in", "lifetime"), r"(?m)^partial: counted only since \S+ until \S+$")
        # From the first run on it is whole.
        self.quipu("run", self.write("plan.yaml", PLAN % "by: [[]], lifetime: yes"), "1.jsonl", "--data", "new.quipu")
        data = ["--data", "new.quipu"]
        self.assertEqual(self.ask("M", "--in", "lifetime", *data)["partial"], [])
        self.assertNotIn("partial", self.table("--in", "lifetime", *data))
        self.assertEqual(self.csv_partial("--in", "lifetime", *data), [[]])
        self.assertNotIn("partial", self.quipu("export", *data).stdout)

    def test_a_sum_and_uniques_that_began_later(self):
        self.run_lines("by: [[]], unique: no, lifetime: yes", (1, 2))
        self.run_lines("by: [[]], sum: [v], lifetime: yes", (3,))
        answer = self.ask("M", "--in", "2026-03")
        self.assertEqual({name: figure["partial"] for name, figure in answer["figures"].items()}, {"count": [], "unique": [MARCH], "sum.v": [MARCH]})
        self.assertEqual(answer["partial"], [MARCH])
        table = self.table("--in", "2026-03")
        self.assertNotIn("partial: counted", table)
        self.assertRegex(table, r"(?m)^unique is counted since \S+\nv is counted since \S+$")
        self.assertEqual(self.csv_partial("--in", "2026-03"), [["unique", "sum.v"]])
        self.assertEqual(self.exported("month", {}), (3, ["unique", "sum.v"]))
        self.assertEqual(self.exported("lifetime", {}), (3, ["unique", "sum.v"]))
        self.assertEqual(self.ask("M", "--in", "lifetime")["figures"]["count"]["partial"], [])
        # A range that is added up, and the list of metrics.
        added = self.ask("M", "--from", "2026-03-01", "--to", "2026-03-04")
        self.assertEqual((added["partial"], added["groups"][0]["count"], added["figures"]["sum.v"]["partial"]), ([MARCH], [3], [MARCH]))
        metric = json.loads(self.quipu("query", "--json").stdout)["metrics"][0]
        self.assertEqual((metric["count"], metric["partial"]), (3, False))

    def test_a_retired_counter_that_was_there_is_preferred_to_a_live_one_that_was_not(self):
        self.run_lines("by: [p, [p, q]]", (1, 2))
        self.run_lines("by: [[p, q]]", (3,))
        self.run_lines("by: [[p, q]]", (8,))
        # Live and planned all along, though its groups are added up: it has everything.
        answer = self.ask("M", "--by", "p", "--in", "2026-03")
        self.assertEqual((answer["groups"][0]["count"], answer["groups"][0]["unique"], answer["partial"]), ([4], None, []))
        # A counter of another condition comes now: it has nothing of March, and the retired one all that came while March's events did.
        self.run_lines("by: [[], q]", (4,))
        answer = self.ask("M", "--by", "p", "--in", "2026-03")
        self.assertEqual((answer["groups"][0]["count"], answer["partial"]), ([4], [MARCH]))
        self.run_lines("by: [[], p]", ("2026-04-05T10:00:00Z",))
        answer = self.ask("M", "--by", "p", "--in", "2026-03")
        self.assertEqual((answer["groups"][0]["count"], answer["partial"]), ([4], [MARCH]), "the one by p came back, and lacks more than [p, q]")

    def test_events_ahead_of_the_clock_are_missed_by_what_is_planned_later(self):
        ahead = "2150-03-05T10:00:00Z"
        self.run_lines("by: [[]]", (ahead,))
        self.run_lines("by: [[], p]", (ahead, "2150-03-06T10:00:00Z"))
        by_p = ["M", "--by", "p", "--in"]
        self.assertEqual(self.ask(*by_p, "2150-03-05")["partial"], ["2150-03-05T00:00:00+00:00"])
        self.assertEqual(self.ask(*by_p, "2150-03-06")["partial"], [])
        self.assertEqual(self.ask(*by_p, "2150-03-05T23")["partial"], ["2150-03-05T23:00:00+00:00"])

    def test_the_list_of_metrics_marks_a_count_that_is_not_whole(self):
        self.run_lines("by: [p]", (1, 2))
        self.run_lines("by: [[], p]", (3,))
        metric = json.loads(self.quipu("query", "--json").stdout)["metrics"][0]
        self.assertEqual((metric["count"], metric["partial"]), (3, False), "by p has all")
        self.run_lines("by: [q]", (4,))
        metric = json.loads(self.quipu("query", "--json").stdout)["metrics"][0]
        self.assertIs(metric["partial"], True)
        self.assertIn("(partial)", self.quipu("query").stdout)
        self.assertTrue(self.quipu("query", "--csv").stdout.splitlines()[1].endswith(",yes"))


if __name__ == "__main__":
    main()
