#!/usr/bin/env python3
"""oracle.py PLAN [--complete] INPUT... [--zoneinfo DIR] [--now ISO]

A second naive counter, in Python's own words: prints the whole export to stdout, sorted by bytes, and the tallies as one
line of JSON to stderr. Inputs: plain, .gz, .zst. --zoneinfo holds for the inputs after it, as does --complete
(they do not grow); --now changes no answer.
Written from docs/design.md section 1 and docs/decisions.md; shares no code with src/ or with the C++ oracle.
"""
import gzip
import itertools
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import plan_yaml  # noqa: E402
from oracle_reading import (  # noqa: E402
    BLANKS, LOG_COLUMNS, Obj, Property, SetAside, canonical, combinations, is_present, lookup, plain_bytes, read_field, read_json, read_texts,
    read_value, records_of, scalar_text, split_delimited, split_log, sum_text, yes,
)
from oracle_times import DAYS, QUARTER_S, Rules, Times, instant_text, local_range, month_of  # noqa: E402

INTERVALS = ("hour", "day", "week", "month")


# ---- the plan ----


class Dimension:
    def __init__(self, selector, when, by):
        self.selector, self.when, self.by = selector, when, by
        self.unique, self.lifetime, self.sums = False, False, set()
        self.cells = {}  # (tenant, values, calendar name or None, interval, bucket) -> Cell


class Cell:
    def __init__(self):
        self.count, self.profiles, self.sums = 0, set(), {}


class Plan:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            root = plan_yaml.load(f.read())
        self.event = root["event"]
        self.input = root.get("input") or {}
        if self.input.get("format") == "combined_log" and self.event["time"] == "/time":
            self.event["time"] = {"at": "/time", "format": "%d/%b/%Y:%H:%M:%S %z"}
        self.time = Times(self.event["time"])
        self.values = self.event.get("values") or {}
        self.properties = [Property(name, node) for name, node in (root.get("properties") or {}).items()]
        self.by_name = {p.name: p for p in self.properties}
        self.rules = root["count"]
        self.read_calendars(root.get("calendars") or {}, os.path.dirname(path))
        self.dimensions, self.of_metric = {}, {}

    def read_calendars(self, node, folder):
        def one(c):
            week_start = DAYS.index(c.get("week_start") or "monday")
            return c.get("name") or c["zone"], c["zone"], week_start

        self.default = [one(c) for c in node.get("default") or [{"zone": "UTC"}]]
        self.tenants, self.set_unknown_aside = {}, False
        for name, value in (node.get("tenants") or {}).items():
            if name == "file" and isinstance(value, str):
                with open(os.path.join(folder, value), encoding="utf-8") as f:
                    header, *rows = [split_delimited(line.rstrip("\r\n"), ",", '"') for line in f if line.strip()]
                for row in rows:
                    row = dict(zip(header, row))
                    self.tenants.setdefault(canonical(row["tenant"]), []).append(one(row))
            elif name == "unknown" and isinstance(value, str):
                self.set_unknown_aside = value == "set_aside"
            else:
                self.tenants[canonical(name)] = [one(c) for c in value]

    def lists(self, rule):
        for by in rule.get("by") or []:
            yield [by] if isinstance(by, str) else by
        if "combinations" in rule:
            of = rule["combinations"]["of"]
            for size in range(1, int(rule["combinations"]["up_to"]) + 1):
                yield from itertools.combinations(of, size)

    def dimensions_of(self, metric):
        if metric in self.of_metric:
            return self.of_metric[metric]
        chosen = {}
        for rule in self.rules:
            every = rule["metrics"] == "*"
            members = frozenset() if every else frozenset(canonical(m or "") for m in rule["metrics"])
            if not every and metric not in members:
                continue
            if "together" in rule:
                selector, key = ("together", rule["together"]), ("together", rule["together"], every, members)
            else:
                selector, key = ("metric", metric), ("metric", metric)
            when = [(name, sorted({canonical(v or "") for v in values}, key=str.encode)) for name, values in (rule.get("when") or {}).items()]
            when_key = frozenset((self.by_name[n].definition, tuple(v)) for n, v in when)
            for names in self.lists(rule):
                definitions, by = set(), []
                for name in names:
                    if self.by_name[name].definition not in definitions:
                        definitions.add(self.by_name[name].definition)
                        by.append(self.by_name[name])
                identity = (key, when_key, frozenset(definitions))
                d = self.dimensions.setdefault(identity, Dimension(selector, when, by))
                chosen[identity] = d
                d.unique |= rule.get("unique") is None or yes(rule["unique"])
                d.lifetime |= yes(rule.get("lifetime"))
                d.sums |= set(rule.get("sum") or [])
        self.of_metric[metric] = list(chosen.values())
        return self.of_metric[metric]


