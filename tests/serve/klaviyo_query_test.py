#!/usr/bin/env python3
"""Klaviyo's aggregates: shapes, numbers, zones, filters, pages and errors, as its clients and code in the wild ask.

usage: klaviyo_query_test.py --quipu PROGRAM
"""
import json

import serve_case
from vendor_case import Server

PLAN_ZONES = "calendars: {default: [{zone: UTC}, {zone: America/New_York}]}"
MARCH = ["greater-or-equal(datetime,2026-03-01T00:00:00)", "less-than(datetime,2026-04-01T00:00:00)"]


def event(number, metric="Opened Email", time="2026-03-05T10:00:00+00:00", message="M1", flow=None, value=None, **properties):
    attributes = {"metric": {"data": {"type": "metric", "attributes": {"name": metric}}}, "time": time, "unique_id": "e%d" % number, "value": value,
                  "profile": {"data": {"type": "profile", "attributes": {"email": "p%d@x.test" % (number % 5)}}},
                  "properties": {"$message": message, **({"$flow": flow} if flow else {}), **properties}}
    return {"data": {"type": "event", "attributes": attributes}}


class Aggregates(Server):
    def api(self, method, path, body=None, key=None, **headers):
        authorization = {"Authorization": "Klaviyo-API-Key " + (key or self.key), "revision": "2026-07-15", "Content-Type": "application/vnd.api+json"}
        status, told, text = self.request(method, path, None if body is None else json.dumps(body).encode(), None, **{**authorization, **headers})
        return status, told, json.loads(text) if text else None

    def send(self, events):
        for one in events:
            status, _, answer = self.api("POST", "/api/events/", one)
            self.assertEqual(status, 202, answer)
        self.wait_until_counted()

    def metric_id(self, name="Opened Email", key=None):
        metrics = self.api("GET", "/api/metrics", None, key)[2]["data"]
        return {m["attributes"]["name"]: m["id"] for m in metrics}.get(name)

    def ask(self, path="/api/metric-aggregates", key=None, status=200, **attributes):
        asked = {"metric_id": self.metric_id(key=key), "measurements": ["count"], "filter": MARCH, **attributes}
        got, told, answer = self.api("POST", path, {"data": {"type": "metric-aggregate", "attributes": {k: v for k, v in asked.items() if v is not None}}}, key)
        self.assertEqual(got, status, answer)
        return answer, told

    def rows(self, **asked):
        answer, _ = self.ask(**asked)
        return {tuple(r["dimensions"]): r["measurements"] for r in answer["data"]["attributes"]["data"]}

    def refusal(self, status=400, **asked):
        answer, _ = self.ask(status=status, **asked)
        (error,) = answer["errors"]
        self.assertEqual({"id", "code", "title", "detail", "source"} - set(error), set())
        return error["detail"]

    def test_shape_and_numbers(self):
        self.send([event(0, value=10.5), event(1, message="M2", value=3), event(2, time="2026-03-07T23:30:00-05:00"), event(3, message=None)])
        answer, told = self.ask(measurements=["count", "sum_value", "unique"], by=["$message"], interval="day",
                                filter=["greater-or-equal(datetime,2026-03-05T00:00:00)", "less-than(datetime,2026-03-09T00:00:00)"])
        self.assertTrue(told["Content-Type"].startswith("application/vnd.api+json"))
        self.assertNotIn("Quipu-Widened", told)
        data = answer["data"]
        self.assertEqual((data["type"], isinstance(data["id"], str), isinstance(data["links"]["self"], str)), ("metric-aggregate", True, True))
        self.assertEqual((answer["links"]["next"], answer["links"]["prev"]), (None, None))
        self.assertEqual(data["attributes"]["dates"], ["2026-03-0%dT00:00:00+00:00" % d for d in (5, 6, 7, 8)])
        rows = {tuple(r["dimensions"]): r["measurements"] for r in data["attributes"]["data"]}
        self.assertEqual(rows, {("M1",): {"count": [1.0, 0.0, 0.0, 1.0], "sum_value": [10.5, 0.0, 0.0, 0.0], "unique": [1.0, 0.0, 0.0, 1.0]},
                                ("M2",): {"count": [1.0, 0.0, 0.0, 0.0], "sum_value": [3.0, 0.0, 0.0, 0.0], "unique": [1.0, 0.0, 0.0, 0.0]},
                                ("",): {"count": [1.0, 0.0, 0.0, 0.0], "sum_value": [0.0, 0.0, 0.0, 0.0], "unique": [1.0, 0.0, 0.0, 0.0]}})
        self.assertTrue(all(isinstance(n, float) for r in rows.values() for m in r.values() for n in m))
        self.assertEqual(self.rows(by=None, interval="month"), {(): {"count": [4.0]}})
        self.assertEqual(self.rows(by=[], measurements=["sum_value"], interval="month"), {(): {"sum_value": [13.5]}})

    def test_zones_and_ranges_that_cut_a_bucket(self):
        self.send([event(0, time="2026-03-01T04:59:59Z"), event(1, time="2026-03-01T05:00:00Z"), event(2, time="2026-03-08T12:00:00Z")])
        day = {"filter": ["greater-or-equal(datetime,2026-03-01T00:00:00)", "less-than(datetime,2026-03-02T00:00:00)"]}
        for zone in ("America/New_York", "US/Eastern"):
            answer, told = self.ask(timezone=zone, **day)
            self.assertEqual((answer["data"]["attributes"]["dates"], answer["data"]["attributes"]["data"][0]["measurements"]), (["2026-03-01T05:00:00+00:00"], {"count": [1.0]}))
            self.assertNotIn("Quipu-Widened", told)
        self.assertEqual(self.rows(**day), {(): {"count": [2.0]}})
        answer, told = self.ask(interval="month", filter="greater-or-equal(datetime,2026-03-08),less-than(datetime,2026-03-09T12:00:00Z)")
        self.assertEqual(answer["data"]["attributes"]["dates"], ["2026-03-01T00:00:00+00:00"])
        self.assertEqual(answer["data"]["attributes"]["data"][0]["measurements"], {"count": [3.0]})
        self.assertEqual(told["Quipu-Widened"], "2026-03-01T00:00:00+00:00/2026-04-01T00:00:00+00:00")
        for bounds in (["greater-or-equal(datetime,2026-03-08 12:00:00+00:00)", "less-than(datetime,2026-03-08T12:00:00.500Z)"],
                       ["and(greater-or-equal(datetime,'2026-03-08T12:00:00'),less-than(datetime,\"2026-03-08T13:00:00\"))"]):
            self.assertEqual(self.rows(interval="hour", filter=bounds), {(): {"count": [1.0]}}, bounds)
        self.assertIn("America/New_York", self.refusal(timezone="Asia/Tokyo"))
        self.assertIn("Asia/Tokyo", self.refusal(timezone="Asia/Tokyo"))
        for zone in ("Factory", "../etc/passwd", "/etc/passwd", ""):
            self.refusal(timezone=zone)

    def test_filters(self):
        self.send([event(n, message="M%d" % (n % 3) if n % 4 else None, flow="F" if n % 2 else None) for n in range(24)])
        all_of = self.rows(by=["$message"], interval="month")
        sizes = {k[0]: v["count"][0] for k, v in all_of.items()}
        self.assertEqual(sum(sizes.values()), 24)
        for filter, right in (('equals($message,"M1")', sizes["M1"]), ("equals($message,'M1')", sizes["M1"]), ("equals($message,M1)", sizes["M1"]),
                              ('equals($message,"")', sizes[""]), ('not(equals($message,""))', 24 - sizes[""]), ('not(equals($message,"M1"))', 24 - sizes["M1"]),
                              ('any($message,["M1","M2"])', sizes["M1"] + sizes["M2"]), ("any($message,['M0'])", sizes["M0"]), ("has($message)", 24 - sizes[""]),
                              ('equals($message,"none such")', 0.0)):
            self.assertEqual(self.rows(filter=MARCH + [filter], interval="month"), {(): {"count": [right]}}, filter)
        self.assertEqual(self.rows(filter=MARCH + ['not(equals($message,""))'], by=["$message"], interval="month"), {k: v for k, v in all_of.items() if k != ("",)})
        for filter, said in (("contains($message,\"M\")", "contains"), ("equals(Color,\"red\")", "Color"), ("or(equals($flow,a),equals($flow,b))", "or()"), ("equals($message", "there should be"),
                             ("less-than(datetime,2026-03-01)", "two such bounds"), ("equals(datetime,2026-03-01)", "datetime"), ('equals($message,"M1"),equals($flow,"F")', "flow")):
            self.assertIn(said, self.refusal(filter=MARCH + [filter]), filter)

    def test_sort_and_pages(self):
        self.send([event(n, message="M%02d" % (n * n % 17)) for n in range(60)])
        every = self.ask(by=["$message"], interval="month", sort="-count")[0]["data"]["attributes"]["data"]
        counts = [r["measurements"]["count"][0] for r in every]
        self.assertEqual(counts, sorted(counts, reverse=True))
        rising = [r["measurements"]["count"][0] for r in self.ask(by=["$message"], interval="month", sort="count")[0]["data"]["attributes"]["data"]]
        self.assertEqual(rising, sorted(counts))
        names = [r["dimensions"][0] for r in self.ask(by=["$message"], interval="month", sort="$message")[0]["data"]["attributes"]["data"]]
        self.assertEqual(names, sorted(names))
        self.assertEqual([r["dimensions"][0] for r in self.ask(by=["$message"], interval="month", sort="-$message")[0]["data"]["attributes"]["data"]], names[::-1])
        for way in ("body", "address"):
            rows, cursor, path = [], None, "/api/metric-aggregates/"
            while True:
                answer = self.ask(path=path, by=["$message"], interval="month", sort="-count", page_size=4, page_cursor=cursor)[0]
                rows += answer["data"]["attributes"]["data"]
                following = answer["links"]["next"]
                if not following:
                    break
                if len(rows) == 8:
                    self.send([event(1000 + n + len(way) * 100, message="NEW%d" % n) for n in range(5)])
                if way == "body":
                    cursor = following.partition("page_cursor=")[2]
                else:
                    path = following
            self.assertEqual(rows, every)
            every = self.ask(by=["$message"], interval="month", sort="-count")[0]["data"]["attributes"]["data"]
        self.assertIn("not kept", self.refusal(status=410, page_cursor="gone.4"))
        self.assertIn("page_size", self.refusal(page_size=0))

    def test_sort_by_any_name_of_by(self):
        self.stop()
        plan = (self.here / "plan.yaml").read_text()
        (self.here / "plan.yaml").write_text(plan.replace("flow, currency]", "flow, currency, [message, flow]]"))
        self.start()
        self.send([event(n, message=m, flow=f) for n, (m, f) in enumerate((("B", "2"), ("A", "10"), ("C", "x"), ("A", "2")))])
        for sort, right in (("$flow", ["A2", "B2", "A10", "Cx"]), ("-$flow", ["Cx", "A10", "A2", "B2"]), ("-$message", ["Cx", "B2", "A2", "A10"])):
            rows = self.ask(by=["$message", "$flow"], interval="month", sort=sort)[0]["data"]["attributes"]["data"]
            self.assertEqual(["".join(r["dimensions"]) for r in rows], right, sort)

    def test_the_plan_says_what_names_mean(self):
        self.stop()
        plan = (self.here / "plan.yaml").read_text()
        plan = plan.replace("properties:\n", "properties:\n  $attributed_message: /event/properties/$message\n", 1).replace("flow, currency]", "flow, currency, $attributed_message]")
        (self.here / "plan.yaml").write_text(plan)
        self.start()
        self.send([event(n, message="M%d" % (n % 2)) for n in range(6)])
        self.assertEqual(self.rows(by=["$attributed_message"], interval="month"), {("M0",): {"count": [3.0]}, ("M1",): {"count": [3.0]}})
        self.assertEqual(self.rows(by=["$message"], interval="month"), {("M0",): {"count": [3.0]}, ("M1",): {"count": [3.0]}})
        self.assertEqual(self.rows(by=["$value_currency"], interval="month"), {("",): {"count": [6.0]}})
        said = self.refusal(by=["Subject"])
        self.assertIn('properties: {"Subject": "/event/properties/Subject"}', said)

    def test_errors_and_rights(self):
        self.send([event(0)])
        for asked, said in (({"measurements": []}, "measurements"), ({"measurements": ["mean"]}, "mean"), ({"interval": "year"}, "interval"), ({"filter": None}, "datetime"),
                            ({"filter": [MARCH[0]]}, "less-than"), ({"filter": ["greater-or-equal(datetime,2026-04-01)", "less-than(datetime,2026-03-01)"]}, "empty"),
                            ({"filter": ["greater-or-equal(datetime,soon)", MARCH[1]]}, "soon"), ({"by": [1]}, "by"), ({"sort": "colour"}, "colour"), ({"metric_id": None}, "metric_id"),
                            ({"by": "$message", "sort": "$flow"}, "sort")):
            self.assertIn(said, self.refusal(**asked), asked)
        self.refusal(status=404, metric_id="0rG4eQ")
        other = self.add_key("--tenant", "rival", "--read")
        self.stop()
        self.start()
        self.assertEqual(self.api("POST", "/api/metric-aggregates", {"data": {"type": "metric-aggregate", "attributes": {
            "metric_id": self.metric_id(), "measurements": ["count"], "filter": MARCH}}}, other)[0], 404, "another tenant's metric")
        writer = self.add_key("--tenant", "acme", "--write")
        self.stop()
        self.start()
        self.assertEqual(self.api("POST", "/api/metric-aggregates", {}, writer)[0], 403)
        self.assertEqual(self.api("POST", "/api/metric-aggregates", {}, "qk_none")[0], 401)
        self.assertEqual(self.api("GET", "/api/metric-aggregates")[0], 405)
        for body in (b"", b"{", b"[]", b'{"data":1}', b"\xff"):
            status, _, text = self.request("POST", "/api/metric-aggregates", body, None, Authorization="Klaviyo-API-Key " + self.key)
            self.assertEqual((status, len(json.loads(text)["errors"])), (400, 1), body)


if __name__ == "__main__":
    serve_case.main()
