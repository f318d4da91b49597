#!/usr/bin/env python3
"""`bench/run --quick` must end well, write every part, and write figures that fit together.

usage: run_test.py --programs DIR
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
failures = []


def expect(what, holds):
    if not holds:
        failures.append(what)


def check_counts(name, part, events):
    expect("%s: %d events, not %d" % (name, part["events"], events), part["events"] == events)
    expect("%s: counted and duplicates are all events" % name, part["counted"] + part["duplicates"] == part["events"])
    # 3% of the lines repeat an earlier one.
    expect("%s: %d duplicates of %d" % (name, part["duplicates"], events), 0.02 * events < part["duplicates"] < 0.04 * events)


def check_quantiles(name, q, longest):
    expect("%s: quantiles rise" % name, 0 < q["p50"] <= q["p99"] <= q["max"] <= longest)


def check_measured(name, row, events):
    check_counts(name, row, events)
    expect("%s: times rise" % name, 0 < row["reading_s"] <= row["committed_s"] <= row["settled_s"])
    expect("%s: rate" % name, abs(row["events_per_s"] * row["settled_s"] - events) < 1)
    expect("%s: CPU by part is within the whole" % name, 0 < sum(row["cpu_parts_s"].values()) <= row["cpu_s"] * 1.05)
    expect("%s: commits" % name, row["commits"] >= 1)
    check_quantiles("%s, commits" % name, row["commit_s"], row["committed_s"])
    expect("%s: what was read was asked for" % name, row["loads_found"] <= row["loads"])
    expect("%s: memory" % name, row["hot_bytes"] <= row["peak_rss_bytes"])
    for figure in ("memberships", "cells", "longest_stall_us"):
        expect("%s: %s" % (name, figure), row[figure] > 0)


def check(figures):
    expect("quick", figures["quick"] is True)
    expect("machine", figures["machine"]["cpus"] >= 1 and figures["machine"]["memory_bytes"] > 0)

    rows = {row["fanout"]: row for row in figures["throughput"]}
    expect("throughput: fan-outs", sorted(rows) == [1, 10, 100])
    for fanout, row in rows.items():
        check_measured("throughput, F=%d" % fanout, row, 30000 if fanout == 100 else 60000)
        expect("throughput, F=%d: %d commits" % (fanout, row["commits"]), row["commits"] >= 20)
        expect("throughput, F=%d: memberships" % fanout, row["counted"] * 0.3 * fanout < row["memberships"] <= row["counted"] * fanout)
    expect("more dimensions, more cells", rows[1]["cells"] < rows[10]["cells"] < rows[100]["cells"])

    cold = {(row["fanout"], row["cold_percent"]): row for row in figures["cold"]}
    expect("cold: rows", sorted(cold) == [(10, 20), (10, 100), (100, 20)])
    for (fanout, percent), row in cold.items():
        name = "cold, F=%d, %d%%" % (fanout, percent)
        check_measured(name, row, 20000)
        # A cold event reads its profile's month and ids; most are not in memory, and hardly another event reads what is stored.
        found = row["loads_found"] / row["events"]
        expect("%s: %.3f records found an event" % (name, found), 0.5 * percent / 100 < found < 3 * percent / 100)
        expect("%s: the state is larger than the hot tier" % name, row["state_bytes"] > 3 * row["hot_budget"])
        expect("%s: %d bytes of memory" % (name, row["peak_rss_bytes"]), 0 < row["peak_rss_bytes"] < row["memory_budget"] == 256 << 20)

    skew = {(row["kind"], row["fanout"]): row for row in figures["skew"]}
    expect("skew: rows", sorted(skew) == sorted([(kind, fanout) for kind in ("spread", "one profile") for fanout in (10, 25, 100)] +
                                                [("few values", 10), ("many values", 10)]))
    for (kind, fanout), row in skew.items():
        check_measured("skew, %s, F=%d" % (kind, fanout), row, 60000)
    for fanout in (10, 25, 100):
        expect("skew, F=%d: one profile is in fewer buckets" % fanout,
               skew["one profile", fanout]["memberships"] < skew["spread", fanout]["memberships"])
    expect("skew: many values have more cells", skew["many values", 10]["cells"] > skew["few values", 10]["cells"] + 50000)

    backfill = figures["backfill"]
    check_counts("backfill", backfill, 100000)
    expect("backfill: says what stream it is", backfill["stream"] == "interleaved")
    expect("backfill: live lines", backfill["live_events"] == backfill["live_events_seen_durable"] == 10000)
    expect("backfill: commits", backfill["commits"] >= 2)
    check_quantiles("backfill, freshness", backfill["freshness_s"], backfill["committed_s"] + 1)

    recovery = figures["recovery"]
    check_counts("recovery", recovery, 500000)
    expect("recovery: checkpoints", recovery["checkpoints_before"] >= 2)
    expect("recovery: killed in the middle", 100000 <= recovery["tallied_before"] < 500000)
    # Nothing durable is tallied again, and all that is not.
    expect("recovery: the rest was counted after it", 500000 - recovery["tallied_before"] <= recovery["tallied_after"] < 500000)
    expect("recovery: rate before", recovery["rate_before"] > 0)
    expect("recovery: first event", recovery["first_tallied_s"] > 0)
    expect("recovery: rate back", recovery["rate_back_s"] is None or recovery["rate_back_s"] > recovery["first_tallied_s"])

    ways = figures["ways"]
    expect("ways: digests", ways["digests_equal"] is True)
    expect("ways: quipu and others", {"quipu", "exploded", "intact"} <= {way["name"] for way in ways["ways"]})


def main():
    parser = argparse.ArgumentParser(prog="run_test.py")
    parser.add_argument("--programs", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quipu-bench-") as folder:
        out = os.path.join(folder, "figures.json")
        subprocess.run([sys.executable, os.path.join(HERE, "run"), "--quick", "--programs", arguments.programs, "--folder", folder, "--json", out],
                       check=True)
        with open(out) as file:
            check(json.load(file))
        left = [name for name in os.listdir(folder) if name.startswith("store") or "cold" in name or name.endswith(".part")]
        expect("left behind: %s" % ", ".join(left), not left)
    for failure in failures:
        print("FAILED " + failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
