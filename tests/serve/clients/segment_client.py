"""segment-analytics-python: segment_client.py HOST KEY"""
import datetime
import sys

from segment.analytics.client import Client

host, key = sys.argv[1:]
errors = []
for packed in (False, True):
    client = Client(key, host=host, gzip=packed, on_error=lambda error, items: errors.append(error), max_retries=10)
    prefix = "gzip" if packed else "plain"
    for number in range(20):
        client.track("u%d" % (number % 4), "Order Completed", {"revenue": 2.5, "products": [{"product_id": "p1"}]},
                     message_id="%s-%d" % (prefix, number),
                     timestamp=datetime.datetime(2026, 3, 29, 4, 30, number, tzinfo=datetime.timezone.utc))
    client.track(None, "Product Viewed", {"sku": "G-32"}, anonymous_id="anon-1")
    client.identify("u1", {"email": "ann@example.test"})
    client.page("u1", "shop", "home", {"path": "/shop"})
    client.screen("u1", "app", "start")
    client.group("u1", "g1", {"name": "Acme"})
    client.alias("u0", "u1")
    client.shutdown()
sys.exit("; ".join(map(str, errors)) or None)
