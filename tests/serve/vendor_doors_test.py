#!/usr/bin/env python3
"""The doors of vendors, by requests as their clients send them: what each answers, what is counted, and
what is refused with its reason. Requests recorded from real clients are played, too, where they are
at hand (../shared/payloads/captures beside the project's folder); requests/ has some of our own.

usage: vendor_doors_test.py --quipu PROGRAM
"""
import argparse
import concurrent.futures
import gzip
import json
import os
import sys
import time
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import serve_case
from vendor_case import SHOP, SHOP_SECRET, SOURCE, Server, basic, signed

SHARED = SOURCE.parent / "shared"
if not SHARED.is_dir():
    SHARED = Path(os.environ.get("QUIPU_SHARED", SHARED))
REQUESTS = Path(__file__).with_name("requests")
EXAMPLES = SOURCE / "examples"
TIME = "2026-03-29T04:30:00Z"


def metric(name):
    return {"data": {"type": "metric", "attributes": {"name": name}}}


def profile(**attributes):
    return {"data": {"type": "profile", "attributes": attributes}}


def event(name="M", who="ann@x.test", **more):
    attributes = {"properties": {}, "time": TIME, "metric": metric(name), "profile": profile(email=who)}
    attributes.update(more)
    return {k: v for k, v in attributes.items() if v is not ...}


def bulk(*profiles):
    """A bulk request of (profile, [events])."""
    return {"data": {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": [
        {"type": "event-bulk-create", "attributes": {
            "backfill": False, "profile": who,
            "events": {"data": [{"type": "event", "attributes": {k: v for k, v in e.items() if k != "profile"}}
                                for e in events]}}} for who, events in profiles]}}}}