# ---- counting ----


class Counter:
    def __init__(self, plan, zoneinfo_folder="/usr/share/zoneinfo"):
        self.plan = plan
        self.rules = Rules(zoneinfo_folder)
        self.pins, self.ids = {}, set()
        self.tallies = {"read": 0, "counted": 0, "duplicate": 0, "set_aside": {}, "unplanned": 0, "rounded": 0}
        self.columns = LOG_COLUMNS if plan.input.get("format") == "combined_log" else plan.input.get("columns")
        self.header_expected = False

    def begin_file(self):
        i = self.plan.input
        self.header_expected = i.get("format") == "delimited" and (yes(i["header"]) if "header" in i else "columns" not in i)

    def add_line(self, raw):
        line = raw.rstrip(b"\r\n")
        if not line.strip(BLANKS.encode()):
            return
        if self.header_expected:
            self.header_expected = False
            self.columns = [name.strip(BLANKS) for name in self.split(line.decode("utf-8", "surrogateescape"))]
            return
        self.tallies["read"] += 1
        try:
            self.tallies[self.add(line)] += 1
        except SetAside as reason:
            name = str(reason)
            self.tallies["set_aside"][name] = self.tallies["set_aside"].get(name, 0) + 1

    def delimiter_and_quote(self):
        i = self.plan.input
        delimiter = {"\\t": "\t"}.get(i.get("delimiter"), i.get("delimiter") or ",")
        quote = i.get("quote") or '"'
        return delimiter, None if quote == "none" else quote

    def split(self, text):
        return split_delimited(text, *self.delimiter_and_quote())

    def add_file(self, content, complete):
        self.begin_file()
        form = self.plan.input.get("format", "json")
        delimiter, quote = self.delimiter_and_quote() if form == "delimited" else (",", None)
        for record in records_of(plain_bytes(content), delimiter, quote, complete, form == "json"):
            self.add_line(record)

    def read_record(self, line):
        if len(line) > 2**20:
            raise SetAside("line_too_long")
        text = line.decode("utf-8", "surrogateescape")
        if self.plan.input.get("format") not in ("delimited", "combined_log"):
            return read_json(text)
        fields = split_log(text) if self.plan.input["format"] == "combined_log" else self.split(text)
        columns = self.columns or []
        if columns and len(columns) != len(fields):
            raise SetAside("wrong_field_count")
        return Obj([*zip(columns, fields), *((str(i), f) for i, f in enumerate(fields) if str(i) not in columns)])

    def calendars(self, tenant):
        return self.plan.tenants.get(tenant, self.plan.default)

    def rules_for(self, tenant, utc_s):
        return self.pins.get((tenant, month_of(max(utc_s, 0))), self.rules)

    def read_id(self, record, utc_s):
        node = self.plan.event.get("id")
        if isinstance(node, dict) and "all" in node:
            parts = [lookup(record, p) for p in node["all"]]
            return tuple(canonical(scalar_text(p)) for p in parts) if all(map(is_present, parts)) else None
        found = read_field(node, record)
        if found is not None:
            return (found,)
        return utc_s if isinstance(node, dict) and "else" in node else None

    def time_values(self, record):
        """In order, as far as they are good: the first that is not decides."""
        values = []
        if self.plan.time.first:
            found = (lookup(record, path) for path in self.plan.time.paths)
            return [next((v for v in found if v is not None and not (isinstance(v, str) and v == "")), None)]
        for path in self.plan.time.paths:
            values.append(lookup(record, path))
            if not isinstance(values[-1], str) or values[-1] == "":
                break
        return values

    def walks_of(self, d):
        """The lists that a dimension joins: those of its properties and of its `when`."""
        return frozenset(p.walk for p in (*d.by, *(self.plan.by_name[name] for name, _ in d.when)))

    def add(self, line):
        plan, event, record = self.plan, self.plan.event, self.read_record(line)
        tenant = read_field(event["tenant"], record)
        if tenant is None:
            raise SetAside("tenant_missing")
        if plan.set_unknown_aside and tenant not in plan.tenants:
            raise SetAside("tenant_unknown")
        metric = read_field(event["metric"], record)
        if metric is None:
            raise SetAside("metric_missing")
        dimensions = plan.dimensions_of(metric)
        if not dimensions:
            return "unplanned"
        utc_s = plan.time.read(self.time_values(record), self.rules)
        rules, buckets = self.rules_for(tenant, utc_s), []
        for name, zone, week_start in self.calendars(tenant):
            offset = rules.bucket_offset(zone, utc_s)
            if offset % QUARTER_S:
                raise SetAside("zone_offset_odd")
            for interval in INTERVALS:
                buckets.append((name, interval, local_range(interval, utc_s + offset, week_start), offset if interval == "hour" else None))
        profile = read_field(event.get("profile"), record)
        if profile is None and isinstance(event.get("profile"), dict) and yes(event["profile"].get("required")):
            raise SetAside("profile_missing")
        id_ = self.read_id(record, utc_s)
        values = {name: read_value(field, record) for name, field in plan.values.items()}
        texts = read_texts(plan.properties, record)
        sizes = {p.walk: len(texts[p.name]) for p in plan.properties}
        rows, rows_of = set(), {}  # of all dimensions, and by the walks that one joins
        for d in dimensions:
            walks = self.walks_of(d)
            if walks not in rows_of:
                rows_of[walks] = combinations(walks, sizes)
                rows |= rows_of[walks]
                if len(rows) > 1000:
                    raise SetAside("too_many_rows")

        counted = set()
        for d in dimensions:
            for row in rows_of[self.walks_of(d)]:
                place = dict(row)
                at = {name: of[place.get(plan.by_name[name].walk, 0)] for name, of in texts.items()}
                if all(at[name] in wanted for name, wanted in d.when) and not any(p.skip and at[p.name] == "" for p in d.by):
                    counted.add((d, tuple(at[p.name] for p in d.by)))
        if not counted:
            return "unplanned"
        if id_ is not None:
            key = (tenant, metric, profile, id_)
            if key in self.ids:
                return "duplicate"
            self.ids.add(key)
        self.pins.setdefault((tenant, month_of(utc_s)), self.rules)
        self.tallies["rounded"] += any(v is not None and v[1] for v in values.values())
        for d, texts in counted:
            for bucket in buckets + ([(None, "lifetime", None, None)] if d.lifetime else []):
                cell = d.cells.setdefault((tenant, texts, *bucket), Cell())
                cell.count += 1
                if profile is not None:
                    cell.profiles.add(profile)
                for name in d.sums:
                    cell.sums[name] = cell.sums.get(name, 0) + (values[name][0] if values[name] else 0)
        return "counted"

    # ---- answers ----

    def first_instant(self, tenant, zone, local, hour_offset):
        """By looking at every quarter-hour, each under the rules of its own UTC month."""
        quarter = (local[0] - 26 * 3600) // QUARTER_S * QUARTER_S
        while True:
            offset = self.rules_for(tenant, quarter).bucket_offset(zone, quarter)
            first = max(quarter, local[0] - offset)
            if first < min(quarter + QUARTER_S, local[1] - offset) and hour_offset in (None, offset):
                return instant_text(first, offset)
            quarter += QUARTER_S
            assert quarter < local[1] + 26 * 3600, "a bucket without instants"

    def export(self):
        names = {}
        for d in self.plan.dimensions.values():
            for (tenant, texts, name, interval, local, hour_offset), cell in d.cells.items():
                line = {"tenant": tenant, d.selector[0]: d.selector[1]}
                if d.when:
                    line["when"] = dict(sorted(d.when, key=lambda entry: entry[0].encode()))
                line["by"] = {p.name: text for p, text in zip(d.by, texts)}
                line.update(calendar=name, interval=interval, bucket=None)
                if local is not None:
                    zone = next(z for n, z, _ in self.calendars(tenant) if n == name)
                    key = (tenant, zone, local, hour_offset)
                    if key not in names:
                        names[key] = self.first_instant(*key)
                    line["bucket"] = names[key]
                line["count"] = cell.count
                if d.unique:
                    line["unique"] = len(cell.profiles)
                if d.sums:
                    line["sum"] = {v: sum_text(cell.sums[v]) for v in self.plan.values if v in d.sums}
                yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()


def content_of(path):
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        return f.read()


def main(args):
    counter, args, complete = Counter(Plan(args[0])), args[1:], False
    while args:
        if args[0] == "--zoneinfo":
            counter.rules = Rules(args[1])
            args = args[2:]
        elif args[0] == "--complete":
            complete, args = True, args[1:]
        elif args[0] == "--now":
            args = args[2:]
        else:
            counter.add_file(content_of(args[0]), complete or args[0].endswith((".gz", ".zst")))
            args = args[1:]
    for line in sorted(counter.export()):
        sys.stdout.buffer.write(line + b"\n")
    counter.tallies["set_aside"] = dict(sorted(counter.tallies["set_aside"].items()))
    print(json.dumps(counter.tallies, separators=(",", ":")), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
