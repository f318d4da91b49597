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
        self.assertEqual(self.request("PUT", "/v1/query", b"{}", self.reader)[0], 405)
        for body, said in ((b"{", "JSON"), (b'{"metric":{"a":1}}', "metric"), (b'{"metric":["a","b"]}', "twice"), (b'{"by":[1]}', "by"),
                           (b'{"tenant":"rival"}', "tenant"), (b'{"metric":"Opened","format":"xml"}', "format"), (b'\xff', "UTF-8")):
            status, _, text = self.request("POST", "/v1/query", body, self.reader)
            self.assertEqual(status, 400, (body, text))
            self.assertIn(said, json.loads(text)["error"], body)
        self.assertEqual(self.ask(text="metric=--help")[0], 404)
        self.assertEqual(self.ask(text="metric=Opened&in=2026-03&by=--csv")[0], 400)

    def test_a_question_is_asked_by_post_too(self):
        self.send(range(50))
        asked = {"metric": "Opened", "from": "2026-03-01", "to": "2026-03-08", "interval": "day", "by": "campaign", "where": "campaign=c1|c2"}
        right = self.ask(**asked)
        self.assertEqual(right[0], 200, right)
        listed = {**asked, "by": ["campaign"], "where": ["campaign=c1|c2"], "limit": 10}
        limited = self.ask(**asked, limit=10)
        for body, headers, answer in ((urllib.parse.urlencode(asked), {"Content_Type": "application/x-www-form-urlencoded"}, right),
                                      (json.dumps(asked), {}, right), (json.dumps(listed), {"Content_Type": "application/json"}, limited)):
            status, _, text = self.request("POST", "/v1/query", body.encode(), self.reader, **headers)
            self.assertEqual((status, json.loads(text)), answer)
        self.assertEqual(self.request("POST", "/v1/query", b"{}", None)[0], 401)
        self.assertEqual(self.request("POST", "/v1/query", b"{}", self.key)[0], 403)

    def test_rows_as_lines_of_json_and_by_format(self):
        self.send(range(50))
        asked = {"metric": "Opened", "in": "2026-03", "by": "campaign"}
        right = self.ask(**asked)[1]["groups"]
        for headers, more in (({"Accept": "application/x-ndjson"}, ""), ({}, "&format=ndjson"), ({"Accept": "text/csv"}, "&format=ndjson")):
            status, told, text = self.request("GET", "/v1/query?" + urllib.parse.urlencode(asked) + more, None, self.reader, **headers)
            self.assertEqual((status, told["Content-Type"]), (200, "application/x-ndjson"))
            rows = [json.loads(line) for line in text.splitlines()]
            self.assertEqual([(r["by"], [r["count"]], [r["unique"]]) for r in rows], [(g["by"], g["count"], g["unique"]) for g in right])
        status, told, text = self.request("GET", "/v1/query?" + urllib.parse.urlencode(asked) + "&format=csv", None, self.reader)
        self.assertEqual((status, told["Content-Type"]), (200, "text/csv; charset=utf-8"))
        self.assertEqual(text, self.ask(accept="text/csv", **asked)[1])

    def test_values_by_their_beginning_and_in_the_order_of_a_property(self):
        self.send(range(50))
        asked = {"metric": "Opened", "in": "2026-03", "by": "campaign"}
        groups = {g["by"]["campaign"]: g["count"] for g in self.ask(**asked)[1]["groups"]}
        status, body = self.ask(**asked, where="campaign^=c1|c2", sort="-campaign")
        self.assertEqual([(g["by"]["campaign"], g["count"]) for g in body["groups"]], [(c, groups[c]) for c in ("c2", "c1")])
        self.assertEqual(body["question"]["where"], [{"property": "campaign", "is": "prefix", "values": ["c1", "c2"]}])
        self.assertEqual(self.ask(metric="Opened", **{"in": "2026-03"}, where="campaign^=c")[1]["groups"][0]["count"], [50])
        self.assertIn("^=", self.ask(**asked, where="campaign^=")[1]["error"])
        self.assertIn("campaign", self.ask(**asked, sort="client")[1]["error"])

    def test_the_rest_is_what_is_left_over(self):
        self.send(range(50))
        asked = {"metric": "Opened", "in": "2026-03", "by": "campaign"}
        every = self.ask(**asked)[1]["groups"]
        for limit in (1, 2, 3, 4):
            status, body = self.ask(limit=limit, rest="yes", **asked)
            self.assertEqual((status, body["groups"], body["groups_in_all"]), (200, every[:limit], 3))
            left = [g["count"][0] for g in every[limit:]]
            self.assertEqual(body["rest"] and (body["rest"]["count"], body["rest"]["unique"]), ([sum(left)], None) if left else None)
        for more, said in (({"rest": "yes"}, "limit"), ({"rest": "no", "limit": 1}, "rest"), ({"rest": "yes", "limit": 1, "versus": "previous"}, "one period")):
            status, body = self.ask(**{**asked, **more})
            self.assertEqual(status, 400, body)
            self.assertIn(said, body["error"])

    def test_pages_are_of_one_answer(self):
        self.post(json.dumps([{**event(n), "campaign": "c%d" % (n % 23)} for n in range(200)]).encode(), None, "/v1/events?wait=counted")
        asked = {"metric": "Opened", "in": "2026-03", "by": "campaign"}
        every = self.ask(**asked)[1]
        for size in (1, 5, 22, 23, 1000):
            status, page = self.ask(page_size=size, **asked)
            groups, pages = [], 1
            while True:
                self.assertEqual((status, page["as_of"]), (200, every["as_of"]), page)
                groups += page["groups"]
                self.assertLessEqual(len(page["groups"]), size)
                if page["next"] is None:
                    break
                if pages == 2:   # what is counted meanwhile changes no further page
                    self.post(json.dumps([{**event(n), "id": "x%d-%d" % (size, n), "campaign": "c%d" % n} for n in range(30)]).encode(), None, "/v1/events?wait=counted")
                last = page["next"]
                status, page = self.ask(cursor=last)
                pages += 1
            self.assertEqual(groups, every["groups"])
            if pages > 1:
                self.assertEqual(self.ask(cursor=last)[1], page, "a page can be asked for again")
                self.assertEqual(self.ask(cursor=last, key=self.other)[0], 410, "it is the tenant's")
                self.assertEqual(self.ask(cursor=last, metric="Opened")[0], 400)
            every = self.ask(**asked)[1]
        for cursor in ("", "x", "x.1", last + "0", last.split(".")[0], last.split(".")[0] + ".-1"):
            self.assertEqual(self.ask(cursor=cursor)[0], 410, cursor)
        for size in ("0", "x", "10001"):
            self.assertEqual(self.ask(page_size=size, **asked)[0], 400)
        status, told, text = self.request("GET", "/v1/query?metric=Opened&in=2026-03&by=campaign&page_size=4&format=csv", None, self.reader)
        self.assertEqual(len(text.splitlines()), 5)
        status, told, text = self.request("GET", "/v1/query?format=csv&cursor=" + told["Quipu-Next"], None, self.reader)
        self.assertEqual((status, len(text.splitlines())), (200, 5))

    def test_nothing_is_sent_again_while_nothing_changed(self):
        self.send(range(10))
        path = "/v1/query?metric=Opened&in=2026-03"
        status, told, text = self.request("GET", path, None, self.reader)
        tag = told["ETag"]
        self.assertEqual(self.request("GET", path, None, self.reader, If_None_Match=tag)[::2], (304, ""))
        self.assertEqual(self.request("GET", path, None, self.reader, If_None_Match='"x", ' + tag)[::2], (304, ""))
        self.assertEqual(self.request("GET", path, None, self.reader, If_None_Match='"x"')[::2], (200, text))
        self.send(range(10, 20))
        status, told, text = self.request("GET", path, None, self.reader, If_None_Match=tag)
        self.assertEqual((status, json.loads(text)["groups"][0]["count"]), (200, [20]))
        self.assertNotEqual(told["ETag"], tag)

    def test_what_can_be_asked(self):
        self.assertEqual(self.request("GET", "/v1/metrics", None, self.reader)[0], 404)
        self.send(range(50))
        self.post(json.dumps({**event(1), "metric": "Secret launch"}).encode(), self.other, "/v1/events?wait=counted")
        status, _, text = self.request("GET", "/v1/metrics", None, self.reader)
        body = json.loads(text)
        self.assertEqual((status, body["tenant"], [m["name"] for m in body["metrics"]]), (200, "acme", ["Opened"]), text)
        self.assertEqual(body["calendars"][0], {"name": "UTC", "zone": "UTC"})
        opened = body["metrics"][0]
        self.assertEqual((opened["count"], opened["together"], opened["first_day"]), (50, False, "2026-03-05"))
        said = json.loads(self.quipu("query", "Opened", "--counters", "--json", "--data", "plan.quipu"))
        self.assertEqual(opened["counters"], said["counters"])
        self.assertNotIn("Secret", text)
        self.assertEqual(self.request("GET", "/v1/metrics?x=y", None, self.reader)[0], 400)
        self.assertEqual(self.request("GET", "/v1/metrics", None, self.all)[0], 400)
        self.assertEqual(self.request("GET", "/v1/metrics", None, self.key)[0], 403)
        self.assertEqual(json.loads(self.request("GET", "/v1/metrics", None, self.all, Quipu_Tenant="nobody")[2])["metrics"], [])

    def values(self, path, key=None):
        status, _, text = self.request("GET", path, None, key or self.reader)
        body = json.loads(text)
        return (status, [(v["value"], v["count"]) for v in body["values"]], body["more"]) if status == 200 else (status, body["error"])

    def test_values_for_pickers(self):
        self.send(range(50))
        self.post(json.dumps({**event(2), "campaign": "secret"}).encode(), self.other, "/v1/events?wait=counted")
        self.post(json.dumps({**event(60), "campaign": "c2x"}).encode(), None, "/v1/events?wait=counted")
        path = "/v1/dimensions/campaign/values?metric=Opened"
        every = [("c0", 17), ("c1", 17), ("c2", 16), ("c2x", 1)]
        self.assertEqual(self.values(path), (200, every, False))
        self.assertEqual(self.values(path + "&limit=2"), (200, every[:2], True))
        self.assertEqual(self.values(path + "&prefix=c2&limit=1"), (200, every[2:3], True))
        self.assertEqual(self.values(path + "&prefix=c2"), (200, every[2:], False))
        self.assertEqual(self.values(path + "&prefix=C"), (200, [], False))
        self.assertEqual(self.values(path + "&prefix=c&where=" + urllib.parse.quote("campaign^=c2|c1")), (200, every[1:], False))
        self.assertEqual(self.values(path + "&in=2026-03-04"), (200, [], False))
        for wrong, status in ((path + "&limit=1001", 400), (path + "&by=x", 400), ("/v1/dimensions/campaign/values", 400), (path + "x", 404),
                              ("/v1/dimensions/colour/values?metric=Opened", 400), ("/v1/dimensions//values?metric=Opened", 404),
                              ("/v1/dimensions/%FF/values?metric=Opened", 400), ("/v1/dimensions/a/b/values", 404)):
            self.assertEqual(self.request("GET", wrong, None, self.reader)[0], status, wrong)

    def test_status_tells_a_tenant_little_and_the_operator_all(self):
        status, _, text = self.request("GET", "/v1/status", None, self.reader)
        self.assertEqual((status, json.loads(text)["as_of"], json.loads(text)["checkpoint"]["age_s"]), (200, None, None))
        self.send(range(10))
        own = json.loads(self.request("GET", "/v1/status", None, self.reader)[2])
        self.assertEqual(set(own), {"as_of", "version", "now", "checkpoint", "behind_bytes", "obstacle"})
        every = json.loads(self.request("GET", "/v1/status", None, self.all)[2])
        self.assertEqual(set(every) - set(own), {"events", "sources", "memory", "dead"})
        self.assertEqual((every["events"]["counted"], every["dead"]), (10, []))
        self.assertEqual([(s["name"], s["state"], s["lag_bytes"]) for s in every["sources"]], [("journal", "reading", 0)])
        self.assertEqual(json.loads(self.request("GET", "/v1/status", None, self.all, Quipu_Tenant="acme")[2]).keys(), every.keys())
        self.assertEqual(self.request("GET", "/v1/status", None, self.key)[0], 403)
        self.assertEqual(self.request("GET", "/v1/status")[0], 401)

    def test_the_dead_are_shown_to_the_operator_alone(self):
        self.send(range(10))
        (self.here / "bad.jsonl").write_text('{"tenant":"acme","event":{"metric":"Opened","time":"never","email":"%s"}}\n' % ("é" * 300) * 5)
        self.quipu("load", "bad.jsonl", "--anyway", "--data", "plan.quipu", status=3)
        every = json.loads(self.request("GET", "/v1/status", None, self.all)[2])
        dead = every["dead"]
        self.assertEqual([(d["reason"], d["count"], len(d["examples"])) for d in dead], [("time_bad", 5, 3)])
        self.assertIn("never", dead[0]["examples"][0])
        self.assertLessEqual(len(dead[0]["examples"][0].encode()), 200)
        self.assertNotIn("never", self.request("GET", "/v1/status", None, self.reader)[2])

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