class Klaviyo(Server):
    def bulk(self, *profiles, path="/api/event-bulk-create-jobs"):
        status, _, body = self.ask("POST", path, bulk(*profiles), {"Authorization": "Klaviyo-API-Key " + self.key})
        return status, json.loads(body) if body else None

    def refused(self, attributes, pointer, reason=None):
        status, answer = self.klaviyo(attributes)
        self.assertEqual(status, 400, (attributes, answer))
        error = answer["errors"][0]
        self.assertEqual((error["source"].get("pointer"), error["meta"].get("reason")), (pointer, reason), answer)
        for name in ("id", "code", "title", "detail"):
            self.assertTrue(error[name], name)

    def test_takes_events_at_both_paths_with_and_without_a_slash_and_answers_202_with_no_body(self):
        for path in ("/api/events", "/api/events/"):
            self.assertEqual(self.klaviyo(event(unique_id=path, value=2.5), path=path), (202, None))
        for path in ("/api/event-bulk-create-jobs", "/api/event-bulk-create-jobs/"):
            answer = self.bulk((profile(email="bob@x.test"), [event(unique_id=path, value=1)]), path=path)
            self.assertEqual(answer, (202, None))
        self.wait_until_counted()
        self.assertEqual(self.total("M"), (4, 2, "7"))

    def test_an_id_counts_once_for_a_profile_and_metric(self):
        for attributes in (event(unique_id="k1"), event(unique_id="k1"), event(unique_id="k1", who="bob@x.test"),
                           event("N", unique_id="k1"), event(unique_id="k2", properties={"$event_id": "k1"}),
                           event(unique_id="k1", who=" Ann@X.test ")):
            self.assertEqual(self.klaviyo(attributes)[0], 202)
        self.wait_until_counted()
        self.assertEqual(self.total("M")[:2], (3, 2))
        self.assertEqual(self.total("N")[:2], (1, 1))

    def test_without_an_id_the_time_to_the_second_is_the_id(self):
        for time_, who, name in (("10:00:00.100Z", "a", "M"), ("10:00:00.900Z", "a", "M"), ("10:00:01Z", "a", "M"),
                                 ("10:00:00.1Z", "b", "M"), ("10:00:00.1Z", "a", "N")):
            answer = self.klaviyo(event(name, who + "@x.test", time="2026-03-01T" + time_, unique_id=None))
            self.assertEqual(answer[0], 202)
        self.wait_until_counted()
        self.assertEqual((self.total("M")[:2], self.total("N")[:2]), ((3, 2), (1, 1)))

    def test_times_are_read_in_every_documented_form_and_cut_to_the_second(self):
        forms = {"2026-03-29T04:30:00.999999+00:00": "2026-03-29T04:30:00+00:00",
                 "2026-03-29T00:30:00-04:00": "2026-03-29T04:30:00+00:00",
                 "2026-03-29 04:30:00+00:00": "2026-03-29T04:30:00+00:00",
                 "2026-03-29T10:00:00+05:30": "2026-03-29T04:30:00+00:00",
                 "2026-03-29T04:30:00": "2026-03-29T04:30:00+00:00",
                 "2026-03-29T04:30": "2026-03-29T04:30:00+00:00",
                 "2026-03-29T04": "2026-03-29T04:00:00+00:00",
                 "2026-03-29": "2026-03-29T00:00:00+00:00",
                 "1990-01-01T00:00:00Z": "1990-01-01T00:00:00+00:00"}
        for form in forms:
            self.assertEqual(self.klaviyo(event(unique_id=form, time=form)), (202, None), form)
        before = datetime.now(timezone.utc).replace(microsecond=0)
        for absent in (None, ...):
            self.assertEqual(self.klaviyo(event("Now", time=absent)), (202, None))
        told = self.told()
        self.assertEqual({line["event"]["id"]: line["event"]["time"] for line in told[:len(forms)]}, forms)
        for line in told[len(forms):]:
            taken = datetime.fromisoformat(line["event"]["time"])
            self.assertTrue(before <= taken <= before + timedelta(seconds=30), (before, taken))

    def test_refuses_what_klaviyo_refuses_with_a_pointer(self):
        at = "/data/attributes"
        ahead = datetime.now(timezone.utc) + timedelta(days=400)
        for time_, reason in (("soon", "time_bad"), (1774758600, "time_bad"), ("1774758600", "time_bad"),
                              ("1989-12-31T23:59:59Z", "time_out_of_range"), (ahead.isoformat(), "time_out_of_range")):
            self.refused(event(time=time_), at + "/time", reason)
        self.refused(event(value="9.99"), at + "/value", "value_not_a_number")
        self.refused(event(value=1e300), at + "/value", "value_too_large")
        self.refused(event(metric=metric("")), at + "/metric/data/attributes/name", "metric_missing")
        self.refused(event(metric=metric("x" * 128)), at + "/metric/data/attributes/name")
        self.refused(event(metric=...), at + "/metric")
        self.refused(event(properties=...), at + "/properties")
        self.refused(event(properties=[1]), at + "/properties")
        self.refused(event(properties={"p%d" % i: i for i in range(401)}), at + "/properties")
        self.refused(event(profile=...), at + "/profile")
        self.refused(event(profile=profile(email=None)), at + "/profile/data")
        self.refused(event(unique_id={"a": 1}), at + "/unique_id")
        self.refused(event(properties={"big": "x" * (1 << 20)}), at, "line_too_long")
        for body in (b"", b"{", b"[]", b'{"data":1}', b'{"data":{"attributes":{}},"data":{}}', b'{"data":{}}x'):
            status, _, answer = self.ask("POST", "/api/events", body,
                                         {"Authorization": "Klaviyo-API-Key " + self.key})
            self.assertEqual(status, 400, body)
            self.assertIn("errors", json.loads(answer))
        self.assertFalse(list((self.here / "plan.quipu" / "journal").iterdir()), "nothing was taken")

    def test_refuses_keys_and_methods_in_klaviyos_words(self):
        reader = self.add_key("--tenant", "acme", "--read")
        writer = self.add_key("--tenant", "acme", "--write")
        time.sleep(1.5)
        self.assertEqual(self.klaviyo(event(), key="nobody")[0], 401)
        status, answer = self.klaviyo(event(), key=reader)
        self.assertEqual((status, answer["errors"][0]["code"]), (403, "permission_denied"))
        for key, expected in ((reader, 200), (writer, 403)):
            self.assertEqual(self.ask("GET", "/api/metrics", None, {"Authorization": "Klaviyo-API-Key " + key})[0],
                             expected)
        self.assertEqual(self.ask("GET", "/api/events", None, {"Authorization": "Klaviyo-API-Key " + self.key})[0], 405)
        self.assertEqual(self.ask("POST", "/api/events?x=1", b"{}", {"Authorization": "Klaviyo-API-Key " + self.key})[0], 400)

    def test_a_bulk_request_is_taken_whole_or_refused_whole(self):
        ann, bob = profile(email="ann@x.test"), profile(email="bob@x.test")
        where = "/data/attributes/events-bulk-create/data/%d/attributes/events/data/%d/attributes"
        many = [event(unique_id="u%d" % i) for i in range(1001)]
        for profiles, pointer in (
                ([(ann, [event(unique_id="u1"), event("N", unique_id="u1"), event(unique_id="u1")])],
                 where % (0, 2) + "/unique_id"),
                ([(ann, [event(unique_id="u1")]), (profile(email="ANN@x.test"), [event(unique_id="u1")])],
                 where % (1, 0) + "/unique_id"),
                ([(ann, [event(unique_id="g1")]), (bob, [event(unique_id="g2", time="not a time")])],
                 where % (1, 0) + "/time"),
                ([(ann, [event(unique_id="g1")]), (profile(), [event()])],
                 "/data/attributes/events-bulk-create/data/1/attributes/profile/data")):
            for _ in range(2):
                status, answer = self.bulk(*profiles)
                self.assertEqual((status, answer["errors"][0]["source"]["pointer"]), (400, pointer))
        self.assertEqual(self.bulk((ann, many))[0], 400)
        self.assertEqual(self.bulk((ann, many[:1000])), (202, None))
        self.assertEqual(self.bulk((ann, many[990:]), (bob, many[:5])), (202, None), "partly repeated")
        self.wait_until_counted()
        self.assertEqual(self.total("M")[:2], (1006, 2))

    def test_sums_keep_every_digit_that_counting_keeps(self):
        for n, value in enumerate(("1.1", "2.2", "3.3", "4.4", "5.5", "10", "12345678901234567890")):
            body = json.dumps({"data": {"attributes": event(unique_id=str(n), value=0)}})
            body = body.replace('"value": 0', '"value": ' + value).encode()
            self.assertEqual(self.ask("POST", "/api/events", body, {"Authorization": "Klaviyo-API-Key " + self.key})[0],
                             202)
        self.wait_until_counted()
        self.assertEqual(self.total("M"), (7, 1, "12345678901234567916.50"))

    def test_a_key_beyond_its_rate_is_told_in_klaviyos_words_when_to_come_again(self):
        self.stop()
        self.start("--rate", "1")
        events = [event(unique_id=str(n)) for n in range(20)]
        self.assertEqual(self.bulk((profile(email="ann@x.test"), events)), (202, None), "it may overdraw once")
        headers = {"Authorization": "Klaviyo-API-Key " + self.key}
        status, told, body = self.ask("POST", "/api/events", {"data": {"attributes": event()}}, headers)
        self.assertEqual((status, json.loads(body)["errors"][0]["code"]), (429, "throttled"))
        self.assertGreater(int(told["Retry-After"]), 0)
        status, told, body = self.ask("POST", "/v1/t", message(), {"Authorization": basic(self.key)})
        self.assertEqual((status, json.loads(body)["success"]), (429, False))
        figures = self.ask("GET", "/metrics")[2].decode()
        self.assertIn('quipu_events_accepted_total{door="klaviyo"} 20', figures)
        self.assertIn('status="429"', figures)

    def test_metrics_are_the_tenants_own_with_ids_that_stay(self):
        other = self.add_key("--tenant", "other", "--read", "--write")
        time.sleep(1.5)
        bearer = lambda key: {"Authorization": "Klaviyo-API-Key " + key}
        self.assertEqual(json.loads(self.ask("GET", "/api/metrics", None, bearer(self.key))[2])["data"], [])
        self.klaviyo(event("Placed Order"))
        self.klaviyo(event("Opened"))
        self.klaviyo(event("Opened"), key=other)
        self.klaviyo(event("Secret"), key=other)
        self.wait_until_counted()
        metrics = lambda key, path: {m["attributes"]["name"]: m["id"] for m in json.loads(
            self.ask("GET", path, None, bearer(key))[2])["data"]}
        ours = metrics(self.key, "/api/metrics")
        self.assertEqual(set(ours), {"Placed Order", "Opened"})
        self.assertEqual(len(set(ours.values())), 2)
        theirs = metrics(other, "/api/metrics/")
        self.assertEqual(set(theirs), {"Opened", "Secret"})
        self.assertNotEqual(ours["Opened"], theirs["Opened"])
        self.stop()
        self.start()
        self.assertEqual(metrics(self.key, "/api/metrics/"), ours)

    def test_the_key_decides_the_tenant_whatever_the_body_says(self):
        other = self.add_key("--tenant", "other")
        every = self.add_key("--all")
        time.sleep(1.5)
        body = {"tenant": "acme", "data": {"tenant": "acme", "attributes": event(unique_id="1", tenant="acme")}}
        for key in (other, self.key):
            self.assertEqual(self.ask("POST", "/api/events", body, {"Authorization": "Klaviyo-API-Key " + key})[0], 202)
        headers = {"Authorization": "Klaviyo-API-Key " + every}
        self.assertEqual(self.ask("POST", "/api/events", body, headers)[0], 400)
        self.assertEqual(self.ask("POST", "/api/events", body, {**headers, "Quipu-Tenant": "third"})[0], 202)
        self.assertEqual(self.ask("POST", "/api/events", body, {
            "Authorization": "Klaviyo-API-Key " + other, "Quipu-Tenant": "acme"})[0], 403)
        self.wait_until_counted()
        for tenant in ("acme", "other", "third"):
            self.assertEqual(self.total("M", tenant=tenant)[0], 1, tenant)


