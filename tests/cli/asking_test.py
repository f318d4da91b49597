#!/usr/bin/env python3
"""Asks a store as people do: of tenants, years, the last days, the period before, on a terminal.

    asking_test.py --quipu build/quipu [unittest arguments]
"""
import csv
import datetime
import io
import json
import os
import pty
import re
import subprocess

from quipu_case import PLAN, Quipu, event, main

TENANTS = PLAN.replace("{const: shop}", "/shop")
TWO_ZONES = TENANTS + "calendars: {default: [{zone: UTC}], tenants: {b: [{zone: Asia/Tokyo}, {name: UTC, zone: UTC}]}}\n"


def day(n):
    """n days ago, at noon UTC."""
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=n)).strftime("%Y-%m-%dT12:00:00Z")


class Asking(Quipu):
    def on_terminal(self, *arguments, **environment):
        """What the command prints on a terminal."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([self.program, *map(str, arguments)], cwd=self.here, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                                   env={"PATH": os.environ["PATH"], "TERM": "xterm", **environment})
        os.close(theirs)
        text = b""
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:
                break
            if not more:
                break
            text += more
        os.close(ours)
        self.assertEqual(process.wait(), 0, text)
        return text.decode().replace("\r\n", "\n")

    def refused(self, word, *arguments, status=1):
        self.assertIn(word, self.quipu("query", *arguments, status=status).stderr, arguments)

    def test_tenants_are_listed_and_asked_one_by_one_or_all_together(self):
        lines = [event(n, shop=shop) for shop, events in (("a", 3), ("b", 5), ("c", 4)) for n in range(events)]
        self.run_plan(lines + [event(9, "Sold", shop="a")], TENANTS)
        self.assertEqual([t["name"] for t in json.loads(self.quipu("query", "--tenants", "--json").stdout)["tenants"]], ["a", "b", "c"])
        self.assertEqual(self.quipu("query", "--tenants", "--csv").stdout, "tenant,calendars\na,UTC\nb,UTC\nc,UTC\n")
        self.assertIn("UTC", self.quipu("query", "--tenants").stdout)
        self.assertIn("--tenants", self.quipu("query", "Bought", status=1).stderr)
        each = self.ask("Bought", "--tenants", "--in", "2026-03")
        self.assertEqual([(g["tenant"], g["count"], g["unique"]) for g in each["groups"]], [("b", [5], [5]), ("c", [4], [4]), ("a", [3], [3])])
        # One total: counts and sums, never people.
        total = self.ask("Bought", "--all-tenants", "--in", "2026-03")
        self.assertEqual([(g["count"], g["unique"], g["sum"]) for g in total["groups"]], [([12], None, {"worth": ["13.20"]})])
        text = self.quipu("query", "Bought", "--all-tenants", "--in", "2026-03").stdout
        self.assertRegex(text, r"(?m)^ *12 +- +13\.20$")
        self.assertIn("--tenants", text)
        by = self.ask("Bought", "--all-tenants", "--by", "colour", "--in", "lifetime", "--sort", "name")
        self.assertEqual([(g["by"]["colour"], g["count"]) for g in by["groups"]], [("blue", [4]), ("green", [3]), ("red", [5])])
        each = self.ask("Bought", "--tenants", "--by", "colour", "--in", "2026-03", "--limit", "2")
        self.assertEqual([(g["tenant"], g["by"]["colour"], g["count"]) for g in each["groups"]], [("b", "blue", [2]), ("b", "red", [2])])
        # A tenant without the metric has no row.
        self.assertEqual([g["tenant"] for g in self.ask("Sold", "--tenants", "--in", "2026")["groups"]], ["a"])
        rows = list(csv.reader(io.StringIO(self.quipu("query", "Bought", "--tenants", "--in", "2026-03", "--csv").stdout)))
        self.assertEqual((rows[0][0], [r[0] for r in rows[1:]]), ("tenant", ["b", "c", "a"]))
        self.refused("excludes", "Bought", "--tenants", "--tenant", "a", status=2)
        self.refused("say what time", "Bought", "--tenants")
        self.refused("metric", "--all-tenants", status=2)

    def test_tenants_whose_buckets_are_other_times_are_not_put_together(self):
        self.run_plan([event(1, shop="a"), event(2, shop="b")], TWO_ZONES)
        for tenants in ("--tenants", "--all-tenants"):
            self.refused("different calendars", "Bought", tenants, "--in", "2026-03")
            self.assertEqual(sum(sum(g["count"]) for g in self.ask("Bought", tenants, "--in", "2026-03", "--calendar", "UTC")["groups"]), 2)
            self.assertEqual(sum(sum(g["count"]) for g in self.ask("Bought", tenants, "--in", "lifetime")["groups"]), 2)

    def test_a_metrics_counters_are_listed_whole(self):
        plan = PLAN + "  - {metrics: [Bought], when: {colour: [red, blue]}, by: [size]}\n  - {metrics: [Bought, Sold], together: Both, by: [[]]}\n"
        self.run_plan([event(n) for n in range(9)], plan)
        counters = json.loads(self.quipu("query", "Bought", "--counters", "--json").stdout)["counters"]
        self.assertEqual([(c["by"], c["when"], c["unique"], c["sums"], c["lifetime"], c["planned"]) for c in counters], [
            ([], "", True, ["worth"], True, True), (["colour"], "", True, ["worth"], True, True), (["colour", "size"], "", True, ["worth"], True, True),
            (["size"], "colour = blue|red", True, [], False, True)])
        table = self.quipu("query", "Bought", "--counters").stdout
        self.assertIn("colour = blue|red", table)
        self.assertIn("sum of worth; lifetime", table)
        self.assertEqual(len(self.quipu("query", "Bought", "--counters", "--csv").stdout.splitlines()), 5)
        self.refused("Bought", "Bougth", "--counters")
        self.refused("needs a metric", "--counters", status=2)

    def test_an_unknown_property_lists_those_there_are(self):
        self.run_plan([event(1)])
        for asked in (["--by", "Foo"], ["--where", "Foo=1"]):
            self.refused("it has colour, size", "Bought", *asked)

    def test_years_are_months_added_up_so_they_have_no_uniques(self):
        self.run_plan([event(n, at="%d-%02d-05T10:00:00Z" % (2024 + n // 12, 1 + n % 12)) for n in range(36)])
        for asked, count in ((["--in", "2025"], [12]), (["--from", "2024", "--to", "2026"], [24]), (["--interval", "year", "--from", "2024", "--to", "2027"], [12, 12, 12]),
                             (["--interval", "year", "--in", "2025"], [12]), (["--interval", "month", "--in", "2025"], [1] * 12), (["--from", "2025", "--to", "2025-03"], [2])):
            answer = self.ask("Bought", *asked)
            self.assertEqual(answer["groups"][0]["count"], count, asked)
            if len(count) < 12:
                self.assertIsNone(answer["groups"][0]["unique"], asked)
        answer = self.ask("Bought", "--interval", "year", "--from", "2024", "--to", "2026")
        self.assertEqual(answer["buckets"], ["2024-01-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00"])
        self.assertEqual(answer["groups"][0]["sum"], {"worth": ["13.20", "13.20"]})
        self.assertRegex(self.quipu("query", "Bought", "--interval", "year", "--from", "2024", "--to", "2026").stdout, r"(?m)^2024 +12 +- +13\.20$")
        self.refused("begin and end with a year", "Bought", "--interval", "year", "--from", "2024-02", "--to", "2025-02")
        self.refused("say which", "Bought", "--interval", "year")

    def test_the_last_days_today_and_ranges_up_to_now(self):
        self.run_plan([event(n, at=day(n)) for n in range(60)])
        before = day(0)
        found = {name: self.ask("Bought", *asked)["groups"][0] for name, asked in {
            "7d": ["--last", "7d"], "7 days": ["--last", "7d", "--interval", "day"], "today": ["--in", "today"], "yesterday": ["--in", "yesterday"],
            "from": ["--from", day(9)[:10]], "from to": ["--from", day(9)[:10], "--to", "today"], "since yesterday": ["--from", "yesterday", "--to", "tomorrow"],
            "by day": ["--from", day(3)[:10], "--interval", "day"], "1d": ["--last", "1d"]}.items()}
        if day(0)[:10] != before[:10]:
            self.skipTest("midnight passed")
        self.assertEqual({name: g["count"] for name, g in found.items()}, {
            "7d": [7], "7 days": [1] * 7, "today": [1], "yesterday": [1], "from": [10], "from to": [9], "since yesterday": [2], "by day": [1] * 4, "1d": [1]})
        self.assertEqual((found["today"]["unique"], found["1d"]["unique"], found["7d"]["unique"]), ([1], [1], None))
        # Years and months hold what lies in them, whatever today is.
        self.assertEqual(self.ask("Bought", "--last", "2y")["groups"][0]["count"], [60])
        months = self.ask("Bought", "--last", "3m", "--interval", "month")
        self.assertEqual(len(months["buckets"]), 3)
        self.assertIn("the last 7 days: ", self.quipu("query", "Bought", "--last", "7d").stdout)
        for text in ("7", "d", "0d", "7x", "-7d", "7 d", "99999d"):
            self.refused("--last " + text, "Bought", "--last=" + text)
        self.refused("use one of them", "Bought", "--last", "7d", "--in", "today")
        self.refused("future", "Bought", "--from", "2150-01-01")
        self.refused("needs a begin", "Bought", "--to", "today")

    def test_the_period_before_stands_beside_each_figure(self):
        days = [("02", "red", 4), ("02", "blue", 1), ("03", "red", 3), ("03", "green", 2)]
        lines, number = [], 0
        for when, colour, events in days:
            for _ in range(events):
                number += 1
                lines.append(event(number, at="2026-03-%sT10:00:00Z" % when, colour=colour))
        self.run_plan(lines)
        asked = ["Bought", "--by", "colour", "--in", "2026-03-03", "--versus", "previous"]
        answer = self.ask(*asked)
        self.assertEqual(answer["previous"], {"range": "2026-03-02 to 2026-03-03 (exclusive)", "buckets": ["2026-03-02T00:00:00+00:00"], "partial": []})
        self.assertEqual([(g["by"]["colour"], g["count"], g["previous"]["count"], g["previous"]["unique"]) for g in answer["groups"]],
                         [("red", [3], [4], [4]), ("green", [2], [0], [0]), ("blue", [0], [1], [1])])
        rows = list(csv.DictReader(io.StringIO(self.quipu("query", *asked, "--csv").stdout)))
        self.assertEqual([(r["count"], r["previous:count"], r["change:count"], r["percent:count"], r["change:worth"]) for r in rows],
                         [("3", "4", "-1", "-25.0", "-1.10"), ("2", "0", "2", "", "2.20"), ("0", "1", "-1", "-100.0", "-1.10")])
        self.assertRegex(self.quipu("query", *asked).stdout, r"(?m)^red +3 +4 +-1 +-25\.0 ")
        self.assertRegex(self.quipu("query", *asked).stdout, r"(?m)^green +2 +0 +\+2 +- ")
        self.assertEqual(len(self.ask(*asked, "--limit", "1")["groups"]), 1)
        # As many buckets before: two days before two days; of a series, day by day.
        series = self.ask("Bought", "--from", "2026-03-03", "--to", "2026-03-05", "--interval", "day", "--versus", "previous")
        self.assertEqual((series["groups"][0]["count"], series["groups"][0]["previous"]["count"]), ([5, 0], [0, 5]))
        self.assertEqual(self.ask("Bought", "--in", "2026-03", "--versus", "previous")["groups"][0]["previous"]["count"], [0])
        self.refused("no period before", "Bought", "--in", "lifetime", "--versus", "previous")
        self.refused("--versus previous", "Bought", "--in", "2026-03", "--versus", "last", status=2)

    def test_names_that_are_numbers_sort_as_numbers(self):
        self.run_plan([event(n, colour=c) for n, c in enumerate(["10", "9", "-2", "1.5", "b", "1.50x", "a10", "-10", ""])])
        names = [g["by"]["colour"] for g in self.ask("Bought", "--by", "colour", "--in", "2026-03", "--sort", "name")["groups"]]
        self.assertEqual(names, ["-10", "-2", "1.5", "9", "10", "", "1.50x", "a10", "b"])
        self.assertEqual([g["by"]["colour"] for g in self.ask("Bought", "--by", "colour", "--in", "2026-03", "--sort", "-name")["groups"]], names[::-1])
        # Equal counts go by name.
        self.assertEqual([g["by"]["colour"] for g in self.ask("Bought", "--by", "colour", "--in", "2026-03")["groups"]], names)

    def test_a_limit_is_one_or_more(self):
        self.run_plan([event(1)])
        for limit in ("0", "-1"):
            self.refused("1 or more", "Bought", "--limit=" + limit, status=2)

    def test_a_terminal_gets_the_first_rows_and_a_file_all(self):
        self.run_plan([event(n, colour="c%03d " % n + "x" * 60) for n in range(50)])
        asked = ["query", "Bought", "--by", "colour", "--in", "2026-03"]
        shown = self.on_terminal(*asked)
        self.assertEqual(len([line for line in shown.splitlines() if line.startswith("c0")]), 40)
        self.assertIn("the first 40 of 50 rows", shown)
        self.assertNotIn("x" * 40, shown)
        self.assertIn("x…", shown)
        self.assertEqual(len([line for line in self.on_terminal(*asked, "--limit", "45").splitlines() if line.startswith("c0")]), 45)
        whole = self.quipu(*asked).stdout
        self.assertEqual(whole.count("x" * 60), 50)
        self.assertNotIn("…", whole)

    def test_colours_are_for_terminals_that_want_them(self):
        self.run_plan([event(1)])
        asked = ["query", "Bought", "--in", "2026-03"]
        self.assertIn("\x1b[1mBought, 2026-03", self.on_terminal(*asked))
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b", self.on_terminal(*asked, **environment))
        self.assertNotIn("\x1b", self.quipu(*asked).stdout)

    def test_charts_have_bars_and_courses(self):
        self.run_plan([event(n, at="2026-03-%02dT10:00:00Z" % (2 + n % 4 // 3), colour="red") for n in range(16)])
        days = ["--from", "2026-03-01", "--to", "2026-03-05", "--interval", "day", "--chart"]
        text = self.quipu("query", "Bought", *days).stdout
        bars = [line.count("█") for line in text.splitlines()[2:6]]
        self.assertEqual(bars, [0, 24, 8, 0], text)
        self.assertRegex(self.quipu("query", "Bought", "--by", "colour", *days).stdout, r"(?m)^red +16 +12 +·█▃·$")
        self.refused("excludes", "Bought", *days, "--json", status=2)

    def test_grouped_series_have_every_bucket(self):
        self.run_plan([event(0, at="2026-03-02T10:00:00Z")])
        text = self.quipu("query", "Bought", "--by", "colour", "--from", "2026-03-01", "--to", "2026-03-04", "--interval", "day").stdout
        self.assertEqual(re.findall(r"(?m)^red +(\S+) +(\d+)", text), [("2026-03-01", "0"), ("2026-03-02", "1"), ("2026-03-03", "0")])

    def test_without_profiles_no_unique_is_shown(self):
        self.write("bare.yaml", PLAN.replace(" profile: /who,", ""))
        self.quipu("run", "bare.yaml", self.write("some.jsonl", event(1)))
        text = self.quipu("query", "Bought", "--in", "2026-03").stdout
        self.assertNotIn("unique", text)
        self.run_plan([event(1)], PLAN)
        self.assertIn("unique", self.quipu("query", "Bought", "--in", "2026-03", "--data", "plan.quipu").stdout)


class Exporting(Quipu):
    def exported(self, *arguments):
        return [json.loads(line) for line in self.quipu("export", *arguments).stdout.splitlines()]

    def test_filters_leave_the_buckets_that_a_full_export_has(self):
        self.run_plan([event(n, "Bought" if n % 4 else "Sold", shop="ab"[n % 2]) for n in range(60)], TENANTS)
        everything = self.exported()
        for arguments, wanted in (
                (["Sold"], lambda e: e["metric"] == "Sold"), (["--tenant", "a"], lambda e: e["tenant"] == "a"), (["--by", "colour"], lambda e: set(e["by"]) == {"colour"}),
                (["--by", "size,colour"], lambda e: set(e["by"]) == {"colour", "size"}), (["--by", ""], lambda e: not e["by"]),
                (["--interval", "week"], lambda e: e["interval"] == "week"), (["--interval", "lifetime"], lambda e: e["interval"] == "lifetime"),
                (["--from", "2026-03-05", "--to", "2026-03-08"], lambda e: e["bucket"] and "2026-03-05" <= e["bucket"] < "2026-03-08"),
                (["--from", "2026-03-05", "--interval", "day", "Bought"], lambda e: e["metric"] == "Bought" and e["interval"] == "day" and e["bucket"] >= "2026-03-05"),
                (["--calendar", "UTC"], lambda e: e["calendar"] == "UTC")):
            want = [e for e in everything if wanted(e)]
            self.assertTrue(want, arguments)
            self.assertEqual(self.exported(*arguments), want, arguments)
        for arguments, word in ((["Slod"], "Sold"), (["--tenant", "x"], "no tenant"), (["--by", "size"], "--counters"), (["--by", "sise"], "exactly"), (["--calendar", "X"], "no calendar")):
            self.assertIn(word, self.quipu("export", *arguments, status=1).stderr, arguments)
        self.assertIn("lifetime", self.quipu("export", "--interval", "year", status=2).stderr)

    def test_two_exports_are_the_same_lines_in_the_same_order(self):
        self.run_plan([event(n, colour="c%d" % (n % 300)) for n in range(900)])
        first = self.quipu("export").stdout
        self.quipu("backup", "copy.quipu", "--data", "plan.quipu")
        self.assertEqual(self.quipu("export", "--data", "copy.quipu").stdout, first)
        # Whoever wants the order of names sorts lines: two stores that counted the same then have the same.
        self.quipu("run", "plan.yaml", "events.jsonl", "--data", "other.quipu")
        self.assertEqual(sorted(self.quipu("export", "--data", "other.quipu").stdout.splitlines()), sorted(first.splitlines()))

    def test_csv_for_spreadsheets_holds_no_formulas(self):
        values = ["=1+1", "+a", "-a", "@a", "\ta", "a=1", "a,\"b\""]
        self.run_plan([event(n, colour=v, shop="=t") for n, v in enumerate(values)], TENANTS)
        asked = ["Bought", "--by", "colour", "--in", "2026-03", "--sort", "name"]
        exact = list(csv.DictReader(io.StringIO(self.quipu("query", *asked, "--csv").stdout)))
        safe = list(csv.DictReader(io.StringIO(self.quipu("query", *asked, "--safe-csv").stdout)))
        self.assertEqual({r["colour"] for r in exact}, set(values))
        self.assertEqual([r["colour"] for r in safe], [("'" + r["colour"]) if r["colour"][0] in "=+-@\t" else r["colour"] for r in exact])
        rows = list(csv.DictReader(io.StringIO(self.quipu("export", "--safe-csv").stdout)))
        self.assertEqual({r["tenant"] for r in rows}, {"'=t"})
        self.assertEqual({r["tenant"] for r in csv.DictReader(io.StringIO(self.quipu("export", "--csv").stdout))}, {"=t"})


if __name__ == "__main__":
    main()
