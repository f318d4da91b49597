#!/usr/bin/env python3
"""Kills running counts and compares every answer with the oracle's afterwards.

  crash_test.py --quipu BIN --oracle BIN --workload BIN [--kills 50] [--seed 1]

Part 1 kills at random moments (SIGKILL) and starts the same command again, until the asked number of kills has
hit live runs; commits are slowed down by fault delays, so that kills land inside them. After about every second
kill the input is renamed, copied or compressed, and the command says --moved --again from then on. Part 2 dies at each named
fault point, at its first and at a later pass. After each store's inputs are finished, the whole export and the
tallies must equal the oracle's. Prints where the kills fell.
"""
import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DELAYS = ["commit.positions_only:25", "commit.begin:25", "commit.files_written:25", "commit.ingest_begin:25", "commit.ingest_done:25", "commit.batch_begin:25",
          "commit.batch_done:25", "checkpoint.dead_letters_synced:25", "checkpoint.parts_complete:25", "checkpoint.committed:5"]
# What a named point lies between, for the table.
PHASES = {
    None: "before the first barrier",
    "barrier.pane_handed_over": "between handing over panes and the writer",
    "checkpoint.parts_complete": "parts complete, dead letters not yet synced",
    "checkpoint.dead_letters_synced": "dead letters synced, commit not begun",
    "commit.begin": "commit begun, rows being written",
    "commit.cells_written": "cells written",
    "commit.files_written": "files written, ingest not begun",
    "commit.ingest_begin": "ingest begun",
    "commit.ingest_done": "ingest returned",
    "commit.batch_begin": "batch being written and synced",
    "commit.batch_done": "batch synced",
    "commit.positions_only": "(planted) positions committed alone",
    "checkpoint.committed": "after a commit, counting on",
}


