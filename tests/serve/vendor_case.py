"""What the tests of the vendors' doors share: a server of its own, requests to it, and its counts."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import subprocess

from serve_case import DEADLINE_S, SOURCE, Serve

SHOP_SECRET = "shpss_test_secret"
SHOP = "quipu-test.myshopify.com"


def signed(body, secret=SHOP_SECRET):
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def basic(key):
    return "Basic " + base64.b64encode((key + ":").encode()).decode()


class Server(Serve):
    """One server a test, with the vendors' plan; a key of tenant acme that writes and reads."""
    vendor = "klaviyo"
    plan = None      # a text in place of the vendor's plan

    def setUp(self):
        self.prepare()
        plan = self.plan or self.quipu("init", "--for", self.vendor)
        (self.here / "plan.yaml").write_text(plan)
        self.key = self.add_key("--tenant", "acme", "--read", "--write")
        self.start()

    def add_key(self, *arguments, **more):
        return self.quipu("key", "add", *arguments, "--data", "plan.quipu", **more).strip()

    def add_shop(self, *arguments, secret=SHOP_SECRET):
        return self.add_key(*arguments, env={**os.environ, "QUIPU_SHOPIFY_SECRET": secret})

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
