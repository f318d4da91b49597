"""What the tests of the server share: a plan, events, a server in a folder of its own, and asking it."""
import argparse
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PLAN = Path(__file__).with_name("plan.yaml")
SOURCE = Path(__file__).resolve().parents[2]
OPTIONS = None
DEADLINE_S = 30


def event(number, **more):
    return {"metric": "Opened", "email": "p%d@x" % (number % 7), "id": "e%d" % number,
            "time": "2026-03-05T10:00:00Z", "campaign": "c%d" % (number % 3), **more}


def lines(numbers):
    return "".join(json.dumps(event(n)) + "\n" for n in numbers).encode()


class Serve(unittest.TestCase):
    maxDiff = None

    def prepare(self):
        """A folder of its own, where no server runs yet."""
        folder = tempfile.TemporaryDirectory(prefix="quipu-serve-")
        self.addCleanup(folder.cleanup)
        self.here = Path(folder.name)
        self.server, self.port = None, None
        self.addCleanup(self.kill)

    def setUp(self):
        self.prepare()
        (self.here / "plan.yaml").write_text(PLAN.read_text())
        self.key = self.quipu("key", "add", "--tenant", "acme", "--data", "plan.quipu").strip()

    def quipu(self, *arguments, status=0, **more):
        done = subprocess.run([OPTIONS.quipu, *map(str, arguments)], cwd=self.here, capture_output=True, text=True,
                              timeout=60, **more)
        self.assertEqual(done.returncode, status, "%s\n%s%s" % (arguments, done.stdout, done.stderr))
        return done.stdout if status == 0 else done.stdout + done.stderr

    @staticmethod
    def anywhere(options):
        return [] if "--listen" in options else ["--listen", "127.0.0.1:0"]

    def start(self, *more, plan="plan.yaml", environment=None):
        plan = [plan] if plan else []
        self.server = subprocess.Popen([OPTIONS.quipu, "serve", *plan, *self.anywhere(more), "--memory", "256M", *more], cwd=self.here, stderr=subprocess.PIPE, text=True,
                                       env={**os.environ, **(environment or {})})
        said = ""
        for line in self.server.stderr:
            said += line
            if found := re.search(r"listening on https?://[\d.]+:(\d+)", line):
                self.port = int(found[1])
                return
        self.fail("the server did not start: " + said)

    def kill(self):
        if self.server:
            self.server.kill()
            self.server.wait()
            self.server.stderr.close()
            self.server = None

    def stop(self):
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(timeout=DEADLINE_S), 0, self.server.stderr.read())
        self.server.stderr.close()
        self.server = None

    def request(self, method, path, body=None, key=None, host="127.0.0.1", **headers):
        """Status, headers and text of the answer; `_` in the names of headers stands for `-`."""
        connection = http.client.HTTPConnection(host, self.port, timeout=DEADLINE_S)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            headers["Authorization"] = "Bearer " + key
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response.headers, text

    def post(self, body, key=None, path="/v1/events", **headers):
        status, _, text = self.request("POST", path, body, key or self.key, **headers)
        return status, json.loads(text)

    def metric(self, name):
        """The value of a line of /metrics, by its name and labels; None if there is none."""
        text = self.request("GET", "/metrics")[2]
        found = re.search(r"^%s (\S+)$" % re.escape(name), text, re.MULTILINE)
        return float(found[1]) if found else None

    def wait_for(self, condition, what):
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def raw(self, data, half_close=True):
        """Everything that is answered to these bytes; `half_close`: and no more will come, by which questions are taken back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) as s:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            answer = b""
            while part := s.recv(65536):
                answer += part
        return answer

    def totals(self, tenant="acme", metric="Opened"):
        answer = json.loads(self.quipu("query", metric, "--tenant", tenant, "--in", "2026-03", "--json"))
        return answer["groups"][0]["count"][0], answer["groups"][0]["unique"][0]

    def wait_until_counted(self):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
            connection.request("GET", "/readyz")
            ready = json.loads(connection.getresponse().read())
            connection.close()
            if ready == {"status": "ready", "behind_bytes": 0}:
                return
            self.assertLess(time.monotonic(), deadline, ready)
            time.sleep(0.05)


def use(program):
    """For tests with options of their own."""
    global OPTIONS
    OPTIONS = argparse.Namespace(quipu=os.path.abspath(program))


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--failing-sync")
    parser.add_argument("--model")
    OPTIONS, rest = parser.parse_known_args()
    OPTIONS.quipu = os.path.abspath(OPTIONS.quipu)
    unittest.main(argv=[sys.argv[0], *rest])
