"""What the tests of the vendors' doors share: a server of its own, requests to it, and its counts."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import time
import unittest
from pathlib import Path
import tempfile

SOURCE = Path(__file__).resolve().parents[2]
SHOP_SECRET = "shpss_test_secret"
SHOP = "quipu-test.myshopify.com"
DEADLINE_S = 30


def signed(body, secret=SHOP_SECRET):
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def basic(key):
    return "Basic " + base64.b64encode((key + ":").encode()).decode()


class Server(unittest.TestCase):
    """One server a test, with the vendors' plan; a key of tenant acme that writes and reads."""
    program = None   # set by main()
    vendor = "klaviyo"
    plan = None      # a text in place of the vendor's plan
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quipu-doors-")
        self.addCleanup(folder.cleanup)
        self.here = Path(folder.name)
        plan = self.plan or self.quipu("init", "--for", self.vendor)
        (self.here / "plan.yaml").write_text(plan)
        self.key = self.add_key("--tenant", "acme", "--read", "--write")
        self.server, self.port = None, None
        self.addCleanup(self.kill)
        self.start()

    def quipu(self, *arguments, status=0, **more):
        done = subprocess.run([self.program, *map(str, arguments)], cwd=self.here, capture_output=True, text=True,
                              timeout=60, **more)
        self.assertEqual(done.returncode, status, "%s\n%s%s" % (arguments, done.stdout, done.stderr))
        return done.stdout if status == 0 else done.stdout + done.stderr

    def add_key(self, *arguments, **more):
        return self.quipu("key", "add", *arguments, "--data", "plan.quipu", **more).strip()

    def add_shop(self, *arguments, secret=SHOP_SECRET):
        return self.add_key(*arguments, env={**os.environ, "QUIPU_SHOPIFY_SECRET": secret})

    def start(self, *more):
        self.server = subprocess.Popen([self.program, "serve", "plan.yaml", "--listen", "127.0.0.1:0", "--memory",
                                        "256M", *more], cwd=self.here, stderr=subprocess.PIPE, text=True)
        said = ""
        for line in self.server.stderr:
            said += line
            if found := re.search(r"listening on http://127.0.0.1:(\d+)", line):
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

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()

    def klaviyo(self, attributes, path="/api/events", key=None):
        status, _, body = self.ask("POST", path, {"data": {"type": "event", "attributes": attributes}}, {
            "Authorization": "Klaviyo-API-Key " + (key or self.key), "Content-Type": "application/vnd.api+json",
            "revision": "2026-10-15"})
        return status, json.loads(body) if body else None

    def segment(self, path, message, key=None, **headers):
        status, _, body = self.ask("POST", path, message, {
            "Authorization": basic(key or self.key), **{n.replace("_", "-"): v for n, v in headers.items()}})
        return status, json.loads(body)

    def shopify(self, body, topic="orders/create", secret=SHOP_SECRET, prefix="X-Shopify-", **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Topic": topic, "Hmac-Sha256": signed(body, secret), "Shop-Domain": SHOP, "Webhook-Id": "w-1"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        status, _, text = self.ask("POST", "/webhooks/shopify", body,
                                   {prefix + name: value for name, value in sent.items() if value is not None})
        return status, json.loads(text)

    def wait_until_counted(self):
        deadline = time.monotonic() + DEADLINE_S
        while (ready := json.loads(self.ask("GET", "/readyz")[2])) != {"status": "ready", "behind_bytes": 0}:
            self.assertLess(time.monotonic(), deadline, ready)
            time.sleep(0.05)

    def answer(self, metric, *arguments, tenant="acme", when="2026-03"):
        return json.loads(self.quipu("query", "--metric", metric, "--tenant", tenant, "--in", when, *arguments, "--json"))

    def total(self, metric, **more):
        """Count, uniques and the sum of the values."""
        group = self.answer(metric, **more)["groups"][0]
        return group["count"][0], group["unique"][0], group["sum"]["value"][0]

    def by(self, metric, name, **more):
        return {g["by"][name]: g["count"][0] for g in self.answer(metric, "--by", name, **more)["groups"]}

    def told(self):
        """The events in the journal, as they were written."""
        segments = sorted((self.here / "plan.quipu" / "journal").glob("*.zst"))
        text = subprocess.run(["zstdcat", *segments], capture_output=True, check=True).stdout.decode()
        return [json.loads(line) for line in text.splitlines()]
