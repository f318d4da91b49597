#!/usr/bin/env python3
"""The ordinary way (c): ClickHouse, inside this process by chdb, with aggregate states.

usage: clickhouse.py --lines FILE --folder DIR [--fanout F] [--events N] [--seconds S] [--batch N] [--hours-only]
                     [--digest]

The same options and the same line of JSON as the other ways (bench/ways/way.h). Exits with 77 and says so on
standard error if chdb is not installed.

Lines come in batches. Of each batch, ClickHouse parses the lines, keeps those whose id is new, once, and inserts
what they add to every cell: count and sum as sums, unique as a uniqExactState over hashes of profiles, in an
AggregatingMergeTree. Every insert is synced, so a commit is a batch; the inserts of a batch are not one
transaction, so unlike the other ways this one is exact only as long as nothing crashes between them. Values are
kept as 64-bit hashes, with their names in a table beside.

--hours-only stores the hours alone, and leaves it to whoever asks for a day or a month to merge their states: a
third of the work now, the rest at each question.
"""
import argparse
import json
import os
import resource
import shutil
import sys
import time

NOT_INSTALLED = 77
PROPERTIES = 24
TIMEFRAMES = ("hour", "day", "month")
STARTS = ("toStartOfHour(at)", "toStartOfDay(at)", "toDateTime(toStartOfMonth(at), 'UTC')")
SYNCED = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"


def dimensions(fanout):
    """The workload's dimensions, as tuples of property numbers."""
    everything = [()]
    everything += [(p,) for p in range(PROPERTIES)]
    everything += [(p, q) for p in range(PROPERTIES) for q in range(p + 1, PROPERTIES)]
    return everything[:fanout]


def property_name(p):
    return "p%02d" % p


