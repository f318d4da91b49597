#!/usr/bin/env python3
"""At the doors of vendors: requests with an Idempotency-Key that come again, and requests that wait
until they are counted.

usage: vendor_repeats_test.py --quipu PROGRAM
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import serve_case
from vendor_case import SHOP, SHOP_SECRET, Server, basic, signed

TIME = "2026-03-29T04:30:00Z"


def klaviyo_event(who="ann@x.test", time=TIME):
    """Without an id: its time is one."""
    return {"data": {"type": "event", "attributes": {
        "properties": {}, "time": time, "metric": {"data": {"type": "metric", "attributes": {"name": "M"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": who}}}}}}


class Klaviyo(Server):
    def post(self, body, path="/api/events", **headers):
        status, answered, text = self.ask("POST", path, body, {
            "Authorization": "Klaviyo-API-Key " + self.key, **{n.replace("_", "-"): v for n, v in headers.items()}})
        return status, answered.get("Quipu-Counted"), text

    def test_a_request_that_comes_again_is_answered_and_not_taken(self):
        for _ in range(3):
            self.assertEqual(self.post(klaviyo_event(), Idempotency_Key="a"), (202, None, b""))
        self.assertEqual(self.post(klaviyo_event(), "/api/events?wait=counted", Idempotency_Key="a"), (202, "true", b""))
        self.assertEqual(self.total("M")[0], 1)
        self.assertEqual(len(self.told()), 1)
        status, _, text = self.post(klaviyo_event("bob@x.test"), Idempotency_Key="a")
        self.assertEqual((status, json.loads(text)["errors"][0]["status"]), (422, 422))
        later = klaviyo_event(time="2026-03-29T04:30:01Z")
        self.assertEqual(self.post(later, "/api/events/?wait=counted", Idempotency_Key="b")[:2], (202, "true"))
        self.assertEqual(self.total("M")[0], 2)
        for bad in ("", "x" * 256):
            self.assertEqual(self.post(klaviyo_event(), Idempotency_Key=bad)[0], 400)

    def test_it_is_known_after_a_kill(self):
        self.assertEqual(self.post(klaviyo_event(), Idempotency_Key="a")[0], 202)
        self.kill()
        self.start()
        self.assertEqual(self.post(klaviyo_event(), Idempotency_Key="a")[0], 202)
        self.assertEqual(self.post(klaviyo_event("bob@x.test"), Idempotency_Key="a")[0], 422)
        self.wait_until_counted()
        self.assertEqual(self.total("M")[0], 1)
        self.assertEqual(len(self.told()), 1)

    def test_what_is_refused_is_not_remembered(self):
        self.assertEqual(self.post({"data": {}}, Idempotency_Key="a")[0], 400)
        self.assertEqual(self.post(klaviyo_event(), Idempotency_Key="a")[0], 202)

    def test_other_parameters_are_refused(self):
        for query in ("wait", "wait=durable", "wait=counted&", "&wait=counted", "wait=counted&wait=counted", "xwait=counted",
                      "wait=counted&key=" + self.key):
            self.assertEqual(self.post(klaviyo_event(), "/api/events?" + query)[0], 400, query)
        status, _, _ = self.ask("GET", "/api/metrics?wait=counted", None, {"Authorization": "Klaviyo-API-Key " + self.key})
        self.assertEqual(status, 400)
        self.wait_until_counted()
        self.assertIn("nothing has been counted", self.quipu("query", "M", "--tenant", "acme", "--in", "2026-03", status=1))


class Segment(Server):
    vendor = "segment"

    def test_keys_and_waiting(self):
        message = {"type": "track", "event": "M", "userId": "u1", "timestamp": TIME, "messageId": "m1"}
        for number in range(2):
            status, answered, text = self.ask("POST", "/v1/track?wait=counted", {**message, "messageId": "m%d" % number}, {
                "Authorization": basic(self.key), "Idempotency-Key": "k%d" % number})
            self.assertEqual((status, answered["Quipu-Counted"], json.loads(text)), (200, "true", {"success": True}))
            self.assertEqual(self.total("M")[0], number + 1)
        # Its key is remembered, so another body under it is none of it, whatever its messageId.
        self.assertEqual(self.ask("POST", "/v1/track", {**message, "messageId": "m9"}, {"Authorization": basic(self.key), "Idempotency-Key": "k1"})[0], 422)


class Webhooks(Server):
    vendor = "magento"

    def order(self, query):
        body = {"eventName": "sales_order_place_after", "data": {"order": {
            "increment_id": "7", "customer_email": "ann@x.test", "created_at": "2026-03-29 04:30:00", "base_grand_total": 5}}}
        status, answered, _ = self.ask("POST", "/webhooks/magento?" + query, body)
        return status, answered.get("Quipu-Counted")

    def test_a_key_in_the_address_and_waiting_go_together(self):
        self.assertEqual(self.order("key=" + self.key), (200, None))
        self.assertEqual(self.order("key=" + self.key + "&wait=counted"), (200, "true"))
        self.assertEqual(self.order("wait=counted&key=" + self.key), (200, "true"))
        self.assertEqual(self.order("wait=counted")[0], 401)
        self.assertEqual(self.order("key=" + self.key + "&wait=durable")[0], 400)


class Shops(Server):
    vendor = "shopify"

    def test_a_webhook_may_wait(self):
        self.add_shop("--shopify", SHOP, "--tenant", "acme")
        self.wait_for(lambda: self.order()[0] == 200, "the secret is known")
        self.assertEqual(self.order("?wait=counted"), (200, "true"))

    def order(self, query=""):
        body = json.dumps({"id": 1, "email": "ann@x.test", "created_at": TIME, "total_price": "5.00", "currency": "EUR"}).encode()
        status, answered, _ = self.ask("POST", "/webhooks/shopify" + query, body, {
            "X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": signed(body, SHOP_SECRET), "X-Shopify-Shop-Domain": SHOP,
            "X-Shopify-Webhook-Id": "w-1"})
        return status, answered.get("Quipu-Counted")


if __name__ == "__main__":
    serve_case.main()
