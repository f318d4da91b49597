#!/usr/bin/env python3
"""The README's plan and commands, as they stand there, work on a small input.

  readme_test.py --quipu BIN
"""
import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def event(metric, person, campaign, day, value=None):
    return json.dumps({"account": "acme", "metric": metric, "email": person, "unique_id": "%s-%s-%d" % (metric, person, day),
                       "time": "2026-03-%02dT22:30:00Z" % day, "value": value, "properties": {"$message": campaign, "Client Name": "Safari"}})


LINES = [event("Opened Email", "Sarah@x.test", "C1", 1), event("Opened Email", "sarah@x.test", "C1", 2), event("Opened Email", "tom@x.test", "C2", 2),
         event("Clicked Email", "tom@x.test", "C2", 3), event("Placed Order", "tom@x.test", "C2", 31, 19.5)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    quipu = os.path.abspath(parser.parse_args().quipu)
    with open(os.path.join(HERE, "..", "README.md")) as f:
        readme = f.read()
    plan = re.search(r"```yaml\n(.*?)```", readme, re.S).group(1)
    block = next(b for b in re.findall(r"```\n(.*?)```", readme, re.S) if "quipu init" in b)
    commands = [line.split("  #")[0].strip() for line in block.splitlines() if line.startswith("quipu ")]
    if len(commands) < 6:
        sys.exit("the README's commands were not found")
    folder = tempfile.mkdtemp(prefix="quipu-readme-")
    try:
        os.symlink(quipu, os.path.join(folder, "quipu"))
        text = "\n".join(LINES) + "\n"
        with open(os.path.join(folder, "events.jsonl"), "w") as f:
            f.write(text)
        with gzip.open(os.path.join(folder, "events.jsonl.gz"), "wt") as f:
            f.write(text)
        env = dict(os.environ, PATH=folder + ":" + os.environ["PATH"])
        outputs = {}
        for command in commands:
            done = subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit("%s: exit status %d: %s%s" % (command, done.returncode, done.stdout, done.stderr))
            outputs[command] = done.stdout
            if "init" in command:   # the guess stood there; the README's own plan is what the rest asks about
                with open(os.path.join(folder, "plan.yaml"), "w") as f:
                    f.write(plan)
        run = next(out for command, out in outputs.items() if " run " in command)
        if "5 read = 5 counted + 0 duplicate + 0 set aside + 0 unplanned" not in run:
            sys.exit("quipu run said: " + run)
        opened = next(out for command, out in outputs.items() if "--in 2026-03" in command)
        rows = [line.split() for line in opened.splitlines()]
        if ["C1", "2", "1", "0"] not in rows or ["C2", "1", "1", "0"] not in rows:
            sys.exit("quipu query said: " + opened)
        orders = next(out for command, out in outputs.items() if "Placed Order" in command)
        if "19.50" in orders:   # 31 March, 22:30 UTC, is 1 April in Berlin
            sys.exit("quipu query said: " + orders)
        print("%d commands of the README work" % len(commands))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