class KlaviyoCases(Server):
    """Faults of other counting systems (../shared/cases), sent one by one, in bulk, again, and backwards."""

    def setUp(self):
        plan = (EXAMPLES / "klaviyo.yaml").read_text()
        self.plan = plan.replace("sum: [value]}", "sum: [value], lifetime: yes}")
        super().setUp()

    def send(self, lines, tenant):
        sent = {}
        for line in lines:
            attributes = event(line["metric"], line["profile"], time=line["time"], value=line.get("value"),
                               unique_id=line.get("unique_id"), properties=line["properties"])
            sent.setdefault(line["profile"], []).append(attributes)
            self.ask("POST", "/api/events", {"data": {"attributes": attributes}}, self.headers(tenant))
        for events in sent.values():
            self.ask("POST", "/api/event-bulk-create-jobs", bulk((events[0]["profile"], events)), self.headers(tenant))

    def headers(self, tenant):
        return {"Authorization": "Klaviyo-API-Key " + self.every, "Quipu-Tenant": tenant}

    def test_each_case_has_its_answer(self):
        path = SHARED / "cases" / "bugs-open.jsonl"
        if not path.is_file():
            self.skipTest("../shared/cases is not there")
        self.every = self.add_key("--all")
        time.sleep(1.5)
        asked = []
        for case in map(json.loads, path.read_text().splitlines()):
            asks = [a for a in case["asks"] if not {"by", "interval", "frm", "to"} & set(a)]
            if not asks or case["id"] == "O25":  # a key that is given twice: refused, by another test
                continue
            lines = [json.loads(line) for line in case["lines"]]
            if case["id"] == "O05":
                mended = [dict(line, time=lines[0]["time"]) for line in lines]
                lines = lines + mended
            for tenant in {line["tenant"] for line in lines}:
                of_tenant = [line for line in lines if line["tenant"] == tenant]
                self.send(of_tenant, case["id"] + tenant)
                self.send(of_tenant[::-1], case["id"] + tenant)
            asked += [(case["id"], a) for a in asks]
        self.wait_until_counted()
        self.assertGreaterEqual(len(asked), 8)
        for name, a in asked:
            group = self.answer(a["metric"], tenant=name + a["tenant"], when="lifetime")["groups"][0]
            right = a["right"]
            self.assertEqual(group["count"][0], right["count"], (name, group))
            if isinstance(right.get("unique"), int):
                self.assertEqual(group["unique"][0], right["unique"], name)
            if name == "O27":
                self.assertEqual(group["unique"][0], 1, "an address is one person in any case")
            if "sum" in right:
                self.assertEqual(float(group["sum"]["value"][0]), float(right["sum"]), name)


