#!/usr/bin/env python3
"""Two oracles that share no code, and quipu: three whole exports of generated inputs must be the same.

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
        folder = tempfile.mkdtemp(prefix="quipu-agreement-")
        try:
            run([args.stream, str(seed), folder, str(args.events)])
            plan = os.path.join(folder, "plan.yaml")
            events = next(os.path.join(folder, f) for f in sorted(os.listdir(folder)) if f.endswith(".jsonl"))
            cpp = run([args.oracle, plan, events])
            python = run([sys.executable, os.path.join(HERE, "oracle", "oracle.py"), plan, events])
            data = os.path.join(folder, "store")
            run([args.quipu, "run", plan, events, "--data", data, "--shards", "2"], (0, 3))
            exported = run([args.quipu, "export", "--data", data])
            right = sorted(cpp.stdout.splitlines())
            differences("seed %d, the Python oracle" % seed, right, sorted(python.stdout.splitlines()))
            differences("seed %d, quipu" % seed, right, sorted(exported.stdout.splitlines()))
            tallies = json.loads(cpp.stderr.strip().splitlines()[-1])
            if json.loads(python.stderr.strip().splitlines()[-1]) != tallies:
                sys.exit("seed %d: the oracles' tallies differ" % seed)
            inspected = json.loads(run([args.quipu, "inspect", "--json", "--data", data]).stdout)
            for key in ("read", "counted", "duplicate", "unplanned", "set_aside"):
                if inspected[key] != tallies[key]:
                    sys.exit("seed %d: %s is %s, right is %s" % (seed, key, inspected[key], tallies[key]))
            lines += len(right)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print("seeds %d..%d: %d export lines, the same from both oracles and quipu" % (args.first, args.first + args.seeds - 1, lines))


if __name__ == "__main__":
    main()
