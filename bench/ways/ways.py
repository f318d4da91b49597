"""What `run` and the test of this folder share: the ways by name, and running one in a process of its own."""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NOT_INSTALLED = 77  # clickhouse.py's exit code without chdb

# name -> (what it is, the program in the build folder or the script here, its own options)
WAYS = {
    "quipu": ("quipu", "bench_way_quipu", []),
    "exploded": ("(a) RocksDB, each dimension an event", "bench_way_rocks_exploded", []),
    "intact": ("(b) RocksDB, the event whole", "bench_way_rocks_intact", []),
    "clickhouse": ("(c) ClickHouse, states of all cells", "clickhouse.py", []),
    "clickhouse-hours": ("(c) ClickHouse, states of hours only", "clickhouse.py", ["--hours-only"]),
    "naive": ("maps in memory", "bench_way_naive", []),
}


class Missing(Exception):
    """A way that this machine cannot run, and why."""


class Failed(Exception):
    """A way that ended with an error."""


def run_way(name, programs, python, lines, fanout, folder, options=(), expect=0):
    """Its result as a dict (None if it was expected to end otherwise). The folder is emptied before and after,
    but kept for one that resumes."""
    _, program, own = WAYS[name]
    command = [python, os.path.join(HERE, program)] if program.endswith(".py") else [os.path.join(programs, program)]
    command += own + ["--lines", lines, "--fanout", str(fanout), "--folder", folder, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == NOT_INSTALLED and program.endswith(".py"):
        raise Missing(done.stderr.strip())
    if done.returncode != expect:
        raise Failed("%s ended with %d\n%s" % (" ".join(command), done.returncode, done.stderr))
    if expect != 0:
        return None
    shutil.rmtree(folder, ignore_errors=True)
    return json.loads(done.stdout)


def write_lines(workload, events, path, seed=1):
    """The first lines of the workload, by the program bench_workload; kept if they stand there already."""
    if os.path.exists(path):
        return
    with open(path + ".part", "wb") as file:
        subprocess.run([workload, "--events", str(events), "--seed", str(seed)], stdout=file, check=True)
    os.rename(path + ".part", path)


def write_head(source, lines, path):
    with open(source, "rb") as all_lines, open(path, "wb") as head:
        for _, line in zip(range(lines), all_lines):
            head.write(line)


def quit_with(message):
    print(message, file=sys.stderr)
    sys.exit(1)
