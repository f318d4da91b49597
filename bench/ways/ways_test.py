#!/usr/bin/env python3
"""Every way of this folder must give the digest of the naive one, and see a line more or less; those on RocksDB
also after they died between commits.

usage: ways_test.py --programs DIR --workload FILE
"""
import argparse
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import ways

# Lines, fan-out, digest of the naive way: the workload of seed 1 is the same everywhere.
CASES = [(3000, 10, "38627-caa30518e1ce8021-6fc49996c225b624"), (1000, 100, None)]
OTHERS = ["quipu", "exploded", "intact", "clickhouse", "clickhouse-hours"]


def main():
    parser = argparse.ArgumentParser(prog="ways_test.py")
    parser.add_argument("--programs", required=True)
    parser.add_argument("--workload", required=True)
    arguments = parser.parse_args()
    failures = []

    def expect(what, got, right):
        print("%-60s %s" % (what, got))
        if got != right:
            failures.append("%s: %s, not %s" % (what, got, right))

    with tempfile.TemporaryDirectory(prefix="quipu-ways-") as folder:
        all_lines = os.path.join(folder, "all.jsonl")
        ways.write_lines(arguments.workload, max(lines for lines, _, _ in CASES), all_lines)

        def digest(name, lines, fanout, *options):
            result = ways.run_way(name, arguments.programs, sys.executable, lines, fanout, os.path.join(folder, "way"),
                                  ["--digest", *options])
            return result["digest"]

        for lines, fanout, known in CASES:
            head = os.path.join(folder, "head.jsonl")
            ways.write_head(all_lines, lines, head)
            truth = digest("naive", head, fanout)
            if known:
                expect("naive, %d lines, F=%d, as ever" % (lines, fanout), truth, known)
            for name in OTHERS:
                try:
                    expect("%s, %d lines, F=%d" % (name, lines, fanout), digest(name, head, fanout), truth)
                except ways.Missing as why:
                    print("%s: %s" % (name, why))
            # The last line is no repeat, so a way that loses it has another digest.
            if digest("naive", head, fanout, "--events", str(lines - 1)) == truth:
                failures.append("the digest of %d lines does not see the last" % lines)

        lines, fanout, known = CASES[0]
        for name in ("exploded", "intact"):
            crash = ["--crash", "--commit-events", "500"]
            store = os.path.join(folder, "crashed-" + name)
            for events, more in (("1300", []), ("2700", ["--resume"])):
                ways.run_way(name, arguments.programs, sys.executable, all_lines, fanout, store, ["--events", events, *crash, *more], expect=9)
            result = ways.run_way(name, arguments.programs, sys.executable, all_lines, fanout, store, ["--digest", "--resume"])
            expect("%s, resumed after two crashes" % name, result["digest"], known)

    for failure in failures:
        print("FAILED " + failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