class Store:
    """One input, its right answers, and the store that counts it."""

    def __init__(self, args, folder, seed, lines):
        self.args, self.seed = args, seed
        self.folder = os.path.join(folder, "store%d" % seed)
        os.mkdir(self.folder)
        self.plan, self.input = os.path.join(self.folder, "plan.yaml"), os.path.join(self.folder, "events.jsonl")
        with open(self.input, "wb") as out:
            subprocess.run([args.workload, "--events", str(lines), "--seed", str(seed), "--tenants", "5", "--profiles", str(lines // 20 + 50),
                            "--fanout", "8", "--plan-out", self.plan], stdout=out, check=True)
        # Some lines are set aside, so that the dead-letter file takes part.
        rng = random.Random(seed)
        with open(self.input, "rb") as f:
            text = f.read().split(b"\n")
        for _ in range(lines // 100):
            text.insert(rng.randrange(len(text)), b'{"tenant":"t1","metric":"Opened Email","profile":"x","time":"never"}')
        with open(self.input, "wb") as f:
            f.write(b"\n".join(text))
        done = subprocess.run([args.oracle, self.plan, self.input], capture_output=True, text=True, check=True)
        self.right = sorted(done.stdout.splitlines())
        self.tallies = json.loads(done.stderr.strip().splitlines()[-1])
        self.data = os.path.join(self.folder, "plan.quipu")
        self.log = os.path.join(self.folder, "points.log")
        self.moves = 0

    def command(self):
        moved = ["--moved", "--again"] if self.moves else []
        return [self.args.quipu, "run", self.plan, self.input, "--data", self.data, "--checkpoint", "0.05", "--memory", "256M", "--shards", "3", *moved]

    def move(self, rng):
        """What people do to a file that is being counted."""
        self.moves += 1
        fresh = os.path.join(self.folder, "events%d" % self.moves)
        how = rng.randrange(3)
        if how == 0:
            os.rename(self.input, fresh)
        elif how == 1:
            shutil.copy(self.input, fresh)   # the old one goes on to be there
        else:
            with open(fresh, "wb") as out:
                subprocess.run("gzip -cdf %s | gzip -1c" % self.input, shell=True, stdout=out, check=True)
        self.input = fresh

    def start(self, more=(), **environment):
        open(self.log, "w").close()
        env = dict(os.environ, QUIPU_FAULT_LOG=self.log, **{k: v for k, v in environment.items() if v})
        return subprocess.Popen(self.command() + list(more), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def points(self):
        with open(self.log) as f:
            return [p for p in f.read().split() if p != "reader.block"]

    def check(self, what):
        """Finishes the input and compares everything."""
        run = subprocess.run(self.command(), capture_output=True, text=True)
        if run.returncode not in (0, 3):
            sys.exit("%s: the same command failed: %s" % (what, run.stderr))
        got = sorted(subprocess.run([self.args.quipu, "export", "--data", self.data], capture_output=True, text=True, check=True).stdout.splitlines())
        if got != self.right:
            missing, extra = sorted(set(self.right) - set(got)), sorted(set(got) - set(self.right))
            sys.exit("%s (seed %d): %d right lines missing, %d wrong ones\nright: %s\ngot:   %s" %
                     (what, self.seed, len(missing), len(extra), missing[:2], extra[:2]))
        t = json.loads(subprocess.run([self.args.quipu, "inspect", "--json", "--data", self.data], capture_output=True, text=True, check=True).stdout)
        for key in ("read", "counted", "duplicate", "unplanned"):
            if t[key] != self.tallies[key]:
                sys.exit("%s (seed %d): %s is %d, right is %d" % (what, self.seed, key, t[key], self.tallies[key]))
        if t["set_aside"] != self.tallies["set_aside"]:
            sys.exit("%s (seed %d): set aside %s, right is %s" % (what, self.seed, t["set_aside"], self.tallies["set_aside"]))
        with open(os.path.join(self.data, "dead-letter.jsonl"), "rb") as f:
            letters = f.read().splitlines()
        if len(letters) != sum(self.tallies["set_aside"].values()):
            sys.exit("%s (seed %d): %d dead letters, %d lines set aside" % (what, self.seed, len(letters), sum(self.tallies["set_aside"].values())))
        for letter in letters:
            json.loads(letter)

    def remove(self):
        shutil.rmtree(self.folder)


def random_kills(args, folder):
    rng = random.Random(args.seed)
    kills, late, phases, stores, moves = 0, 0, collections.Counter(), 0, 0
    while kills < args.kills:
        store = Store(args, folder, args.seed * 1000 + stores, args.lines)
        stores += 1
        commits, finished, here = 0, False, 0
        while kills < args.kills and not finished and here < 25:
            process = store.start(["--ingest-bytes", rng.choice(["1", "100000", "1000000000"]), "--hot-bytes", rng.choice(["0", "300000"])],
                                  QUIPU_FAULT_DELAY="reader.block:4," + rng.choice(DELAYS))
            wait_points = rng.choice([0, rng.randrange(1, 40), rng.randrange(1, 40), rng.randrange(1, 40)])
            deadline = time.time() + 20
            while process.poll() is None and len(store.points()) < wait_points and time.time() < deadline:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.12))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
            points = store.points()
            if process.returncode == -signal.SIGKILL:
                kills += 1
                here += 1
                commits += points.count("checkpoint.committed")
                late += commits >= 2
                phases[points[-1] if points else None] += 1
                if commits and rng.random() < 0.5:
                    store.move(rng)
                    moves += 1
            elif process.returncode in (0, 3):
                finished = True
            else:
                sys.exit("a run failed: " + process.stderr.read().decode())
        store.check("after random kills")
        store.remove()
    print("%d kills in %d stores, %d of them after the second checkpoint, %d moves of inputs; every answer is the oracle's" % (kills, stores, late, moves))
    for point, n in sorted(phases.items(), key=lambda item: -item[1]):
        print("  %4d  %s" % (n, PHASES.get(point, point)))
    if args.kills >= 50 and late < 30:
        sys.exit("only %d kills after the second checkpoint" % late)


def named_points(args, folder):
    store = Store(args, folder, args.seed * 1000 + 900, args.lines // 8)
    points = [p for p in PHASES if p and "positions_only" not in p]
    hit = 0
    for number, point in enumerate(points):
        for pass_number in (1, 4 if point == "barrier.pane_handed_over" else 2):   # three shards pass that point at each barrier
            for ingest in ("batch", "files"):
                if ("batch" in point and ingest == "files") or (("ingest" in point or "files" in point) and ingest == "batch"):
                    continue
                shutil.rmtree(store.data, ignore_errors=True)
                process = store.start(["--ingest-bytes", "1" if ingest == "files" else "1000000000"],
                                      QUIPU_FAULT_AT="%s:%d" % (point, pass_number), QUIPU_FAULT_DELAY="reader.block:25")
                process.wait()
                if process.returncode != -signal.SIGKILL:
                    sys.exit("%s was not passed %d times by way of %s: %s" % (point, pass_number, ingest, process.stderr.read().decode()))
                hit += 1
                store.check("killed at %s, pass %d, by %s" % (point, pass_number, ingest))
    store.remove()
    print("%d named deaths at %d fault points; every answer is the oracle's" % (hit, len(points)))


def main():
    parser = argparse.ArgumentParser()
    for name in ("quipu", "oracle", "workload"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--lines", type=int, default=80000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print("seed %d" % args.seed)
    folder = tempfile.mkdtemp(prefix="quipu-crash-")
    try:
        random_kills(args, folder)
        named_points(args, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
