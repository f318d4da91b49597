#!/usr/bin/env python3
"""Two oracles that share no code, and quipu: three whole exports of generated inputs must be the same:
of JSON lines, and of files of text as they come.

  agreement_test.py --quipu BIN --oracle BIN --stream BIN [--seeds 10] [--first 1] [--events 400]
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, statuses=(0,)):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in statuses:
        sys.exit("%s: exit status %d: %s" % (" ".join(command), done.returncode, done.stderr[-2000:]))
    return done


def differences(name, right, got):
    if right == got:
        return
    missing, extra = sorted(set(right) - set(got)), sorted(set(got) - set(right))
    sys.exit("%s: %d lines missing, %d wrong\nright: %s\ngot:   %s" % (name, len(missing), len(extra), missing[:2], extra[:2]))


def compare(args, name, kind, folder):
    """Of one stream; gives the number of lines of its export."""
    run([args.stream, *kind, folder] + ([] if "files" in kind else [str(args.events)]))
    plan, data = os.path.join(folder, "plan.yaml"), os.path.join(folder, "store")
    inputs = [os.path.join(folder, f) for f in sorted(os.listdir(folder)) if f not in ("plan.yaml", "tenants.csv")]
    cpp = run([args.oracle, plan, "--complete", *inputs])
    python = run([sys.executable, os.path.join(HERE, "oracle", "oracle.py"), plan, "--complete", *inputs])
    right, tallies = sorted(cpp.stdout.splitlines()), json.loads(cpp.stderr.strip().splitlines()[-1])
    differences(name + ", the Python oracle", right, sorted(python.stdout.splitlines()))
    if json.loads(python.stderr.strip().splitlines()[-1]) != tallies:
        sys.exit("%s: the oracles' tallies differ" % name)
    run([args.quipu, "run", plan, *inputs, "--complete", "--anyway", "--data", data, "--shards", "2"], (0, 3))
    if tallies["read"] == 0:
        return 0
    exported = run([args.quipu, "export", "--data", data])
    differences(name + ", quipu", right, sorted(exported.stdout.splitlines()))
    inspected = json.loads(run([args.quipu, "inspect", "--json", "--data", data]).stdout)
    for key in ("read", "counted", "duplicate", "unplanned", "set_aside"):
        if inspected[key] != tallies[key]:
            sys.exit("%s: %s is %s, right is %s" % (name, key, inspected[key], tallies[key]))
    return len(right)


def main():
    parser = argparse.ArgumentParser()
    for name in ("quipu", "oracle", "stream"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--events", type=int, default=400)
    args = parser.parse_args()
    lines = 0
    for seed in range(args.first, args.first + args.seeds):
        for kind in ([str(seed)], ["files", str(seed)]):
            folder = tempfile.mkdtemp(prefix="quipu-agreement-")
            try:
                lines += compare(args, "seed " + " of ".join(kind[::-1]), kind, folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    print("seeds %d..%d: %d export lines, the same from both oracles and quipu" % (args.first, args.first + args.seeds - 1, lines))


if __name__ == "__main__":
    main()
