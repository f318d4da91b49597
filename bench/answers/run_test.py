#!/usr/bin/env python3
"""bench/answers/run works: all parts, small, and where neither DuckDB nor ClickHouse is there.

usage: run_test.py --programs DIR
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUESTIONS = {"value_30_days", "hours_by_1000", "year_by_month", "top_10_of_million"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True)
    programs = parser.parse_args().programs
    with tempfile.TemporaryDirectory(prefix="quipu-bench-") as folder:
        bare = Path(folder, "python")   # an interpreter that has neither, whatever this machine has
        bare.write_text("#!/bin/sh\nexec %s -I -S \"$@\"\n" % sys.executable)
        bare.chmod(0o755)
        done = subprocess.run([sys.executable, HERE / "run", "--quick", "--programs", programs, "--folder", folder, "--events", "3000", "--asks", "10", "--seconds", "0.4",
                               "--python", bare], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        print(done.stdout)
        figures = json.loads(Path(folder, "answers.json").read_text())
        assert "DuckDB is left out" in done.stdout, "it must say what it lacks"
        for part in ("latency", "history"):
            assert set(figures[part]["idle"]) == QUESTIONS, figures[part]
            assert all(0 < of["p50_ms"] <= of["p99_ms"] for of in figures[part]["idle"].values()), figures[part]
            assert figures[part]["under_events"], "nothing was asked beside events"
            assert "duckdb" not in figures[part]
        assert figures["history"]["events"] == 2 * figures["latency"]["events"] == 6000
        rate = figures["rate"]
        assert rate["small_a_second"] > 0 and rate["events_alone_a_second"] > 0 and rate["asked_beside_a_second"] > 0, rate
        assert not list(Path(folder).glob("*.quipu")), "its stores are gone"


if __name__ == "__main__":
    main()
