#!/usr/bin/env python3
"""Builds the unit tests of some rooms under the address and undefined-behaviour sanitizers and runs them, the mutating
replay of event lines among them. Only what reads foreign bytes or lays out memory by hand: a cold build takes minutes.

  sanitizer_test.py --source DIR [--build DIR]
"""
import argparse
import os
import subprocess
import sys
import time

# A program, and what it is given.
PROGRAMS = [("base_test", []), ("event_test", []), ("source_test", []), ("event_fuzz_replay", ["tests/fuzz/event"])]


def run(command, folder, **environment):
    done = subprocess.run(command, cwd=folder, env=dict(os.environ, **environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit("%s\n%s: status %d" % (done.stdout[-20000:], " ".join(command), done.returncode))
    return done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", help="folder (default: the preset's, SOURCE/build/asan-ubsan)")
    arguments = parser.parse_args()
    source = os.path.abspath(arguments.source)
    build = os.path.abspath(arguments.build or os.path.join(source, "build/asan-ubsan"))
    begin = time.time()
    run(["cmake", "--preset", "asan-ubsan", "-B", build], source)
    run(["cmake", "--build", build, "--target", *(name for name, _ in PROGRAMS)], source)
    print("built in %.0f s" % (time.time() - begin), flush=True)
    for name, given in PROGRAMS:
        room = name.split("_")[0]
        begin = time.time()
        run([os.path.join(build, "src", room, name), *given], source, ASAN_OPTIONS="detect_stack_use_after_return=1", UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
        print("%s: %.0f s" % (name, time.time() - begin), flush=True)


if __name__ == "__main__":
    main()
