#!/usr/bin/env python3
"""Questions over HTTP: the same answers as the command line's, of the key's tenant alone.

usage: http_query_test.py --quipu PROGRAM
"""
import concurrent.futures
import json
import urllib.parse

import serve_case
from serve_case import Serve, event, lines


class Query(Serve):
    def setUp(self):
        super().setUp()
        add = ("key", "add", "--data", "plan.quipu", "--read")
        self.reader = self.quipu(*add, "--tenant", "acme").strip()
        self.other = self.quipu(*add, "--write", "--tenant", "rival").strip()
        self.all = self.quipu(*add, "--all").strip()
        self.start()

    def ask(self, key=None, accept=None, tenant=None, text=None, **parameters):
        text = urllib.parse.urlencode(parameters, doseq=True) if text is None else text
        headers = {k: v for k, v in (("Accept", accept), ("Quipu-Tenant", tenant)) if v}
        status, told, body = self.request("GET", "/v1/query?" + text, None, key or self.reader, **headers)
        return status, body if told["Content-Type"].startswith("text/csv") else json.loads(body)

    def send(self, numbers, key=None):
        status, answer = self.post(lines(numbers), key, "/v1/events?wait=counted")
        self.assertEqual((status, answer.get("counted")), (200, True))

    def test_answers_are_those_of_the_command_line(self):
        self.send(range(50))
        for asked in ({"metric": "Opened", "in": "2026-03"}, {"metric": "Opened", "in": "2026-03", "by": "campaign"},
                      {"metric": "Opened", "from": "2026-03-01", "to": "2026-03-08", "interval": "day", "by": "campaign"},
                      {"metric": "Opened", "in": "2026-03", "by": "campaign", "where": "campaign=c1|c2"},
                      {"metric": "Opened", "in": "2026-03", "by": "campaign", "sort": "-count", "limit": "1"}):
            options = ["--%s=%s" % (k, v) for k, v in asked.items() if k != "metric"]
            for accept, form in ((None, "--json"), ("text/csv", "--csv")):
                status, body = self.ask(accept=accept, **asked)
                self.assertEqual(status, 200, body)
                said = self.quipu("query", asked["metric"], *options, form, "--data", "plan.quipu")
                self.assertEqual(body, said if accept else json.loads(said))
        status, body = self.ask()
        self.assertEqual(status, 200, body)
        self.assertIn("Opened", json.dumps(body))

    def test_a_key_sees_its_tenant_alone(self):
        self.send(range(10))
        status, _ = self.post(json.dumps({**event(1), "metric": "Secret launch"}).encode(), self.other,
                              "/v1/events?wait=counted")
        self.assertEqual(status, 200)
        for name in ("Secret launch", "Secret launc", "Nothing"):
            status, body = self.ask(metric=name, **{"in": "2026-03"})
            self.assertEqual((status, body), (404, {"error": "nothing of that name is counted for this tenant"}))
        self.assertNotIn("Secret", json.dumps(self.ask()[1]))
        self.assertEqual(self.ask(text="tenant=rival&metric=Opened")[0], 400)
        self.assertEqual(self.ask(text="tenants=&metric=Opened")[0], 400)
        self.assertEqual(self.ask(tenant="rival", metric="Opened")[0], 403)
        self.assertEqual(self.ask(key=self.key, metric="Opened")[0], 403, "it may only write")
        self.assertEqual(self.ask(key="qk_none", metric="Opened")[0], 401)
        self.assertEqual(self.ask(key=self.all, metric="Opened")[0], 400, "it names no tenant")
        status, body = self.ask(key=self.all, tenant="rival", metric="Secret launch", **{"in": "2026-03"})
        self.assertEqual((status, body["groups"][0]["count"]), (200, [1]))
        self.assertEqual(self.ask(key=self.all, tenant="nobody", metric="Opened")[0], 404)

    def test_wrong_questions_are_told_what_is_wrong(self):
        self.assertEqual(self.ask(metric="Opened"), (404, {"error": "nothing is counted yet"}))
        self.send(range(3))
        for text, said in (("metric=Opened&by=campain&in=2026-03", "campaign"), ("metric=Opened&in=March", "March"),
                           ("metric=Opened&limit=-1", "limit"), ("metric=Opened&colour=red", "colour"),
                           ("metric=Opened&metric=Opened", "twice"), ("metric=%FF", "UTF-8"), ("metric", "NAME=VALUE"),
                           ("metric=Opened&in=2026-03&data=/etc", "data"), ("metric=Opened&on-terminal=1", "on-terminal")):
            status, body = self.ask(text=text)
            self.assertEqual(status, 400, (text, body))
            self.assertIn(said, body["error"], text)
        self.assertEqual(self.request("POST", "/v1/query", b"{}", self.reader)[0], 405)
        self.assertEqual(self.ask(text="metric=--help")[0], 404)
        self.assertEqual(self.ask(text="metric=Opened&in=2026-03&by=--csv")[0], 400)

    def test_many_questions_at_once_beside_events(self):
        self.send(range(100))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            asked = [pool.submit(self.ask, metric="Opened", by="campaign", **{"in": "2026-03"}) for _ in range(200)]
            self.send(range(100, 200))
            for one in asked:
                status, body = one.result()
                if status == 503:   # more than wait at a time
                    continue
                self.assertEqual(status, 200, body)
                self.assertIn(sum(sum(g["count"]) for g in body["groups"]), (100, 200))
        self.stop()


if __name__ == "__main__":
    serve_case.main()
