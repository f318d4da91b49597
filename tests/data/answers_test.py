#!/usr/bin/env python3
"""Compares quipu with right answers for real data sets, found by brute force with other code.

    answers_test.py --quipu build/quipu --source .

answers.json holds those of the two sets in examples/ (CDNOW purchases, New York flights). Further sets are used
if the folder that QUIPU_SHARED_DATA names, or ../shared/data beside the checkout, has them with an answers.json of
the same form; else they are skipped, with a message. Every figure that is a count, a number of different people or
a sum of some plan is compared; those that are not are listed at the end.
"""
import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timezone
from pathlib import Path

QUIPU = SOURCE = SHARED = None
NOT_FIGURES = []          # "set: figure (why)"
COMPARED = [0]

RAILS = """quipu: 1
event: {tenant: {const: rails}, metric: /type, profile: %s, id: /id, time: /time, values: {files: /files}}
properties: {part: /parts}
calendars: {default: [{zone: UTC}, {zone: Australia/Adelaide}, {zone: Asia/Kolkata}]}
count:
  - {metrics: "*", by: [[]], lifetime: yes}
  - {metrics: "*", together: Any, by: [[], part], sum: [files], lifetime: yes}
"""


def text_of_sum(text, unit=1):
    """A sum as a whole number of units (cents for 100)."""
    sign = -1 if text.startswith("-") else 1
    whole, _, fraction = text.lstrip("-").partition(".")
    digits = len(str(unit)) - 1
    assert set(fraction[digits:]) <= {"0"}, text
    return sign * (int(whole) * unit + int((fraction + "0" * digits)[:digits] or "0"))


def utc_iso(bucket):
    return datetime.fromisoformat(bucket).astimezone(timezone.utc).isoformat()


class Store:
    """Counts an input with a plan; answers from the whole export."""

    def __init__(self, plan, inputs, folder, name, statuses=(0,)):
        self.data = str(Path(folder) / (name + ".quipu"))
        run = subprocess.run([QUIPU, "run", str(plan), *map(str, inputs), "--data", self.data], capture_output=True, text=True)
        assert run.returncode in statuses, run.stderr + run.stdout
        numbers = re.search(r"([\d,]+) read = ([\d,]+) counted \+ ([\d,]+) duplicate \+ ([\d,]+) set aside \+ ([\d,]+) unplanned", run.stdout)
        self.read, self.counted, self.duplicate, self.set_aside, self.unplanned = (int(n.replace(",", "")) for n in numbers.groups())
        self.reasons = {m[2]: int(m[1].replace(",", "")) for m in re.finditer(r"set aside: ([\d,]+) (\w+)", run.stdout)}
        export = subprocess.run([QUIPU, "export", "--data", self.data], capture_output=True, text=True)
        assert export.returncode == 0, export.stderr
        self.lines = [json.loads(line) for line in export.stdout.splitlines()]

    def query(self, *arguments):
        asked = subprocess.run([QUIPU, "query", *arguments, "--data", self.data, "--json"], capture_output=True, text=True)
        assert asked.returncode == 0, asked.stderr
        return json.loads(asked.stdout)

    def buckets(self, metric, interval, calendar=None, by=None, value=None, unit=1):
        """{bucket in UTC: [count, unique, sum]} of one counter and value."""
        found = {}
        for line in self.lines:
            if line.get("metric", line.get("together")) != metric or line["interval"] != interval or line["by"] != (by or {}):
                continue
            if interval != "lifetime" and calendar is not None and line["calendar"] != calendar:
                continue
            bucket = "" if interval == "lifetime" else utc_iso(line["bucket"])
            found[bucket] = [line["count"], line.get("unique"), text_of_sum(line["sum"][value], unit) if value else None]
        return found

    def groups(self, metric, prop, interval="lifetime"):
        return {line["by"][prop]: line["count"] for line in self.lines
                if line.get("metric", line.get("together")) == metric and line["interval"] == interval and list(line["by"]) == [prop]}


class Figures(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="quipu-answers-")
        self.addCleanup(self.folder.cleanup)

    def plan(self, text, name):
        path = Path(self.folder.name) / (name + ".yaml")
        path.write_text(text)
        return path

    def store(self, plan, inputs, name, statuses=(0,)):
        if isinstance(plan, str):
            plan = self.plan(plan, name)
        return Store(plan, inputs if isinstance(inputs, list) else [inputs], self.folder.name, name, statuses)

    def lines_file(self, name, events):
        path = Path(self.folder.name) / (name + ".jsonl")
        path.write_text("".join(json.dumps(e) + "\n" for e in events))
        return path

    def figures(self, answers, title, checks):
        """checks: {figure: what quipu says, or a text that tells why it is no figure}. All figures must be in it."""
        self.assertEqual(set(answers), set(checks), "figures of " + title)
        for figure, got in checks.items():
            if isinstance(got, str):
                NOT_FIGURES.append("%s: %s (%s)" % (title, figure, got))
                continue
            with self.subTest(set=title, figure=figure):
                self.assertEqual(got, answers[figure])
                COMPARED[0] += 1


