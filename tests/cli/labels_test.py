#!/usr/bin/env python3
"""Names and values that can be mistaken for one another, in answers and in questions; advice that helps.

    labels_test.py --quipu build/quipu [unittest arguments]
"""
import csv
import io
import json
import re

from quipu_case import Quipu, main

HEAD = """quipu: 1
event: {tenant: {const: t}, metric: /m, profile: /who, id: /id, time: /time, values: {v: /v}}
"""


class Labels(Quipu):
    def count(self, rest, lines, head=HEAD):
        self.write("plan.yaml", head + rest)
        self.write("a.jsonl", "".join(json.dumps(dict({"m": "M", "id": str(n), "time": "2026-03-01T10:00:00Z"}, **line)) + "\n" for n, line in enumerate(lines)))
        self.assertIn("%d read = %d counted" % (len(lines), len(lines)), self.quipu("run", "plan.yaml", "a.jsonl").stdout)

    def ask_one(self, *arguments):
        """(count, sum of v) of the only row."""
        groups = self.ask("M", "--in", "2026-03", *arguments)["groups"]
        self.assertEqual(len(groups), 1)
        return groups[0]["count"][0], groups[0]["sum"]["v"][0]

    def table(self, *arguments):
        return self.quipu("query", "M", "--in", "2026-03", *arguments).stdout

    def refused(self, *arguments):
        return self.quipu("query", "M", "--in", "2026-03", *arguments, status=1).stderr

    def test_a_separator_in_a_value_or_a_name(self):
        self.count("properties: {p: /p, \"a,b\": /p}\ncount:\n  - {metrics: \"*\", by: [[], p, \"a,b\"], sum: [v]}\n",
                   [{"who": "u%d" % n, "v": 1 << n, "p": p} for n, p in enumerate(["Foo | Bar", "Foo ", " Bar", "a,b", "|", ""])])
        self.assertEqual(self.ask_one("--where", "p=a,b"), (1, "8"))
        self.assertEqual(self.ask_one("--where", r"p=Foo \| Bar"), (1, "1"))
        self.assertEqual(self.ask_one("--where", 'p="Foo | Bar"'), (1, "1"))
        self.assertEqual(self.ask_one("--where", r"p=\|"), (1, "16"))
        self.assertEqual(self.ask_one("--where", 'p="Foo "|" Bar"'), (2, "6"))
        self.assertEqual(self.ask_one("--where", "p=a,b|absent"), (1, "8"))
        self.assertEqual(self.ask_one("--where", r"p!=Foo \| Bar"), (5, "62"))
        # What is a value as it stands, and two as it is read, is refused with both ways to write it, and both work.
        for written, one, two in (("Foo | Bar", "1", "6"), ("|", "16", "32")):
            message = self.refused("--where", "p=" + written)
            ways = [way.strip(",\n") for way in message.split(" write ")[1].split(", for what it is otherwise ")]
            self.assertEqual([self.ask_one("--where", way)[1] for way in ways], [one, two], message)
        # The headings of one value and of two differ.
        self.assertEqual(self.table("--where", r"p=Foo \| Bar").splitlines()[0], 'M, p "Foo | Bar", 2026-03, UTC')
        self.assertEqual(self.table("--where", 'p="Foo "|" Bar"').splitlines()[0], 'M, p "Foo "|" Bar", 2026-03, UTC')
        # A property with a comma in its name, in one --by; what its rows are called can be asked for.
        rows = self.table("--by", "a,b").splitlines()[2:]
        labels = dict(re.fullmatch(r"(.*?) +1 +1 +(\d+)", row).groups() for row in rows)
        self.assertEqual(len(labels), 6)
        for label, v in labels.items():
            self.assertEqual(self.ask_one("--where", "a,b=" + ("" if label == "(none)" else label))[1], v, label)
        for broken in ('p="Foo', 'p="a"b', 'p=x|"', "=x", "p", r"p\=x"):
            self.assertIn("--help", self.quipu("query", "M", "--where", broken, status=2).stderr, broken)

    def test_names_of_properties_that_hold_what_separates_them(self):
        self.count("properties: {a: /p, b: /q, \"a,b\": /r, \"c=d\": /s, \"e!\": /s}\ncount:\n  - {metrics: \"*\", by: [[a, b], \"a,b\", \"c=d\", \"e!\"], sum: [v]}\n",
                   [{"v": 1, "p": "1", "q": "2", "r": "3", "s": "4"}])
        self.assertIn(r"--by 'a\,b' for the one property, or --by a --by b", self.refused("--by", "a,b"))
        self.assertEqual(self.ask("M", "--by", r"a\,b", "--in", "2026-03")["groups"][0]["by"], {"a,b": "3"})
        self.assertEqual(self.ask("M", "--by", "a", "--by", "b", "--in", "2026-03")["groups"][0]["by"], {"a": "1", "b": "2"})
        self.assertEqual(self.ask_one("--where", r"c\=d=4"), (1, "1"))
        self.assertEqual(self.ask_one("--where", r"e\!=4"), (1, "1"))
        self.assertEqual(self.ask("M", "--where", r"e\!!=4", "--by", "e!", "--in", "2026-03")["groups"], [])
        self.assertIn("twice", self.refused("--by", "a,a"))

    def test_the_empty_value_and_what_looks_like_it(self):
        self.count("properties: {p: /p}\ncount:\n  - {metrics: \"*\", by: [[], p], sum: [v]}\n",
                   [{"who": "a", "v": 1, "p": "(none)"}, {"who": "b", "v": 2}, {"who": "c", "v": 4, "p": "\t"}, {"who": "d", "v": 8, "p": "\\x09"}])
        rows = dict(line.split()[::3] for line in self.table("--by", "p").splitlines()[2:])
        self.assertEqual(rows, {'"(none)"': "1", "(none)": "2", '"\\x09"': "4", "\\x09": "8"})
        self.assertEqual(self.ask_one("--where", "p=(none)"), (1, "1"))
        self.assertEqual(self.ask_one("--where", "p="), (1, "2"))
        for label, v in rows.items():
            if label != "(none)":
                self.assertEqual(self.ask_one("--where", "p=" + label), (1, v), label)
        headings = {self.table("--where", where).splitlines()[0] for where in ("p=", "p=(none)", 'p="\\x09"', "p=\\x09")}
        self.assertEqual(len(headings), 4, headings)
        self.assertEqual({g["by"]["p"]: g["sum"]["v"][0] for g in self.ask("M", "--by", "p", "--in", "2026-03")["groups"]},
                         {"(none)": "1", "": "2", "\t": "4", "\\x09": "8"})
        self.assertEqual(self.ask_one("--where", "p!="), (3, "13"))

    def test_is_not_counts_what_is_missing_and_lists_are_refused_with_advice_that_helps(self):
        plan = "properties: {p: /p, tag: /tags}\ncount:\n  - {metrics: \"*\", by: [[], p, tag, [p, tag]], sum: [v]}\n"
        lines = [{"who": "a", "v": 1, "p": "free", "tags": ["x", "y"]}, {"who": "b", "v": 2, "p": "pro", "tags": ["y"]}, {"who": "c", "v": 4}]
        self.count(plan, lines)
        self.assertEqual(self.ask_one("--where", "p!=free"), (2, "6"))
        # The note on uniques leads to them, and does not name the counter that was asked.
        note = self.table("--where", "p!=free").splitlines()[-1]
        self.assertTrue(note.endswith("ask with --by p for that of each value"), note)
        self.assertEqual({g["by"]["tag"]: (g["count"][0], g["sum"]["v"][0]) for g in self.ask("M", "--by", "tag", "--in", "2026-03")["groups"]},
                         {"x": (1, "1"), "y": (2, "3"), "": (1, "4")})
        for arguments in (["--where", "tag!=x"], ["--by", "p", "--where", "tag=x|y"], ["--where", "tag!="]):
            message = self.refused(*arguments)
            self.assertIn("do not add up", message)
            self.assertNotIn("add [", message)
        # The rule that is advised answers, in a new store.
        advice = self.refused("--by", "p", "--where", "tag=x|y")
        self.assertIn("a rule with `when: {tag: [x, y]}` and `by: [p]` would count it", advice)
        self.write("plan.yaml", HEAD + plan + "  - {metrics: \"*\", when: {tag: [x, y]}, by: [p], sum: [v]}\n")
        self.quipu("run", "plan.yaml", "a.jsonl", "--data", "new.quipu")
        self.assertEqual({g["by"]["p"]: (g["count"][0], g["unique"][0], g["sum"]["v"][0])
                          for g in self.ask("M", "--by", "p", "--where", "tag=x|y", "--in", "2026-03", "--data", "new.quipu")["groups"]},
                         {"free": (1, 1, "1"), "pro": (1, 1, "2")})

    def test_no_two_columns_have_one_heading(self):
        head = HEAD.replace("values: {v: /v}", "values: {count: /v, p: /v, \"by:x\": /v}")
        self.count("properties: {count: /a, unique: /b, p: /c, partial: /d, \"sum:p\": /e, day: /f, x: /g}\n"
                   "count:\n  - {metrics: \"*\", by: [[count, unique, p, partial, \"sum:p\", day, x]], sum: [count, p, \"by:x\"]}\n", [dict({letter: letter for letter in "abcdefg"}, v=3)], head)
        by = ["--by", "count", "--by", "unique", "--by", "p", "--by", "partial", "--by", "sum:p", "--by", "day", "--by", "x"]
        rows = list(csv.reader(io.StringIO(self.quipu("query", "M", *by, "--in", "2026-03", "--csv").stdout)))
        self.assertEqual(rows[0], ["by:count", "by:unique", "by:p", "by:partial", "by:sum:p", "day", "x", "bucket", "count", "unique", "sum:count", "sum:p", "sum:by:x",
                                   "partial"])
        self.assertEqual(rows[1], list("abcdefg") + ["2026-03-01T00:00:00+00:00", "1", "0", "3", "3", "3", ""])
        heading = self.quipu("query", "M", *by, "--interval", "day", "--from", "2026-03-01", "--to", "2026-03-03").stdout.splitlines()[1].split()
        self.assertEqual(heading, ["by:count", "by:unique", "by:p", "partial", "by:sum:p", "by:day", "x", "day", "count", "unique", "sum:count", "sum:p", "sum:by:x"])
        for key in ("sum:count", "-sum:p", "by:x", "count"):
            self.quipu("query", "M", *by, "--in", "2026-03", "--sort", key)
        self.assertIn("sorted", self.quipu("query", "M", *by, "--in", "2026-03", "--sort", "sum:q", status=1).stderr)

    def test_a_group_keeps_its_name_when_a_metric_of_that_name_comes(self):
        plan = HEAD + "count:\n  - {metrics: \"*\", by: [[]]}\n  - {metrics: \"*\", together: Active, by: [[]]}\n"

        def run(number, metric, text=plan):
            self.write("plan.yaml", text)
            path = self.write("%d.jsonl" % number, json.dumps({"m": metric, "id": str(number), "who": "u%d" % number, "time": "2026-03-01T10:00:00Z"}) + "\n")
            return self.quipu("run", "plan.yaml", path).stdout

        run(1, "Opened")
        run(2, "Clicked")
        bare = ["Active", "--in", "2026-03"]
        self.assertEqual(self.counts(*bare), {(): [2]})
        self.assertIn("no metric", self.quipu("query", "--metric", "Active", "--in", "2026-03", status=1).stderr)
        question = run(3, "Active").strip().splitlines()[-1]
        self.assertEqual(self.counts(*bare), {(): [3]})
        self.assertEqual(self.counts("--group", "Active", "--in", "2026-03"), {(): [3]})
        self.assertEqual(self.counts("--metric", "Active", "--in", "2026-03"), {(): [1]})
        self.assertEqual([self.ask(flag, "Active", "--in", "2026-03")["question"]["together"] for flag in ("--group", "--metric")], [True, False])
        titles = [self.quipu("query", flag, "Active", "--in", "2026-03").stdout.splitlines()[0] for flag in ("--group", "--metric")]
        self.assertEqual(titles, ["Active (together), 2026-03, UTC", "Active, 2026-03, UTC"])
        # The question that a run ends with is about what it says.
        self.assertIn("--metric 'Active'", question)
        # The list has both.
        self.assertEqual({(m["name"], m["together"]): m["count"] for m in json.loads(self.quipu("query", "--json").stdout)["metrics"]},
                         {("Active", False): 1, ("Clicked", False): 1, ("Opened", False): 1, ("Active", True): 3})
        for wrong in (["Active", "--metric", "Active"], ["--group", "Active", "--metric", "Active"]):
            self.quipu("query", *wrong, status=2)
        # Planned later than it was a metric's name, the bare name is refused.
        run(4, "Clicked", plan.replace("Active", "Clicked"))
        message = self.quipu("query", "Clicked", "--in", "2026-03", status=1).stderr
        self.assertIn('--metric "Clicked" or --group "Clicked"', message)
        self.assertEqual(self.counts("--metric", "Clicked", "--in", "2026-03"), {(): [2]})
        self.assertEqual(self.counts("--group", "Clicked", "--in", "2026-03"), {(): [1]})
        # And the first plan's group keeps it after it was taken out.
        self.assertEqual(self.counts(*bare), {(): [3]})

    def test_the_export_leaves_out_what_was_not_asked_for(self):
        self.count("properties: {p: /p, q: /q}\ncount:\n  - {metrics: \"*\", when: {p: [z, a, m], q: [\"\"]}, by: [[]], unique: no}\n"
                   "  - {metrics: \"*\", together: All, by: [q], sum: [v]}\n", [{"who": "u", "p": "m", "v": 2}, {"who": "u", "p": "other", "v": "-2"}])
        lines = [line for line in self.quipu("export").stdout.splitlines() if '"month"' in line]
        self.assertEqual(lines, [
            '{"tenant":"t","metric":"M","when":{"p":["a","m","z"],"q":[""]},"by":{},"calendar":"UTC","interval":"month","bucket":"2026-03-01T00:00:00+00:00","count":1}',
            '{"tenant":"t","together":"All","by":{"q":""},"calendar":"UTC","interval":"month","bucket":"2026-03-01T00:00:00+00:00","count":2,"unique":1,'
            '"sum":{"v":"0"}}'])
        rows = [row for row in csv.reader(io.StringIO(self.quipu("export", "--csv").stdout)) if row[6] in ("interval", "month")]
        self.assertEqual(rows, [
            "tenant metric together when by calendar interval bucket count unique sum partial".split(),
            ["t", "M", "", '{"p":["a","m","z"],"q":[""]}', "{}", "UTC", "month", "2026-03-01T00:00:00+00:00", "1", "", "", ""],
            ["t", "", "All", "", '{"q":""}', "UTC", "month", "2026-03-01T00:00:00+00:00", "2", "1", '{"v":"0"}', ""]])
        self.assertNotIn("lifetime", self.quipu("export").stdout)

    def test_names_that_look_like_something_else_on_the_command_line(self):
        self.count("count:\n  - {metrics: \"*\", by: [[]]}\n", [{"m": "[a,b]"}, {"m": "-x"}, {"m": "it's"}])
        self.assertEqual(self.counts("--in", "2026-03", "--metric=[a,b]"), {(): [1]})
        self.assertEqual(self.counts("--in", "2026-03", "--metric=-x"), {(): [1]})
        self.assertEqual(self.counts("it's", "--in", "2026-03"), {(): [1]})


if __name__ == "__main__":
    main()