class ClickHouse:
    def __init__(self, session, folder, fanout, hours_only):
        self.session = session
        self.batch_file = os.path.join(folder, "batch.jsonl")
        self.dimensions = dimensions(fanout)
        self.properties = sorted({p for d in self.dimensions for p in d})
        self.timeframes = 1 if hours_only else len(TIMEFRAMES)
        names = [property_name(p) for p in self.properties]
        run = self.session.query
        for setting in ("max_threads = 2", "max_insert_threads = 2", "input_format_json_ignore_unknown_keys_in_named_tuple = 1",
                        "input_format_skip_unknown_fields = 1"):
            run("SET " + setting)
        hashes = "".join(", %s UInt64" % name for name in names)
        run("CREATE TABLE batch (tenant LowCardinality(String), metric LowCardinality(String), who UInt64, id UInt128, "
            "at DateTime('UTC'), value Int64%s) ENGINE = Memory" % hashes)
        run("CREATE TABLE fresh AS batch ENGINE = Memory")
        run("CREATE TABLE ids (id UInt128) ENGINE = MergeTree ORDER BY id " + SYNCED)
        run("CREATE TABLE names (property UInt8, hash UInt64, name String) ENGINE = ReplacingMergeTree "
            "ORDER BY (property, hash) " + SYNCED)
        run("CREATE TABLE cells (tenant LowCardinality(String), metric LowCardinality(String), dimension UInt16, "
            "v1 UInt64, v2 UInt64, timeframe UInt8, bucket UInt32, events SimpleAggregateFunction(sum, UInt64), "
            "who AggregateFunction(uniqExact, UInt64), total SimpleAggregateFunction(sum, Int64)) "
            "ENGINE = AggregatingMergeTree ORDER BY (tenant, metric, dimension, v1, v2, timeframe, bucket) " + SYNCED)
        self.statements = self.statements_of_a_batch(names)

    def statements_of_a_batch(self, names):
        structure = "tenant String, metric String, profile String, unique_id String, time UInt32, value Decimal(18, 2)"
        if names:
            structure += ", properties Tuple(%s)" % ", ".join(name + " String" for name in names)
        file = "file('%s', JSONEachRow, '%s')" % (self.batch_file, structure)
        hashes = "".join(", xxh3(properties.%s)" % name for name in names)
        column = lambda place: "[%s]" % ", ".join(
            property_name(d[place]) if len(d) > place else "toUInt64(0)" for d in self.dimensions)
        buckets = ", ".join("toUInt32(%s)" % start for start in STARTS[:self.timeframes])
        statements = [
            "TRUNCATE TABLE batch",
            "TRUNCATE TABLE fresh",
            "INSERT INTO batch SELECT tenant, metric, xxh3(tenant || '\\t' || profile), "
            "reinterpretAsUInt128(sipHash128(tenant, metric, profile, unique_id)), "
            "toDateTime(time, 'UTC'), toInt64(value * 100)%s FROM %s" % (hashes, file),
            "INSERT INTO fresh SELECT * FROM batch WHERE id NOT IN (SELECT id FROM ids WHERE id IN (SELECT id FROM batch)) "
            "LIMIT 1 BY id",
            "INSERT INTO ids SELECT id FROM fresh",
            "INSERT INTO cells SELECT tenant, metric, dimension, v1, v2, timeframe, bucket, count(), uniqExactState(who), sum(value) "
            "FROM (SELECT tenant, metric, who, value, at, dimension, v1, v2, [%s] AS buckets FROM fresh "
            "ARRAY JOIN range(%d)::Array(UInt16) AS dimension, %s AS v1, %s AS v2) "
            "ARRAY JOIN range(%d)::Array(UInt8) AS timeframe, buckets AS bucket "
            "GROUP BY tenant, metric, dimension, v1, v2, timeframe, bucket"
            % (buckets, len(self.dimensions), column(0), column(1), self.timeframes),
        ]
        if names:
            numbers = ", ".join("toUInt8(%d)" % p for p in self.properties)
            texts = ", ".join("properties." + name for name in names)
            statements.append(
                "INSERT INTO names SELECT DISTINCT property, xxh3(name), name FROM "
                "(SELECT property, name FROM %s ARRAY JOIN [%s] AS property, [%s] AS name)" % (file, numbers, texts))
        return statements

    def add(self, lines):
        with open(self.batch_file, "wb") as file:
            file.writelines(lines)
        for statement in self.statements:
            self.session.query(statement)

    def number(self, query):
        return int(str(self.session.query(query, "TabSeparated")).strip() or 0)

    def settle(self):
        """Waits until no merge is under way; one that is due begins within a second."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 1.0:
            if self.number("SELECT count() FROM system.merges") > 0:
                quiet_since = time.monotonic()
            time.sleep(0.02)
        return quiet_since

    def disk_bytes(self):
        return self.number("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()")

    def digest(self):
        """As bench/ways/digest.h says, in SQL."""
        starts = ["bucket", "toUnixTimestamp(toStartOfDay(toDateTime(bucket, 'UTC')))",
                  "toUnixTimestamp(toDateTime(toStartOfMonth(toDateTime(bucket, 'UTC')), 'UTC'))"]
        total = [0, 0, 0]
        for d, of in enumerate(self.dimensions):
            values = "''"
            joins = ""
            for place, p in enumerate(of):
                values = "n1.name" if place == 0 else "n1.name || ',' || n2.name"
                joins += (" ANY LEFT JOIN (SELECT hash, name FROM names WHERE property = %d) AS n%d ON c.v%d = n%d.hash"
                          % (p, place + 1, place + 1, place + 1))
            for t, timeframe in enumerate(TIMEFRAMES):
                stored, start = (t, "bucket") if self.timeframes > 1 else (0, starts[t])
                text = ("c.tenant || '\\t' || c.metric || '\\t%d\\t' || %s || '\\t%s\\t' || toString(c.start) || '\\t' || "
                        "toString(c.n) || '\\t' || toString(c.u) || '\\t' || toString(c.s)" % (d, values, timeframe))
                row = str(self.session.query(
                    "SELECT count(), sum(xxh3(text)), sum(xxh3('2' || text)) FROM (SELECT %s AS text FROM "
                    "(SELECT tenant::String AS tenant, metric::String AS metric, v1, v2, %s AS start, sum(events) AS n, uniqExactMerge(who) AS u, "
                    "sum(total) AS s FROM cells WHERE dimension = %d AND timeframe = %d GROUP BY tenant, metric, v1, v2, start) "
                    "AS c%s)" % (text, start, d, stored, joins), "TabSeparated"))
                total = [(a + int(b)) % 2**64 for a, b in zip(total, row.split())]
        return "%d-%016x-%016x" % tuple(total)


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_rss_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


def main():
    parser = argparse.ArgumentParser(prog="clickhouse.py")
    parser.add_argument("--lines", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--fanout", type=int, default=10)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--batch", type=int, default=30000, help="lines")
    parser.add_argument("--hours-only", action="store_true")
    parser.add_argument("--digest", action="store_true")
    arguments = parser.parse_args()
    try:
        from chdb import session
    except ImportError:
        print("chdb: not installed (pip install chdb)", file=sys.stderr)
        return NOT_INSTALLED

    folder = os.path.abspath(arguments.folder)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    house = ClickHouse(session.Session(os.path.join(folder, "db")), folder, arguments.fanout, arguments.hours_only)

    begin, cpu_begin = time.monotonic(), cpu_s()
    since = lambda: time.monotonic() - begin
    events = commits = 0
    with open(arguments.lines, "rb") as lines:
        while arguments.seconds == 0 or since() < arguments.seconds:
            wanted = arguments.batch if arguments.events == 0 else min(arguments.batch, arguments.events - events)
            batch = [line for _, line in zip(range(wanted), lines)]
            if not batch:
                break
            house.add(batch)
            events += len(batch)
            commits += 1
    committed_s = since()
    settled_s = max(committed_s, house.settle() - begin)
    result = {"way": "clickhouse_hours" if arguments.hours_only else "clickhouse", "fanout": arguments.fanout, "events": events,
              "read_s": round(committed_s, 3), "committed_s": round(committed_s, 3), "settled_s": round(settled_s, 3),
              "cpu_s": round(cpu_s() - cpu_begin, 3), "commits": commits, "rss_bytes": peak_rss_bytes()}
    result["disk_bytes"] = house.disk_bytes()
    result["digest"] = house.digest() if arguments.digest else ""
    print(json.dumps(result, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