class OwnData(Figures):
    def setUp(self):
        super().setUp()
        self.answers = json.loads((SOURCE / "tests/data/answers.json").read_text())

    def test_cdnow(self):
        title = "cdnow (sum in cents)"
        answers = self.answers[title]
        data = SOURCE / "examples/cdnow_master.txt.gz"
        shop = self.store(SOURCE / "examples/cdnow.yaml", data, "cdnow")
        total = shop.buckets("Placed Order", "lifetime", value="dollars", unit=100)[""]
        head = "quipu: 1\ninput: {format: delimited, delimiter: whitespace}\n" \
               "event: {tenant: {const: c}, metric: {const: Order}, profile: /customer_id, time: {at: /date, format: \"%Y%m%d\"}, id: ID}\n" \
               "properties: {dollars: /dollar_value}\ncount: [{metrics: \"*\", by: [[], dollars], lifetime: yes}]\n"
        by_dollars = self.store(head.replace(", id: ID", ""), data, "dollars")
        # Delimited lines have no field that is always missing, so here they are JSON.
        rows = [line.split() for line in gzip.open(data, "rt")][1:]
        second_plan = head.replace("input: {format: delimited, delimiter: whitespace}\n", "").replace("ID", "{first: [/none], else: time_to_second}")
        as_json = self.lines_file("second", [dict(zip(("customer_id", "date", "number_of_cds", "dollar_value"), row)) for row in rows])
        by_second = self.store(second_plan, as_json, "second")
        by_line = self.store(head.replace("ID", "{all: [/customer_id, /date, /number_of_cds, /dollar_value]}"), data, "line")
        weeks = shop.buckets("Placed Order", "week", value="dollars", unit=100)
        units = shop.buckets("Placed Order", "lifetime", value="units")[""][2]
        self.figures(answers, title, {
            "total": total,
            "units": units,
            "zero-value lines": by_dollars.groups("Order", "dollars")["0"],
            "distinct (customer, day)": sum(cell[1] for cell in shop.buckets("Placed Order", "day").values()),
            "lines lost if unique_id defaulted to (customer, second)": by_second.duplicate,
            "lines that repeat an earlier line byte for byte": by_line.duplicate,
            "month UTC": shop.buckets("Placed Order", "month", value="dollars", unit=100),
            "week UTC": {bucket: cell for bucket, cell in weeks.items() if bucket in answers["week UTC"]},
        })
        # The same by questions.
        months = shop.query("Placed Order", "--interval", "month", "--from", "1997-01", "--to", "1998-07")
        want = list(answers["month UTC"].items())
        self.assertEqual([utc_iso(b) for b in months["buckets"]], [b for b, _ in want])
        self.assertEqual(months["groups"][0]["count"], [cell[0] for _, cell in want])
        self.assertEqual(months["groups"][0]["unique"], [cell[1] for _, cell in want])
        self.assertEqual([text_of_sum(s, 100) for s in months["groups"][0]["sum"]["dollars"]], [cell[2] for _, cell in want])
        ever = shop.query("Placed Order", "--in", "lifetime")
        self.assertEqual([ever["groups"][0]["count"], ever["groups"][0]["unique"]], [[total[0]], [total[1]]])

    def test_flights(self):
        title = "flights (sum = miles)"
        answers = self.answers[title]
        data = SOURCE / "examples/nyc_flights_dst.jsonl.gz"
        ny = self.store(SOURCE / "examples/flights.yaml", data, "flights")
        required = (SOURCE / "examples/flights.yaml").read_text().replace("  profile: /user\n", "  profile: {first: [/user], required: yes}\n")
        with_person = self.store(required, data, "with_person", statuses=(3,))
        carriers = {}
        for line in ny.lines:
            if line.get("together") == "Flight" and line["interval"] == "month" and line["calendar"] == "UTC" and list(line["by"]) == ["carrier"]:
                carriers[line["by"]["carrier"]] = carriers.get(line["by"]["carrier"], 0) + line["count"]
        top = sorted(carriers.items(), key=lambda pair: -pair[1])[:5]

        def days(calendar, figure):
            found = ny.buckets("Flight", "day", calendar, value="miles")
            return {bucket: found.get(bucket) for bucket in answers[figure]}
        lifetime = ny.buckets("Flight", "lifetime", value="miles")[""]
        self.figures(answers, title, {
            "total": lifetime,
            "by type": {metric: ny.buckets(metric, "lifetime")[""][0] for metric in ("Departed", "Cancelled")},
            "null users": with_person.reasons.get("profile_missing"),
            "by carrier": [list(pair) for pair in top],
            "days America/New_York round both DST changes": days("ny", "days America/New_York round both DST changes"),
            "same, UTC days": days("UTC", "same, UTC days"),
            "same, Asia/Kolkata days": days("Asia/Kolkata", "same, Asia/Kolkata days"),
            "weeks America/New_York": ny.buckets("Flight", "week", "ny", value="miles"),
            "months America/New_York": ny.buckets("Flight", "month", "ny", value="miles"),
        })
        self.assertEqual(with_person.set_aside, answers["null users"])
        for bucket, cell in answers["days America/New_York round both DST changes"].items():
            day = datetime.fromisoformat(bucket).date().isoformat()   # New York's midnight is 4:00 or 5:00 UTC of that day
            asked = ny.query("Flight", "--calendar", "ny", "--in", day)
            group = asked["groups"][0]
            self.assertEqual([group["count"][0], group["unique"][0], text_of_sum(group["sum"]["miles"][0])], cell, day)


