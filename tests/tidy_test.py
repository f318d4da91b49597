#!/usr/bin/env python3
"""clang-tidy with the checks of .clang-tidy finds nothing in src/.

usage: tidy_test.py --build DIR [--all] [FILE...]

All of src/ takes twenty minutes of a core. So without files a sample is looked at, another one
for each seed (QUIPU_FIRST_SEED, else drawn and printed), and what differs from the last commit.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = 12
PLANTED = """#include <string>
#include <vector>
size_t f(const std::vector<std::string>& texts) {
  size_t bytes = 0;
  for (const std::string text : texts) bytes += text.size();
  return bytes;
}
"""


def sources():
    return sorted(p for p in (ROOT / "src").rglob("*.cpp")
                  if not p.name.endswith(("_test.cpp", "_fuzz.cpp")))


def changed():
    run = subprocess.run(["git", "-C", str(ROOT), "diff", "--name-only", "HEAD", "--", "src"],
                         capture_output=True, text=True)
    return [ROOT / name for name in run.stdout.split()] if run.returncode == 0 else []


def findings(tidy, build, path):
    run = subprocess.run([tidy, "-p", build, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                          str(path)], capture_output=True, text=True, cwd=ROOT)
    if run.returncode == 0:
        return ""
    return run.stdout or run.stderr


def check_that_mistakes_are_found(tidy):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "planted.cpp"
        path.write_text(PLANTED)
        config = (ROOT / ".clang-tidy").read_text()
        (pathlib.Path(folder) / ".clang-tidy").write_text(config)
        run = subprocess.run([tidy, "--quiet", str(path), "--", "-std=c++20"], capture_output=True,
                             text=True)
        if run.returncode == 0 or "performance-for-range-copy" not in run.stdout:
            sys.exit("tidy_test.py itself is wrong: a planted copy is not found:\n"
                     + run.stdout + run.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="a folder with compile_commands.json")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    tidy = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    if tidy is None:
        sys.exit("clang-tidy is missing: run cmake/install_packages")
    if not (pathlib.Path(args.build) / "compile_commands.json").exists():
        sys.exit(f"{args.build} has no compile_commands.json: name a folder that cmake made")
    check_that_mistakes_are_found(tidy)
    files = [path.resolve() for path in args.files]
    if args.all:
        files = sources()
    elif not files:
        seed = int(os.environ.get("QUIPU_FIRST_SEED") or random.randrange(1 << 32))
        print(f"seed {seed}")
        known = sources()
        files = random.Random(seed).sample(known, SAMPLE)
        files += [path for path in known if path in changed() and path not in files]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        results = list(threads.map(lambda path: findings(tidy, args.build, path), files))
    for text in filter(None, results):
        print(text)
    if any(results):
        sys.exit(f"{sum(map(bool, results))} of {len(files)} files are not clean")
    print(f"{len(files)} files are clean")


if __name__ == "__main__":
    main()
