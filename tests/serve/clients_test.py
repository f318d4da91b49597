#!/usr/bin/env python3
"""Real clients of Klaviyo and Segment, unchanged but for the base URL, send to a server: what they send
is counted right, also when its answers fail so that they (or the application) send again. They
are installed from their registries into a folder beside the build; skipped where they cannot be.

usage: clients_test.py --quipu PROGRAM --cache FOLDER
"""
import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from failing_proxy import FailingProxy
from vendor_case import Server

CLIENTS = Path(__file__).with_name("clients")
INSTALL_S, CLIENT_S = 600, 180
# Of the first answers; a request fails in one way, and in another when it comes again.
FAILURES = ("cut", "unavailable", "pass", "cut", "slow_down", "cut", "pass", "unavailable", "cut")
OPTIONS = None


def installed(name, description, steps):
    """The folder with these packages, made if it is not there; a reason in words if it cannot be."""
    tag = hashlib.sha256(description.read_bytes()).hexdigest()[:12]
    folder = OPTIONS.cache / ("%s-%s" % (name, tag))
    OPTIONS.cache.mkdir(parents=True, exist_ok=True)
    with open(OPTIONS.cache / (name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "installed").exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for step in steps(folder):
            try:
                done = subprocess.run(step, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
            except (OSError, subprocess.TimeoutExpired) as e:
                raise unittest.SkipTest("the clients cannot be installed: %s" % e)
            if done.returncode != 0:
                raise unittest.SkipTest("the clients cannot be installed: %s" % (done.stderr or done.stdout)[-500:])
        (folder / "installed").touch()
    return folder


class Clients(Server):
    def python(self, script, *arguments):
        requirements = CLIENTS / "requirements.txt"
        folder = installed("python", requirements, lambda folder: (
            [sys.executable, "-m", "venv", str(folder)],
            [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(requirements)]))
        return self.client([folder / "bin" / "python", CLIENTS / script, *arguments])

    def node(self, script, *arguments):
        packages = CLIENTS / "package.json"

        def steps(folder):
            shutil.copy(packages, folder)
            yield ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        folder = installed("node", packages, steps)
        return self.client(["node", CLIENTS / script, *arguments], NODE_PATH=str(folder / "node_modules"))

    def client(self, command, **environment):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=CLIENT_S,
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, "%s\n%s%s" % (command, done.stdout, done.stderr))
        return done.stdout

    def ways(self):
        """A base address where all goes well, and one where answers fail; each with a tenant of its own."""
        yield "well", "127.0.0.1:%d" % self.port
        proxy = FailingProxy(self.port, FAILURES)
        self.addCleanup(proxy.close)
        yield "failing", "127.0.0.1:%d" % proxy.port
        for failure in ("unavailable", "cut"):
            self.assertGreater(proxy.done[failure], 0, "answers did fail")

    def run_ways(self, send, check):
        keys = {way: self.add_key("--tenant", way, "--read", "--write") for way in ("well", "failing")}
        self.stop()
        self.start()  # it knows the keys
        for way, address in self.ways():
            with self.subTest(way):
                send(address, keys[way])
                self.wait_until_counted()
                check(way)

    def check_klaviyo(self, way):
        self.assertEqual(self.total("Placed Order", tenant=way), (3, 2, "20.09"))
        self.assertEqual(self.total("Viewed Product", tenant=way)[:2], (2, 1), "without an id by the second")
        self.assertEqual(self.total("Ordered Product", tenant=way), (20, 2, "30"))

    def check_segment(self, way, orders, others):
        self.assertEqual(self.total("Order Completed", tenant=way), (orders, 4, str(orders * 5 // 2)))
        for name, count in others.items():
            self.assertEqual(self.total(name, tenant=way, when=self.this_month)[0], count, name)

    @property
    def this_month(self):
        return datetime.now(timezone.utc).strftime("%Y-%m")

    def test_klaviyo_api_for_python(self):
        self.run_ways(lambda address, key: self.python("klaviyo_client.py", "http://" + address, key), self.check_klaviyo)
        self.run_again(lambda address, key: self.python("klaviyo_client.py", "http://" + address, key))

    def run_again(self, send):
        """All that is sent is duplicate then; and the metrics that were counted are told."""
        key = self.add_key("--tenant", "well", "--read", "--write")
        self.stop()
        self.start()
        told = send("127.0.0.1:%d" % self.port, key)
        self.assertEqual(json.loads(told), ["Ordered Product", "Placed Order", "Viewed Product"])
        self.wait_until_counted()
        self.check_klaviyo("well")

    def test_klaviyo_api_for_node(self):
        self.run_ways(lambda address, key: self.node("klaviyo_client.cjs", "http://" + address, key), self.check_klaviyo)
        self.run_again(lambda address, key: self.node("klaviyo_client.cjs", "http://" + address, key))

    def test_segment_analytics_python(self):
        self.run_ways(lambda address, key: self.python("segment_client.py", "http://" + address, key),
                      lambda way: self.check_segment(way, 40, {"Product Viewed": 2, "identify": 2, "page": 2, "screen": 2,
                                                               "group": 2, "alias": 2}))

    def test_analytics_python_the_old_one(self):
        self.run_ways(lambda address, key: self.python("segment_old_client.py", "http://" + address, key),
                      lambda way: self.check_segment(way, 20, {"identify": 1, "page": 1}))

    def test_segment_analytics_node(self):
        self.run_ways(lambda address, key: self.node("segment_client.cjs", "http://" + address, key),
                      lambda way: self.check_segment(way, 20, {"Product Viewed": 1, "identify": 1, "page": 1, "screen": 1,
                                                               "group": 1, "alias": 1}))

    def test_analytics_node_the_old_one(self):
        self.run_ways(lambda address, key: self.node("segment_old_client.cjs", "http://" + address, key),
                      lambda way: self.check_segment(way, 20, {"identify": 1, "page": 1}))

    def test_segment_analytics_next_in_a_browser(self):
        def check(way):
            for name, count in {"Product Added": 10, "page": 1, "identify": 1, "group": 1, "alias": 1, "screen": 1}.items():
                self.assertEqual(self.total(name, tenant=way, when=self.this_month)[0], count, name)
            self.assertEqual(self.total("Product Added", tenant=way, when=self.this_month)[2], "25")
        self.run_ways(lambda address, key: self.node("segment_browser.cjs", address, key), check)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    parser.add_argument("--cache", required=True, type=Path, help="where the clients are installed")
    OPTIONS, rest = parser.parse_known_args()
    Server.program = os.path.abspath(OPTIONS.quipu)
    OPTIONS.cache = OPTIONS.cache.resolve()
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