def message(kind="track", number=0, **more):
    sent = {"type": kind, "event": "Bought", "userId": "u1", "messageId": "m%d" % number, "timestamp": TIME,
            "properties": {"revenue": 2.5}}
    sent.update(more)
    return {k: v for k, v in sent.items() if v is not ...}


class Segment(Server):
    vendor = "segment"

    def test_takes_each_kind_at_its_own_path_and_in_short(self):
        kinds = ("track", "page", "screen", "identify", "group", "alias")
        for n, kind in enumerate(kinds):
            for m, path in enumerate(("/v1/" + kind, "/v1/" + kind[0], "/v1/%s/" % kind)):
                sent = message(kind, 10 * n + m, previousId="u0", groupId="g")
                self.assertEqual(self.segment(path, sent, Content_Type="text/plain"), (200, {"success": True}))
        self.wait_until_counted()
        for name in ("Bought", *kinds[1:]):
            self.assertEqual(self.total(name)[:2], (3, 1), name)
        self.assertEqual(self.total("Bought")[2], "7.50")

    def test_takes_batches_plain_gzip_and_of_the_browser(self):
        batch = lambda *numbers, **more: {"batch": [message(number=n) for n in numbers], "sentAt": TIME, **more}
        self.assertEqual(self.segment("/v1/batch", batch(1, 2)), (200, {"success": True}))
        self.assertEqual(self.segment("/v1/batch/", batch(2, 3), Content_Type="application/x-www-form-urlencoded"),
                         (200, {"success": True}))
        packed = gzip.compress(json.dumps(batch(4)).encode())
        self.assertEqual(self.segment("/v1/b", packed, Content_Encoding="gzip"), (200, {"success": True}))
        self.assertEqual(self.segment("/v1/batch", batch()), (200, {"success": True}))
        self.wait_until_counted()
        self.assertEqual(self.total("Bought"), (4, 1, "10"))

    def test_the_write_key_is_in_the_header_or_else_in_the_body(self):
        other = self.add_key("--tenant", "other")
        time.sleep(1.5)
        in_body = lambda key, n: self.ask("POST", "/v1/t", message(number=n, writeKey=key), {"Content-Type": "text/plain"})
        self.assertEqual(in_body(self.key, 1)[0], 200)
        self.assertEqual(in_body("nobody", 2)[0], 401)
        self.assertEqual(in_body(None, 2)[0], 401)
        self.assertEqual(self.segment("/v1/t", message(number=3, writeKey=self.key), key=other)[0], 200)
        self.assertEqual(self.segment("/v1/t", message(number=4, writeKey=self.key), key="nobody")[0], 401)
        self.assertEqual(self.ask("POST", "/v1/t", message(number=5), {"Authorization": "Bearer " + self.key})[0], 200)
        for wrong in ("Basic x", "Basic " + self.key, "basic", ""):
            self.assertEqual(self.ask("POST", "/v1/t", message(number=6), {"Authorization": wrong})[0], 401, wrong)
        self.wait_until_counted()
        self.assertEqual((self.total("Bought")[0], self.total("Bought", tenant="other")[0]), (2, 1))

    def test_a_browser_may_ask_and_send_from_any_page(self):
        status, headers, _ = self.ask("OPTIONS", "/v1/t", None, {
            "Origin": "https://shop.test", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type"})
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (200, "*"))
        self.assertIn("Authorization", headers["Access-Control-Allow-Headers"])
        for key in (self.key, "nobody"):
            headers = self.ask("POST", "/v1/t", message(), {"Authorization": basic(key)})[1]
            self.assertEqual(headers["Access-Control-Allow-Origin"], "*")
        self.assertNotIn("Access-Control-Allow-Origin", self.ask("POST", "/api/events", b"{}")[1])

    def test_the_person_is_the_user_or_else_the_anonymous_visitor(self):
        for n, who in enumerate(({"userId": "u1", "anonymousId": "a"}, {"userId": None, "anonymousId": "a"},
                                 {"userId": "u1"}, {"userId": "U1"}, {"userId": "", "anonymousId": "b"})):
            self.assertEqual(self.segment("/v1/track", message(number=n, **who))[0], 200)
        self.wait_until_counted()
        self.assertEqual(self.total("Bought")[:2], (5, 4))

    def test_a_message_that_comes_again_with_the_user_known_by_then_is_the_same(self):
        for number, who in ((1, {}), (1, {"userId": "u1"}), (2, {"userId": "u1"}), (2, {"userId": "u1"}), (3, {"userId": "u1"})):
            sent = {"userId": None, "anonymousId": "a", **who}
            self.assertEqual(self.segment("/v1/t", message(number=number, **sent))[0], 200)
        self.assertEqual(self.segment("/v1/t", message(number=1, anonymousId="b"))[0], 200, "another visitor's")
        self.wait_until_counted()
        self.assertEqual(self.total("Bought")[:2], (4, 2))

    def test_a_message_without_an_id_is_never_a_duplicate_and_without_a_time_is_of_now(self):
        for _ in range(3):
            self.assertEqual(self.segment("/v1/track", message(messageId=...))[0], 200)
        self.assertEqual(self.segment("/v1/track", message(number=9, timestamp=...))[0], 200)
        told = self.told()
        self.assertEqual(len({line["event"]["id"] for line in told}), 4)
        self.assertEqual(told[3]["event"]["time"][:17], told[3]["received"][:17])
        self.wait_until_counted()
        self.assertEqual(self.total("Bought")[0], 3)

    def test_the_value_is_revenue_or_total_or_value_if_it_is_a_number(self):
        for n, properties in enumerate(({"revenue": 5, "total": 7}, {"revenue": None, "total": "7.25"}, {"value": 1},
                                        {"revenue": "much"}, {"revenue": {}}, {}, None)):
            self.assertEqual(self.segment("/v1/track", message(number=n, properties=properties))[0], 200)
        self.wait_until_counted()
        self.assertEqual(self.total("Bought"), (7, 1, "13.25"))

    def test_refuses_whole_and_names_each_bad_message(self):
        batch = [message(number=1), message(number=2, userId=...), message(number=3, timestamp="soon"),
                 message("dance", 4), message(number=5, event=...), 6, message(number=7, properties={"revenue": 1e30})]
        status, answer = self.segment("/v1/batch", {"batch": batch})
        self.assertEqual((status, answer["success"], answer["accepted"]), (400, False, 0))
        self.assertEqual([(e["index"], e["field"], e["reason"]) for e in answer["events"]],
                         [(1, "/batch/1/userId", "profile_missing"), (3, "/batch/3/type", "invalid"),
                          (4, "/batch/4/event", "metric_missing"), (5, "/batch/5", "not_json")])
        for one, field, reason in ((2, "/batch/0/timestamp", "time_bad"),
                                   (6, "/batch/0/properties/revenue", "value_too_large")):
            status, answer = self.segment("/v1/batch", {"batch": [batch[one]]})
            self.assertEqual((status, answer["events"][0]["field"], answer["events"][0]["reason"]), (400, field, reason))
        for body in (b"", b"[]", b"{}", b'{"batch":{}}', b'{"batch":[{]}'):
            self.assertEqual(self.segment("/v1/batch", body)[0], 400, body)
        self.assertEqual(self.segment("/v1/batch", b"x", Content_Encoding="gzip")[0], 400)
        self.assertFalse(list((self.here / "plan.quipu" / "journal").iterdir()), "nothing was taken")


ORDER = {"id": 820982911946154508, "email": "Bob@Shop.test", "created_at": "2026-03-05T11:00:00-05:00",
         "updated_at": "2026-03-06T11:00:00-05:00", "total_price": "409.94", "currency": "USD",
         "customer": {"id": 207119551, "email": "bob@shop.test"}, "test": False, "note": "a \"quoted\" 9007199254740993",
         "line_items": [{"sku": "A", "price": "199.00"}, {"sku": "B", "price": "199.00"}]}


class Shopify(Server):
    vendor = "shopify"

    def setUp(self):
        super().setUp()
        self.assertEqual(self.add_shop("--tenant", "acme", "--shopify", SHOP), "s1")
        time.sleep(1.5)

    def test_secrets_that_are_added_at_once_are_all_there(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            added = list(pool.map(lambda _: self.add_shop("--tenant", "acme", "--shopify", SHOP), range(16)))
        self.assertEqual(sorted(added, key=lambda s: int(s[1:])), ["s%d" % n for n in range(2, 18)])

    def test_a_delivery_counts_once_by_its_event(self):
        for webhook, of_event in (("w-1", "e-1"), ("w-1", "e-1"), ("w-2", "e-1"), ("w-3", "e-2"), ("w-3", None), ("w-3", None)):
            answer = self.shopify(ORDER, Webhook_Id=webhook, Event_Id=of_event, Triggered_At=TIME)
            self.assertEqual(answer, (200, {}))
        self.assertEqual(self.shopify({}, topic="app/uninstalled", Triggered_At=TIME), (200, {}))
        self.wait_until_counted()
        self.assertEqual(self.total("orders/create"), (3, 1, "1229.82"))
        self.assertEqual(self.by("orders/create", "sku"), {"A": 3, "B": 3})
        self.assertEqual(self.by("orders/create", "shop"), {SHOP: 3})
        self.assertEqual(self.total("app/uninstalled")[:2], (1, 0))

    def test_headers_may_come_without_x(self):
        answer = self.shopify(ORDER, prefix="shopify-", topic="orders", Action="create", Event_Id="e-1", Triggered_At=TIME)
        self.assertEqual(answer, (200, {}))
        self.wait_until_counted()
        self.assertEqual(self.total("orders/create")[0], 1)

    def test_large_integers_are_kept_as_text_and_the_payload_whole(self):
        body = json.dumps({**ORDER, "small": 9007199254740992, "negative": -9007199254740993, "price": 1e30,
                           "deep": [{"n": 12345678901234567890}]}).encode()
        self.assertEqual(self.shopify(body)[0], 200)
        told = self.told()[0]["event"]["properties"]
        self.assertEqual(told, {**ORDER, "id": "820982911946154508", "small": 9007199254740992,
                                "negative": "-9007199254740993", "price": 1e30, "deep": [{"n": "12345678901234567890"}]})

    def test_the_time_is_when_it_was_triggered_or_else_that_of_the_payload(self):
        self.shopify(ORDER, Webhook_Id="1", Triggered_At="2026-03-29T04:30:00.123456789Z")
        self.shopify(ORDER, Webhook_Id="2")
        self.shopify({"created_at": "2026-03-05T11:00:00-05:00"}, Webhook_Id="3")
        self.shopify({}, Webhook_Id="4")
        times = [line["event"]["time"] for line in self.told()]
        self.assertEqual(times[:3], ["2026-03-29T04:30:00.123456789Z", ORDER["updated_at"], ORDER["created_at"]])
        self.assertEqual(times[3][:17], self.told()[3]["received"][:17])

    def test_only_a_shops_own_secret_lets_in_and_it_decides_the_tenant(self):
        self.assertEqual(self.add_shop("--tenant", "beta", "--shopify", "Beta.myshopify.com", secret="beta's"), "s2")
        self.assertEqual(self.add_shop("--all", "--shopify", "any", secret="the app's"), "s3")
        self.assertEqual((self.here / "plan.quipu" / "webhook_secrets").stat().st_mode & 0o777, 0o600)
        time.sleep(1.5)
        body = {**ORDER, "tenant": "acme", "shop": "x"}
        for secret, shop, status in (("wrong", SHOP, 401), (SHOP_SECRET, "beta.myshopify.com", 401),
                                     ("beta's", SHOP, 401), ("beta's", "BETA.myshopify.com", 200),
                                     (SHOP_SECRET, SHOP, 200), ("the app's", "gamma.myshopify.com", 200),
                                     (SHOP_SECRET, "", 401), ("the app's", "../acme", 401)):
            self.assertEqual(self.shopify(body, secret=secret, Shop_Domain=shop, Triggered_At=TIME)[0], status, (secret, shop))
        self.assertEqual(self.shopify(body, Hmac_Sha256=None)[0], 401)
        self.assertEqual(self.shopify(body, Hmac_Sha256=signed(b"other"))[0], 401)
        self.assertEqual(self.ask("POST", "/webhooks/shopify", b"{}", {"Authorization": "Bearer " + self.key})[0], 401)
        self.wait_until_counted()
        for tenant in ("acme", "beta", "gamma.myshopify.com"):
            self.assertEqual(self.total("orders/create", tenant=tenant)[0], 1, tenant)
        self.assertIn("s2  shopify beta.myshopify.com  tenant beta\n", self.quipu("key", "list", "--data", "plan.quipu"))
        self.quipu("key", "revoke", "s1", "--data", "plan.quipu")
        time.sleep(1.5)
        self.assertEqual(self.shopify(body)[0], 401)

    def test_refuses_what_cannot_be_counted(self):
        for body, headers, field, reason in (
                (b"[]", {}, "", "not_json"), (b"{\"a\":1}}", {}, "", "not_json"), (b"{\"a\":\"\n\"}", {}, "", "not_json"),
                (b"{}", {"Webhook_Id": None}, "X-Shopify-Webhook-Id", "invalid"),
                (b"{}", {"topic": None}, "X-Shopify-Topic", "metric_missing"),
                (b"{\"created_at\":\"soon\"}", {}, "/time", "time_bad"),
                (b"{\"total_price\":\"1e40\"}", {}, "/value", "value_too_large"),
                (b"{\"note\":\"\xff\"}", {}, "", "invalid_utf8")):
            topic = headers.pop("topic", "orders/create")
            status, answer = self.shopify(body, topic=topic, **headers)
            self.assertEqual((status, answer["events"][0]["field"], answer["events"][0]["reason"]), (400, field, reason), body)


MAGENTO_ORDER = {
    "entity_id": "42", "increment_id": "000000042", "store_id": 1, "status": "pending", "customer_email": "ann@x.test",
    "customer_id": None, "created_at": "2026-03-29 04:30:00", "updated_at": "2026-03-29 05:30:00",
    "base_currency_code": "USD", "order_currency_code": "EUR", "base_grand_total": 105.1, "grand_total": "96.6900",
    "items": [{"item_id": 1, "parent_item_id": None, "sku": "WS-1-M", "product_type": "configurable", "price": 46.045},
              {"item_id": 2, "parent_item_id": 1, "sku": "WS-1-M", "product_type": "simple", "price": 0},
              {"item_id": 3, "sku": "MUG", "product_type": "simple", "price": 5}]}


class Magento(Server):
    vendor = "magento"

    def post(self, body, query="", **headers):
        headers = headers or {"Authorization": "Bearer " + self.key}
        status, _, text = self.ask("POST", "/webhooks/magento" + query, body, headers)
        return status, json.loads(text)

    def test_answers_the_shop_that_waits_and_counts_rows_of_items_once(self):
        for _ in range(2):
            sent = {"subject": [], "eventName": "sales_order_place_after", "data": {"order": MAGENTO_ORDER}}
            self.assertEqual(self.post(sent), (200, {"op": "success"}))
        self.wait_until_counted()
        self.assertEqual(self.total("sales_order_place_after"), (1, 1, "105.10"))
        self.assertEqual(self.by("sales_order_place_after", "sku"), {"WS-1-M": 1, "MUG": 1})
        self.assertEqual(self.by("sales_order_place_after", "currency"), {"USD": 1})
        told = self.told()[0]["event"]
        self.assertEqual([item["item_id"] for item in told["properties"]["items"]], [1, 3])
        self.assertEqual([item["item_id"] for item in told["properties"]["child_items"]], [2])
        self.assertEqual(told["time"], MAGENTO_ORDER["created_at"], "UTC, as Magento writes it")

    def test_takes_adobes_events_and_bare_orders(self):
        adobe = {"event_id": "adobe-1", "type": "com.adobe.commerce.observer.sales_order_save_commit_after",
                 "recipient_client_id": "c", "data": {"value": MAGENTO_ORDER, "_metadata": {"edition": "x"}}}
        inner = {"event_id": "adobe-2", "recipient_client_id": "c",
                 "event": {"type": adobe["type"], "data": {"value": MAGENTO_ORDER}}}
        for body in (adobe, adobe, inner):
            self.assertEqual(self.post(body), (200, {"op": "success"}))
        bare = {k: v for k, v in MAGENTO_ORDER.items() if not k.startswith("base_")}
        for body in (bare, bare):
            self.assertEqual(self.post(body), (200, {"op": "success"}))
        self.wait_until_counted()
        for _ in range(2):
            self.post({k: v for k, v in adobe.items() if k != "event_id"},
                      **{"Authorization": "Bearer " + self.key, "x-adobe-event-id": "adobe-3"})
        self.wait_until_counted()
        self.assertEqual(self.total(adobe["type"]), (3, 1, "315.30"))
        self.assertEqual(self.total("order"), (1, 1, "96.69"))

    def test_each_saving_of_an_order_is_an_event(self):
        for updated in ("2026-03-29 05:00:00", "2026-03-29 05:00:00", "2026-03-29 06:00:00"):
            self.post({"eventName": "observer.sales_order_save_after",
                       "data": {"order": {**MAGENTO_ORDER, "updated_at": updated}}})
        self.post({"eventName": "observer.stock_save_after", "data": {"item": {"sku": "A"}}})
        self.post({"eventName": "observer.stock_save_after", "data": {"item": {"sku": "A"}}})
        self.wait_until_counted()
        self.assertEqual(self.total("observer.sales_order_save_after")[0], 2)
        self.assertEqual(len({line["event"]["id"] for line in self.told()[3:]}), 1, "a repeat is the same")

    def test_the_key_comes_in_a_header_or_in_the_address(self):
        body = {"eventName": "e", "data": {"order": MAGENTO_ORDER}}
        self.assertEqual(self.post(body, "?key=" + self.key, x="y")[0], 200)
        for query, headers in (("", {"x": "y"}), ("?key=nobody", {"x": "y"}), ("", {"Authorization": "Bearer nobody"})):
            self.assertEqual(self.post(body, query, **headers)[0], 401)
        self.assertEqual(self.post(body, "?other=1")[0], 400)
        self.assertEqual(self.post(body, "?key=%s&other=1" % self.key)[0], 400)

    def test_says_adobes_word_again_to_whoever_has_a_key(self):
        get = lambda query: self.ask("GET", "/webhooks/magento" + query)[::2]
        status, answer = get("?key=%s&challenge=8ec8d794-e0ab" % self.key)
        self.assertEqual((status, json.loads(answer)), (200, {"challenge": "8ec8d794-e0ab"}))
        self.assertEqual(get("?challenge=a&key=" + self.key)[0], 200)
        for query, status in (("?challenge=a", 401), ("?key=nobody&challenge=a", 401), ("?key=" + self.key, 405),
                              ("?key=%s&challenge=%%22" % self.key, 405)):
            self.assertEqual(get(query)[0], status, query)

    def test_refuses_what_is_no_event(self):
        for body in ({}, {"data": {"order": MAGENTO_ORDER}}, {"eventName": "e"}, {"eventName": "e", "data": [1]},
                     {"eventName": "e", "data": {"order": {"created_at": "soon"}}}):
            status, answer = self.post(body)
            self.assertEqual((status, answer["accepted"]), (400, 0), body)


def parsed(path):
    """Method, target, headers and body of a recorded request."""
    raw = path.read_bytes()
    end = b"\r\n\r\n" if b"\r\n\r\n" in raw else b"\n\n"
    head, _, body = raw.partition(end)
    first, *lines = head.decode().splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return (*first.split()[:2], {k: v for k, v in headers.items() if k.lower() not in ("host", "content-length")}, body)


class Recorded(Server):
    """Requests as clients sent them; only their keys are made ours."""

    def play(self, folder):
        self.add_shop("--tenant", "acme", "--shopify", SHOP)
        time.sleep(1.5)
        statuses = {}
        for path in sorted(folder.glob("*.http")):
            method, target, headers, body = parsed(path)
            for name in list(headers):
                if name.lower() == "authorization":
                    scheme = headers[name].split()[0]
                    headers[name] = basic(self.key) if scheme == "Basic" else scheme + " " + self.key
            if target == "/webhooks/magento":
                headers["Authorization"] = "Bearer " + self.key
            statuses[path.name] = (method, target, *self.ask(method, target, body or None, headers)[::2])
        self.wait_until_counted()
        return statuses

    def test_our_own_requests_have_their_answers(self):
        statuses = {name: answer[2] for name, answer in self.play(REQUESTS).items()}
        self.assertEqual(statuses, {"klaviyo-event.http": 202, "klaviyo-bulk.http": 202, "magento-order.http": 200,
                                    "segment-batch.http": 200, "segment-browser.http": 200, "shopify-order.http": 200})
        self.assertEqual(self.total("Placed Order"), (1, 1, "9.99"))
        self.assertEqual(self.total("Ordered Product"), (2, 1, "3.50"))
        self.assertEqual(self.total("Order Completed"), (1, 1, "25"))
        self.assertEqual(self.total("Product Added")[:2], (1, 1))
        self.assertEqual(self.total("orders/create"), (1, 1, "20"))
        self.assertEqual(self.total("sales_order_place_after"), (1, 1, "12.50"))

    def test_recorded_clients_have_the_recorded_answers(self):
        folder = SHARED / "payloads" / "captures"
        if not folder.is_dir():
            self.skipTest("../shared/payloads/captures is not there")
        statuses = self.play(folder)
        self.assertEqual(len(statuses), 34)
        for name, (method, target, status, body) in statuses.items():
            answer = json.loads(body) if body else None
            if target in ("/api/events", "/api/event-bulk-create-jobs"):
                self.assertEqual((status, answer), (202, None), name)
            elif target == "/api/metrics":
                self.assertEqual((status, sorted(answer)), (200, ["data", "links"]), name)
            elif target.startswith("/v1/"):
                self.assertEqual((status, answer), (200, {"success": True}), name)
            elif target == "/webhooks/shopify":
                self.assertEqual(status, 200, name)
            elif target == "/webhooks/magento":
                self.assertEqual((status, answer), (200, {"op": "success"}), name)
            else:  # questions for aggregates, and another vendor's door
                self.assertEqual(status, 404, name)
        # 01, 06 have one id; 03 and 07 share two ids; 21-23, 26-28 are one second of one person.
        self.assertEqual(self.total("Placed Order"), (2, 1, "19.99"))
        self.assertEqual(self.total("Ordered Product"), (2, 1, "3.50"))
        self.assertEqual(self.total("Ordered Product", when="2025-02"), (1, 1, "0.10"))
        self.assertEqual(self.total("M")[:2], (3, 1))
        self.assertEqual(self.total("Order Completed")[:2], (2, 1))  # 11 and 14 have one messageId; 19
        self.assertEqual(self.total("orders/create"), (3, 1, "1229.82"))  # 31 is 30 again
        self.assertEqual(self.total("sales_order_place_after"), (1, 1, "105.10"))


class Plans(Server):
    def test_the_plans_of_the_vendors_are_in_the_examples_and_read_events_alike(self):
        events = set()
        for vendor in ("http", "klaviyo", "segment", "shopify", "magento"):
            plan = self.quipu("init", "--for", vendor)
            self.assertEqual(plan, (EXAMPLES / (vendor + ".yaml")).read_text(), vendor)
            (self.here / "check.yaml").write_text(plan)
            self.assertIn("a good plan", self.quipu("check", "check.yaml"))
            if vendor == "http":   # its events stay as they came
                continue
            begin = plan.index("\nevent:")
            events.add(plan[begin:plan.index("\n\n", begin + 1)])
        self.assertEqual(len(events), 1, "one store can count them all")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    options, rest = parser.parse_known_args()
    serve_case.use(options.quipu)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
