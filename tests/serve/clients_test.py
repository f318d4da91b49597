#!/usr/bin/env python3
"""Real clients of Klaviyo and Segment, unchanged but for the base URL, send to a server: what they send
is counted right, also when its answers fail so that they (or the application) send again. They
are installed from their registries into a folder beside the build; skipped where they cannot be.

usage: clients_test.py --quipu PROGRAM --cache FOLDER
"""
import argparse
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
from installs import installed, python_steps
import serve_case
from vendor_case import Server

CLIENTS = Path(__file__).with_name("clients")
CLIENT_S = 180
# Of the first answers; a request fails in one way, and in another when it comes again.
FAILURES = ("cut", "unavailable", "pass", "cut", "slow_down", "cut", "pass", "unavailable", "cut")
OPTIONS = None
PYTHON_STEPS = python_steps(CLIENTS / "requirements.txt")


def node_steps(folder):
    shutil.copy(CLIENTS / "package.json", folder)
    yield ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]


class Clients(Server):
    def python(self, script):
        """How to run a client with an address and a key. Skips the test if it cannot be installed."""
        folder, why = installed(OPTIONS.cache, "python", CLIENTS / "requirements.txt", PYTHON_STEPS)
        return self.runner(why, [folder / "bin" / "python", CLIENTS / script])

    def node(self, script):
        folder, why = installed(OPTIONS.cache, "node", CLIENTS / "package.json", node_steps)
        return self.runner(why, ["node", CLIENTS / script], NODE_PATH=str(folder / "node_modules"))

    def runner(self, why, command, **environment):
        if why:
            self.skipTest("the clients cannot be installed: " + why)

        def run(address, key):
            done = subprocess.run([*map(str, command), address, key], capture_output=True, text=True,
                                  timeout=CLIENT_S, env={**os.environ, **environment})
            self.assertEqual(done.returncode, 0, "%s\n%s%s" % (command, done.stdout, done.stderr))
            return done.stdout
        return run

    def ways(self):
        """A base address where all goes well, and one where answers fail; each with a tenant of its own."""
        yield "well", "http://127.0.0.1:%d" % self.port
        proxy = FailingProxy(self.port, FAILURES)
        self.addCleanup(proxy.close)
        yield "failing", "http://127.0.0.1:%d" % proxy.port
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
        send = self.python("klaviyo_client.py")
        self.run_ways(send, self.check_klaviyo)
        self.run_again(send)

    def run_again(self, send):
        """All that is sent is duplicate then; and the metrics that were counted are told."""
        key = self.add_key("--tenant", "well", "--read", "--write")
        self.stop()
        self.start()
        told = send("http://127.0.0.1:%d" % self.port, key)
        self.assertEqual(json.loads(told), ["Ordered Product", "Placed Order", "Viewed Product"])
        self.wait_until_counted()
        self.check_klaviyo("well")

    def test_klaviyo_api_for_node(self):
        send = self.node("klaviyo_client.cjs")
        self.run_ways(send, self.check_klaviyo)
        self.run_again(send)

    def asks(self, send, ask):
        """A client of Klaviyo queries what it sent."""
        self.stop()
        plan = self.here / "plan.yaml"
        plan.write_text(plan.read_text().replace("properties:\n", "properties:\n  Method: /event/properties/sku\n", 1).replace("flow, currency]", "flow, currency, Method]"))
        self.start()
        address = "http://127.0.0.1:%d" % self.port
        send(address, self.key)
        self.wait_until_counted()
        told = json.loads(ask(address, self.key))
        dates = [d.replace(".000Z", "+00:00") for d in told["days"]["dates"]]
        self.assertEqual(dates, ["2026-03-29T00:00:00+00:00", "2026-03-30T00:00:00+00:00"])
        self.assertEqual(told["days"]["rows"], [[["USD"], {"count": [3.0, 0.0], "sum_value": [20.09, 0.0], "unique": [2.0, 0.0]}]])
        self.assertEqual(sorted(told["pages"]), [[[str(n)], {"count": [2.0]}] for n in range(10)], "every group once")

    def test_klaviyo_api_for_python_asks(self):
        self.asks(self.python("klaviyo_client.py"), self.python("klaviyo_query.py"))

    def test_klaviyo_api_for_node_asks(self):
        self.asks(self.node("klaviyo_client.cjs"), self.node("klaviyo_query.cjs"))

    def test_segment_analytics_python(self):
        counts = {"Product Viewed": 2, "identify": 2, "page": 2, "screen": 2, "group": 2, "alias": 2}
        self.run_ways(self.python("segment_client.py"), lambda way: self.check_segment(way, 40, counts))

    def test_analytics_python_the_old_one(self):
        counts = {"identify": 1, "page": 1}
        self.run_ways(self.python("segment_old_client.py"), lambda way: self.check_segment(way, 20, counts))

    def test_segment_analytics_node(self):
        counts = {"Product Viewed": 1, "identify": 1, "page": 1, "screen": 1, "group": 1, "alias": 1}
        self.run_ways(self.node("segment_client.cjs"), lambda way: self.check_segment(way, 20, counts))

    def test_analytics_node_the_old_one(self):
        counts = {"identify": 1, "page": 1}
        self.run_ways(self.node("segment_old_client.cjs"), lambda way: self.check_segment(way, 20, counts))

    def test_segment_analytics_next_in_a_browser(self):
        counts = {"Product Added": 10, "page": 1, "identify": 1, "group": 1, "alias": 1, "screen": 1}

        def check(way):
            for name, count in counts.items():
                self.assertEqual(self.total(name, tenant=way, when=self.this_month)[0], count, name)
            self.assertEqual(self.total("Product Added", tenant=way, when=self.this_month)[2], "25")
        self.run_ways(self.node("segment_browser.cjs"), check)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    parser.add_argument("--cache", required=True, type=Path, help="where the clients are installed")
    OPTIONS, rest = parser.parse_known_args()
    serve_case.use(OPTIONS.quipu)
    OPTIONS.cache = OPTIONS.cache.resolve()
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
