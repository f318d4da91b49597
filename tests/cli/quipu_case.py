"""What the tests of the program share: a plan, events, and running quipu in a folder of its own."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
EXAMPLES = SOURCE / "examples"
DEADLINE_S = 30

PLAN = """quipu: 1
event: {tenant: {const: shop}, metric: /what, profile: /who, id: /id, time: /at, values: {worth: /worth}}
properties: {colour: /colour, size: /size}
count:
  - {metrics: "*", by: [[], colour, [colour, size]], sum: [worth], lifetime: yes}
"""


def event(number, what="Bought", **more):
    line = {"what": what, "who": "p%d" % (number % 7), "id": str(number), "at": "2026-03-%02dT10:00:00Z" % (1 + number % 20),
            "worth": "1.10", "colour": ["red", "blue", "green"][number % 3], "size": number % 2}
    line.update(more)
    return json.dumps(line) + "\n"


class Quipu(unittest.TestCase):
    program = None   # set by main()
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="quipu-cli-")
        self.addCleanup(self.folder.cleanup)
        self.here = Path(self.folder.name)

    def write(self, name, text):
        path = self.here / name
        path.write_text(text)
        return path

    def quipu(self, *arguments, status=0, **more):
        arguments = [a if isinstance(a, bytes) else str(a) for a in arguments]
        done = subprocess.run([self.program, *arguments], cwd=self.here, capture_output=True, text=True, timeout=120, **more)
        self.assertEqual(done.returncode, status, "quipu %s\n%s%s" % (arguments, done.stdout, done.stderr))
        return done

    def ask(self, *arguments):
        return json.loads(self.quipu("query", *arguments, "--json").stdout)

    def counts(self, *arguments):
        return {tuple(g["by"].values()): g["count"] for g in self.ask(*arguments)["groups"]}

    def run_plan(self, lines, plan=PLAN, status=0):
        self.write("plan.yaml", plan)
        self.write("events.jsonl", "".join(lines))
        return self.quipu("run", "plan.yaml", "events.jsonl", status=status)

    def background(self, *arguments):
        process = subprocess.Popen([self.program, *map(str, arguments)], cwd=self.here, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass

    def until(self, what, condition):
        begin = time.monotonic()
        while time.monotonic() - begin < DEADLINE_S:
            if condition():
                return time.monotonic() - begin
            time.sleep(0.05)
        self.fail("waited in vain: " + what)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True, help="the program")
    arguments, rest = parser.parse_known_args()
    Quipu.program = os.path.abspath(arguments.quipu)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
