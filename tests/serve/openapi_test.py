#!/usr/bin/env python3
"""The OpenAPI document: valid, whole, and what the server does.

usage: openapi_test.py --quipu PROGRAM --cache DIR     (where the validators are installed; skipped where they cannot be)
"""
import argparse
import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import serve_case
from installs import installed, python_steps
from serve_case import SOURCE, Serve, event, lines

OPTIONS = None
TOOLS = Path(__file__).with_name("tools.txt")
# Reads {"document", "cases": [{"schema", "value"}]}; prints what is wrong.
CHECK = """
import json, sys
import jsonschema
from openapi_spec_validator import validate
given = json.load(sys.stdin)
validate(given["document"])
wrong = []
for case in given["cases"]:
    schema = {**case["schema"], "components": given["document"]["components"]}
    errors = [e.message[:300] for e in jsonschema.Draft202012Validator(schema).iter_errors(case["value"])]
    wrong += [[case["what"], e] for e in errors]
print(json.dumps(wrong))
"""


class OpenApi(Serve):
    def setUp(self):
        super().setUp()
        add = ("key", "add", "--data", "plan.quipu", "--read")
        self.reader = self.quipu(*add, "--tenant", "acme").strip()
        self.operator = self.quipu(*add, "--all").strip()
        self.start()
        self.document = json.loads(self.request("GET", "/v1/openapi.json")[2])
        self.cases = []

    def take(self, method, path, route, body=None, key=None, **headers):
        """A request whose answer the document must describe."""
        status, told, text = self.request(method, path, body, key or self.reader, **headers)
        what = "%s %s: %d %s" % (method, path, status, text[:200])
        operation = self.document["paths"][route][method.lower()]
        self.assertIn(str(status), operation["responses"], what)
        described = operation["responses"][str(status)].get("content", {})
        kind = told["Content-Type"].partition(";")[0]
        if status == 304 or status == 202 and not text:
            return status
        self.assertIn(kind, described, what)
        if kind.endswith("json") and kind != "application/x-ndjson":
            self.cases.append({"what": what, "schema": described[kind]["schema"], "value": json.loads(text)})
        return status

    def test_what_the_server_says_is_described(self):
        self.take("GET", "/v1/status", "/v1/status")
        self.take("GET", "/v1/query?metric=Opened", "/v1/query")
        self.take("POST", "/v1/events?wait=counted", "/v1/events", lines(range(50)), self.key)
        self.take("POST", "/v1/events", "/v1/events", lines(range(50)), self.key)
        self.take("POST", "/v1/events", "/v1/events", b'[{"metric":1}, {}]', self.key)
        self.take("POST", "/v1/events", "/v1/events", b"[]", self.reader)
        month = "/v1/query?metric=Opened&in=2026-03"
        for question in ("/v1/query", month, month + "&by=campaign&limit=1&rest=yes", month + "&by=campaign&page_size=1", month + "&interval=day&versus=previous", month + "&format=csv",
                         month + "&format=ndjson", month + "&format=table", "/v1/query?metric=Opened&last=7d&interval=day", "/v1/query?metric=Other", month + "&by=colour", month + "&limit=0",
                         "/v1/query?cursor=gone.1", month + "&by=campaign&where=campaign=c1|c2"):
            self.take("GET", question, "/v1/query")
        self.take("POST", "/v1/query", "/v1/query", b'{"metric":"Opened","in":"2026-03"}')
        self.take("POST", "/v1/query", "/v1/query", b"{")
        tag = self.request("GET", month, None, self.reader)[1]["ETag"]
        self.assertEqual(self.take("GET", month, "/v1/query", If_None_Match=tag), 304)
        values = "/v1/dimensions/campaign/values"
        for path, route in (("/v1/metrics", "/v1/metrics"), (values + "?metric=Opened", "/v1/dimensions/{property}/values"), (values, "/v1/dimensions/{property}/values"), ("/v1/status", "/v1/status"),
                            ("/v1/tenants", "/v1/tenants"), ("/healthz", "/healthz"), ("/readyz", "/readyz"), ("/metrics", "/metrics"), ("/", "/"), ("/v1/openapi.json", "/v1/openapi.json"),
                            ("/api/metrics", "/api/metrics")):
            for key in (self.reader, self.operator, "qk_wrong"):
                if (key, route) != (self.operator, "/api/metrics") and not (key == "qk_wrong" and "security" in self.document["paths"][route]["get"]):
                    self.take("GET", path, route, None, key)
        klaviyo = {"Authorization": "Klaviyo-API-Key " + self.reader}
        ids = json.loads(self.request("GET", "/api/metrics", None, None, **klaviyo)[2])["data"]
        asked = {"metric_id": ids[0]["id"], "measurements": ["count"], "by": ["campaign"], "interval": "month", "filter": ["greater-or-equal(datetime,2026-03-01)", "less-than(datetime,2026-04-01)"]}
        for attributes in (asked, {**asked, "metric_id": "x"}, {**asked, "by": ["colour"]}, {**asked, "page_cursor": "gone.1"}):
            self.take("POST", "/api/metric-aggregates", "/api/metric-aggregates", json.dumps({"data": {"type": "metric-aggregate", "attributes": attributes}}).encode())
        self.assertGreater(len(self.cases), 45)
        folder, why = installed(OPTIONS.cache, "tools", TOOLS, python_steps(TOOLS))
        if why:
            self.skipTest("the validators cannot be installed: " + why)
        done = subprocess.run([folder / "bin" / "python", "-c", CHECK], input=json.dumps({"document": self.document, "cases": self.cases}), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        self.assertEqual(json.loads(done.stdout), [])

    def test_every_route_is_in_it(self):
        found = set()
        for source in (SOURCE / "src" / "http").glob("*.cpp"):
            if not source.name.endswith(("_test.cpp", "_fuzz.cpp")):
                found |= set(re.findall(r'"(/(?:v1|api|webhooks|healthz|readyz|metrics)[a-z0-9/{}._-]*)"', source.read_text()))
        found |= set(re.findall(r'"(/v1/[a-z/{}]+)"', (SOURCE / "src" / "http" / "read_routes.h").read_text()))
        beginnings = {"/v1/", "/v1/segment", "/v1/dimensions/", "/api/metrics/", "/metric", "/metric/data", "/metric/data/attributes", "/metric/data/attributes/name"}
        self.assertEqual({path for path in found if path not in beginnings} - set(self.document["paths"]), set())
        self.assertLessEqual({"/v1/query", "/v1/tenants", "/api/metric-aggregates", "/v1/dimensions/{property}/values", "/readyz"}, found)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    parser.add_argument("--cache", required=True, type=Path)
    OPTIONS, rest = parser.parse_known_args()
    OPTIONS.cache = OPTIONS.cache.resolve()
    serve_case.use(OPTIONS.quipu)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