class SharedData(Figures):
    def setUp(self):
        super().setUp()
        if SHARED is None:
            self.skipTest("further data sets are not here (QUIPU_SHARED_DATA names their folder)")
        self.answers = json.loads((SHARED / "answers.json").read_text())

    def file(self, name):
        path = SHARED / name
        if not path.exists():
            self.skipTest(name + " is not here")
        return path

    def test_rails(self):
        title = "rails (sum = files)"
        answers = self.answers[title]
        data = self.file("rails_commits.jsonl.gz")
        rails = self.store(RAILS % "/user", data, "rails")
        lower = self.store(RAILS % "/user_lc", data, "lower")
        commits = [json.loads(line) for line in gzip.open(data, "rt")]

        def between(name, low, high):   # as the answers were made: by the local text of the time
            events = [c for c in commits if low < datetime.fromisoformat(c["time"]).isoformat() < high]
            return self.store(RAILS % "/user", self.lines_file(name, events), name)
        in_2020 = [c for c in commits if datetime.fromisoformat(c["time"]).astimezone(timezone.utc).year == 2020]
        year = self.store(RAILS % "/user", self.lines_file("year", in_2020), "year")
        adelaide = between("adelaide", "2020-04-01", "2020-04-09")
        kolkata = between("kolkata", "2020-05-30", "2020-06-05")
        days = rails.buckets("Any", "day", "UTC", value="files")
        weeks = rails.buckets("Any", "week", "UTC", value="files")
        months = rails.buckets("Any", "month", "UTC", value="files")
        parts = rails.groups("Any", "part")
        top = sorted(((part, n) for part, n in parts.items() if part), key=lambda pair: -pair[1])[:8]
        self.figures(answers, title, {
            "total": rails.buckets("Any", "lifetime", value="files")[""],
            "total with lower-cased user": lower.buckets("Any", "lifetime")[""][1],
            "by type": {metric: rails.buckets(metric, "lifetime")[""][0] for metric in ("Commit", "Merge")},
            "lines older than an earlier line": "an order of lines",
            "events by offset": "the spelling of times",
            "array elements, top": [list(pair) for pair in top],
            "year 2020 UTC by month": {bucket: cell for bucket, cell in months.items() if bucket.startswith("2020-")},
            "sum of daily uniques 2020 UTC": sum(cell[1] for bucket, cell in days.items() if bucket.startswith("2020-")),
            "uniques 2020 UTC": year.buckets("Any", "lifetime")[""][1],
            "leap days UTC": {bucket: cell for bucket, cell in days.items() if bucket[5:10] == "02-29"},
            "ISO weeks around new year 2021 UTC": {bucket: cell for bucket, cell in weeks.items() if "2020-12-14" <= bucket < "2021-01-19"},
            "days 2020-04-03..06 Australia/Adelaide (DST ends 04-05)": adelaide.buckets("Any", "day", "Australia/Adelaide", value="files"),
            "days 2020-06-01..03 Asia/Kolkata": kolkata.buckets("Any", "day", "Asia/Kolkata", value="files"),
        })

    def test_apache(self):
        title = "apache (user = address, sum = bytes)"
        answers = self.answers[title]
        data = self.file("apache_access_10k.log.gz")
        events = []
        for number, line in enumerate(gzip.open(data, "rt", errors="replace")):
            address, at, status, size = re.match(r'(\S+) \S+ \S+ \[([^\]]+)\] ".*?" (\d{3}) (\S+)', line).groups()
            events.append({"n": number, "address": address, "at": at, "status": status, "bytes": None if size == "-" else size})
        web = self.store("""quipu: 1
event: {tenant: {const: web}, metric: {const: Request}, profile: /address, id: /n,
        time: {at: /at, format: "%d/%b/%Y:%H:%M:%S %z"}, values: {bytes: /bytes}}
properties: {status: /status}
count: [{metrics: "*", by: [[], status], sum: [bytes], lifetime: yes}]
""", self.lines_file("apache", events), "apache")
        days = web.buckets("Request", "day", value="bytes")
        self.figures(answers, title, {
            "total": web.buckets("Request", "lifetime", value="bytes")[""],
            "by status": web.groups("Request", "status"),
            "day UTC": days,
            "sum of daily uniques": sum(cell[1] for cell in days.values()),
        })

    def test_snowplow(self):
        title = "snowplow"
        answers = self.answers[title]
        data = self.file("snowplow_web_events.jsonl.gz")
        head = """quipu: 1
event: {tenant: {const: s}, metric: METRIC, profile: PROFILE, id: ID, time: /collector_tstamp}
properties: {event_id: /event_id}
count: [{metrics: "*", by: [[], event_id], lifetime: yes}]
"""

        def count(name, metric="{const: Event}", profile=None, identity=None):
            text = head.replace("METRIC", metric)
            text = text.replace("profile: PROFILE", "profile: " + profile) if profile else text.replace("profile: PROFILE, ", "")
            text = text.replace("id: ID", "id: " + identity) if identity else text.replace("id: ID, ", "")
            return self.store(text, data, name)
        plain = count("plain")
        kinds = count("kinds", metric="/event")
        people = count("people", profile="/domain_userid")
        self.figures(answers, title, {
            "lines": plain.read,
            "distinct event_id": count("ids", identity="/event_id").counted,
            "distinct (event_id, collector_tstamp)": count("pairs", identity="{all: [/event_id, /collector_tstamp]}").counted,
            "event_id seen more than once": {event: n for event, n in plain.groups("Event", "event_id").items() if n > 1},
            "by event": {kind: kinds.buckets(kind, "lifetime")[""][0] for kind in answers["by event"]},
            "uniques (domain_userid)": people.buckets("Event", "lifetime")[""][1],
            "device clock after collector clock": "a comparison of two times of a line",
        })
        self.assertEqual(sum(answers["by event"].values()), kinds.counted)

    def test_elasticoffee(self):
        title = "elasticoffee"
        answers = self.answers[title]
        data = self.file("elasticoffee.jsonl.gz")
        coffee = self.store("""quipu: 1
event: {tenant: {const: bar}, metric: {const: Drink}, profile: /entityID, id: /_id, time: /@timestamp, values: {quantity: /quantity}}
properties: {beverage: /beverage}
count: [{metrics: "*", by: [[], beverage], sum: [quantity], lifetime: yes}]
""", data, "coffee")
        drinks = sorted(coffee.groups("Drink", "beverage").items(), key=lambda pair: -pair[1])[:6]
        self.figures(answers, title, {
            "lines": coffee.counted,
            "by beverage": [list(pair) for pair in drinks],
            "sum quantity": coffee.buckets("Drink", "lifetime", value="quantity")[""][2],
            "distinct fields": "names of fields",
        })


def main():
    global QUIPU, SOURCE, SHARED
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True, help="the program")
    parser.add_argument("--source", default=str(Path(__file__).resolve().parents[2]), help="the checkout")
    arguments, rest = parser.parse_known_args()
    QUIPU, SOURCE = os.path.abspath(arguments.quipu), Path(arguments.source).resolve()
    named = os.environ.get("QUIPU_SHARED_DATA")
    beside = SOURCE.parent / "shared" / "data"
    if named:
        SHARED = Path(named)
    elif (beside / "answers.json").exists():
        SHARED = beside
    program = unittest.main(argv=[sys.argv[0], *rest], exit=False, verbosity=2)
    for figure in sorted(NOT_FIGURES):
        print("not a figure of a plan: " + figure)
    print("%d figures compared" % COMPARED[0])
    sys.exit(0 if program.result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
