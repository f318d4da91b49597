#!/usr/bin/env python3
"""Cuts the power of running counts: what was acknowledged is there afterwards, and going on gives the oracle's answers.

  power_test.py --quipu BIN --oracle BIN --workload BIN --model LIBRARY [--cuts 100] [--seed 1] [--keep]

Each cut kills a run (SIGKILL) at a random moment and takes away what it had not synced, all of it or but a random
part (power_loss.py). Runs count a file and a spooled standard input, set lines aside, commit by both ways, and are
asked for backups. After each cut: the store opens and holds at least the last commit that the run acknowledged (the
fault point checkpoint.committed); a backup that was finished is whole, one that was not is no store, or whole; and
the log says that at each acknowledgement what it rests on had been synced, in the right order. When an input is at
its end, the export, the tallies and the dead letters equal the oracle's.
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

import power_loss

# Slow enough that cuts land inside commits.
DELAYS = ["commit.files_written:15", "commit.ingest_begin:15", "commit.ingest_done:15", "commit.batch_begin:15", "commit.batch_done:15",
          "checkpoint.dead_letters_synced:15", "checkpoint.parts_complete:15", "backup.database_copied:30", "backup.files_copied:30"]


class Store:
    """A file and a standard input, their right answers, and the store that counts them."""

    def __init__(self, args, folder, seed):
        self.args, self.seed, self.rng = args, seed, random.Random(seed)
        self.folder = os.path.join(folder, "store%d" % seed)
        self.disk = os.path.join(self.folder, "disk")
        os.makedirs(self.disk)
        self.plan, self.data = os.path.join(self.folder, "plan.yaml"), os.path.join(self.disk, "plan.quipu")
        text = subprocess.run([args.workload, "--events", str(args.lines), "--seed", str(seed), "--tenants", "3", "--profiles", str(args.lines // 20 + 50),
                               "--fanout", "8", "--plan-out", self.plan], capture_output=True, check=True).stdout.splitlines(keepends=True)
        for _ in range(args.lines // 100):
            text.insert(self.rng.randrange(len(text)), b'{"tenant":"t1","metric":"Opened Email","profile":"x","time":"never"}\n')
        self.file, self.tap = os.path.join(self.folder, "events.jsonl"), os.path.join(self.folder, "tap.jsonl")
        cut = len(text) // 2
        for path, part in ((self.file, text[:cut]), (self.tap, text[cut:])):
            with open(path, "wb") as out:
                out.writelines(part)
        done = subprocess.run([args.oracle, self.plan, self.file, self.tap], capture_output=True, text=True, check=True)
        self.right, self.tallies = sorted(done.stdout.splitlines()), json.loads(done.stderr.strip().splitlines()[-1])
        self.log, self.points = os.path.join(self.folder, "power.log"), os.path.join(self.folder, "points.log")
        self.backups = 0

    def fail(self, message):
        self.args.keep = True
        sys.exit("seed %d: %s (left in %s)" % (self.seed, message, self.folder))

    def command(self, data):
        return [self.args.quipu, "run", self.plan, self.file, "-", "--as", "tap", "--data", data, "--checkpoint", "0.05", "--memory", "256M", "--shards", "2"]

    def checkpoint(self, data):
        """Of the store as it opens; 0: there is none."""
        done = subprocess.run([self.args.quipu, "inspect", "--json", "--data", data], capture_output=True, text=True)
        if done.returncode == 0:
            return json.loads(done.stdout)["checkpoint"]
        if "no such store" in done.stderr or "no store in" in done.stderr:
            return 0
        self.fail("%s does not open: %s" % (data, done.stderr))

    def passed(self):
        try:
            with open(self.points) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def cut(self):
        """Runs, kills, takes away. Returns (finished, where the cut fell, changes lost)."""
        rng = self.rng
        base = self.checkpoint(self.data)
        if os.path.exists(self.points):
            os.unlink(self.points)
        delays = ["reader.block:%d" % rng.choice([1, 10, 30])] + rng.sample(DELAYS, 3)
        env = dict(os.environ, LD_PRELOAD=self.args.model, QUIPU_POWER_ROOT=self.disk, QUIPU_POWER_LOG=self.log, QUIPU_FAULT_LOG=self.points,
                   QUIPU_FAULT_DELAY=",".join(delays))
        to_its_end = rng.random() < 0.05   # and then the power fails
        if rng.random() < 0.3:   # a process that dies before, its power still on: what it left is found by the next
            early = rng.choice(["spool.written:1", "spool.written:1", "checkpoint.dead_letters_synced:1", "commit.batch_begin:1", "commit.ingest_done:1"])
            with open(self.tap, "rb") as tap:
                subprocess.run(self.command(self.data), stdin=tap, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(env, QUIPU_FAULT_AT=early))
            to_its_end = rng.random() < 0.5
        with open(self.tap, "rb") as tap, open(os.path.join(self.folder, "err"), "w+") as err:
            process = subprocess.Popen(self.command(self.data) + ["--ingest-bytes", rng.choice(["1", "30000", "1000000000"])], stdin=tap,
                                       stdout=subprocess.DEVNULL, stderr=err, env=env)
            wanted, deadline = len(self.passed()) + rng.choice([1, 12, 30, 60]), time.time() + 20
            backup = None
            if to_its_end:
                process.wait()
            while process.poll() is None and len(self.passed()) < wanted and time.time() < deadline:
                time.sleep(0.002)
            if rng.random() < 0.4 and process.poll() is None:
                self.backups += 1
                target = os.path.join(self.disk, "backup%d" % self.backups)
                asks = subprocess.Popen([self.args.quipu, "backup", target, "--data", self.data], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=env)   # it makes the backup itself if the run is gone: the model must know
                if rng.random() < 0.5:
                    asks.wait()
                backup = (asks, target)
            time.sleep(rng.uniform(0, 0.1))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
            err.seek(0)
            said = err.read()
        backed_up = backup is not None and backup[0].wait() == 0 and "backup.done" in self.passed()
        if process.returncode not in (0, 3, -signal.SIGKILL):
            self.fail("a run failed: " + said)
        points = [p for p in self.passed() if p != "reader.block"]
        acknowledged = base + points.count("checkpoint.committed")
        records = power_loss.read_log(self.log)
        self.check_order(records)
        lost = power_loss.apply(self.log, self.log + ".kept", self.disk, rng, rng.choice([0, 0, 0.5, 0.9]))
        found = self.checkpoint(self.data)
        if found:
            self.check_spool()
        if found < acknowledged:
            self.fail("checkpoint %d was acknowledged, the store ends at %d" % (acknowledged, found))
        if backup is not None:
            self.check_backup(backup[1], backed_up, found)
        return process.returncode != -signal.SIGKILL, points[-1] if points else None, lost

    def check_order(self, records):
        """What a step rests on was synced before it."""
        paths = {fields[0]: fields[1] for kind, fields in records if kind == "file"}
        node = {}   # of folders
        written = set()   # what has content
        for index, (kind, fields) in enumerate(records):
            path = os.path.relpath(paths.get(fields[0], self.disk), self.disk) if kind == "write" else ""
            if kind == "folder":
                node[fields[1]] = fields[0]
            if kind == "write":
                written.add(fields[0])
            if path == "plan.quipu/committed":
                what, rests_on = "the mark is written", lambda name: name.startswith("plan.quipu/db/") and name.endswith(".log")
            elif path.startswith("plan.quipu/db/") and path.endswith(".log"):
                what, rests_on = "a batch is written", lambda name: name == "plan.quipu/dead-letter.jsonl"
            elif kind == "point" and fields[0] == "checkpoint.committed":
                what, rests_on = "a commit is acknowledged", lambda name: name in (
                    ".", "plan.quipu", "plan.quipu/spool", "plan.quipu/committed", "plan.quipu/dead-letter.jsonl")
            elif kind == "move" and fields[1].endswith("/db"):
                what, rests_on = "a backup becomes a store", lambda name: name.split("/")[0] == "backup%d" % self.backups
            elif kind == "point" and fields[0] == "backup.done":
                what, rests_on = "a backup is done", lambda name: name.split("/")[0] == "backup%d" % self.backups
            else:
                continue
            for change in power_loss.unsynced(records, index):
                if change.node is not None:
                    name = os.path.relpath(paths.get(change.node, "/"), self.disk)
                else:
                    entry = os.path.relpath(change.fields[1 if change.kind == "move" else 0], self.disk)
                    name = os.path.dirname(entry) or ("." if entry == "plan.quipu" else entry)
                if change.kind == "name" and name == "plan.quipu/spool" and change.fields[1] not in written:
                    continue   # just made, beside the commit: nothing of it can have been counted yet
                if change.kind == "folder" and change.fields[0].endswith("/plan.quipu/spool") and not any(
                        paths.get(node, "").startswith(change.fields[0] + "/") for node in written):
                    continue   # so is the folder
                if rests_on(name):
                    self.fail("%s, but %s of %s is not synced: %s" % (what, change.kind, name, change.fields[:2]))

    def check_spool(self):
        """What was counted of standard input is there, whether or not it comes again."""
        inputs = json.loads(subprocess.run([self.args.quipu, "inspect", "--json", "--data", self.data], capture_output=True, text=True, check=True).stdout)["inputs"]
        counted = max([i["bytes"] for i in inputs if i["path"] == "-tap"], default=0)
        spool = b""
        if counted:
            with open(os.path.join(self.data, "spool", "tap"), "rb") as file:
                spool = file.read(counted)
        with open(self.tap, "rb") as tap:
            if spool != tap.read(counted):
                self.fail("%d bytes of standard input were counted, the spool has lost some of them" % counted)

    def check_backup(self, target, done, at_most):
        found = self.checkpoint(target)
        if done and found == 0 and subprocess.run([self.args.quipu, "inspect", "--data", target], capture_output=True).returncode != 0:
            # (One of a store that had no checkpoint yet has none.)
            self.fail("a finished backup is gone")
        if found > at_most:
            self.fail("a backup of checkpoint %d is ahead of its store, %d" % (found, at_most))
        if found:   # whole, then: it can be counted on
            self.check_end(target)
        shutil.rmtree(target, ignore_errors=True)

    def check_end(self, data):
        with open(self.tap, "rb") as tap:
            run = subprocess.run(self.command(data), stdin=tap, capture_output=True, text=True)
        if run.returncode not in (0, 3):
            self.fail("the same command failed: " + run.stderr)
        got = sorted(subprocess.run([self.args.quipu, "export", "--data", data], capture_output=True, text=True, check=True).stdout.splitlines())
        if got != self.right:
            missing, extra = sorted(set(self.right) - set(got)), sorted(set(got) - set(self.right))
            self.fail("%d right lines missing, %d wrong ones\nright: %s\ngot:   %s" % (len(missing), len(extra), missing[:2], extra[:2]))
        tallies = json.loads(subprocess.run([self.args.quipu, "inspect", "--json", "--data", data], capture_output=True, text=True, check=True).stdout)
        for key in ("read", "counted", "duplicate", "unplanned", "set_aside"):
            if tallies[key] != self.tallies[key]:
                self.fail("%s is %s, right is %s" % (key, tallies[key], self.tallies[key]))
        with open(os.path.join(data, "dead-letter.jsonl"), "rb") as file:
            letters = [json.loads(line) for line in file.read().splitlines()]
        if len(letters) != sum(self.tallies["set_aside"].values()):
            self.fail("%d dead letters, %s lines set aside" % (len(letters), self.tallies["set_aside"]))
        with open(os.path.join(data, "spool", "tap"), "rb") as spool, open(self.tap, "rb") as tap:
            if spool.read() != tap.read():
                self.fail("the spool is not what came in")


def main():
    parser = argparse.ArgumentParser()
    for name in ("quipu", "oracle", "workload", "model"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--lines", type=int, default=12000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    args = parser.parse_args()
    args.model = os.path.abspath(args.model)
    folder = os.path.realpath(tempfile.mkdtemp(prefix="quipu-power-"))
    cuts, stores, lost, fell = 0, 0, 0, collections.Counter()
    try:
        while cuts < args.cuts:
            store = Store(args, folder, args.seed * 1000 + stores)
            stores += 1
            finished, here = False, 0
            while cuts < args.cuts and not finished and here < 15:
                finished, point, changes = store.cut()
                cuts, here, lost = cuts + 1, here + 1, lost + changes
                fell[point] += 1
            store.check_end(store.data)
            shutil.rmtree(store.folder)
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print("%d cuts in %d stores took away %d changes; nothing that was acknowledged is missing, every answer is the oracle's" % (cuts, stores, lost))
    for point, n in sorted(fell.items(), key=lambda item: -item[1]):
        print("  %4d  %s" % (n, point))
    if args.cuts >= 50 and (lost < 1000 or len(fell) < 5):
        sys.exit("the cuts took away too little, or fell in too few places")


if __name__ == "__main__":
    main()
