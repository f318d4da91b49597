"""klaviyo-api for Python as an application uses it: klaviyo_client.py BASE_URL KEY

What the client itself gives up on, the application sends again. Prints the names of the metrics.
"""
import datetime
import json
import sys

from klaviyo_api import KlaviyoAPI

TRIES = 5


def until_taken(call):
    for left in reversed(range(TRIES)):
        try:
            return call()
        except Exception as e:
            print("again after %s" % type(e).__name__, file=sys.stderr)
            if not left:
                raise


def metric(name):
    return {"data": {"type": "metric", "attributes": {"name": name}}}


def profile(email):
    return {"data": {"type": "profile", "attributes": {"email": email, "properties": {"plan": "gold"}}}}


def main():
    base, key = sys.argv[1:]
    client = KlaviyoAPI(key, max_delay=5, max_retries=3, test_host=base)
    for number, value in enumerate((9.99, 10, 0.1)):
        until_taken(lambda: client.Events.create_event({"data": {"type": "event", "attributes": {
            "metric": metric("Placed Order"), "profile": profile("p%d@example.test" % (number % 2)),
            "properties": {"Items": ["A", "B"], "nested": {"a": 1}, "nul": None},
            "time": datetime.datetime(2026, 3, 29, 4, 30, 0, 123456, tzinfo=datetime.timezone.utc),
            "value": value, "value_currency": "USD", "unique_id": "order-%d" % number}}}))
    # Without an id: by the second.
    for time in ("2026-03-29T04:30:00", "2026-03-29T04:30:00.5", "2026-03-29T04:30:01"):
        until_taken(lambda: client.Events.create_event({"data": {"type": "event", "attributes": {
            "metric": metric("Viewed Product"), "profile": profile("ann@example.test"), "properties": {},
            "time": time}}}))
    until_taken(lambda: client.Events.bulk_create_events({"data": {"type": "event-bulk-create-job", "attributes": {
        "events-bulk-create": {"data": [{"type": "event-bulk-create", "attributes": {
            "profile": profile(who), "events": {"data": [{"type": "event", "attributes": {
                "metric": metric("Ordered Product"), "properties": {"sku": str(n)}, "time": "2026-03-29T04:30:00Z",
                "value": 1.5, "unique_id": "%s-%d" % (who, n)}} for n in range(10)]}}}
            for who in ("ann@example.test", "bob@example.test")]}}}}))
    answer = until_taken(lambda: client.Metrics.get_metrics())
    answer = answer if isinstance(answer, dict) else answer.to_dict()
    print(json.dumps(sorted(m["attributes"]["name"] for m in answer["data"])))


main()
