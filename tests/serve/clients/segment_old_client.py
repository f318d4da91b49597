"""analytics-python, which Segment no longer tends: segment_old_client.py HOST KEY"""
import datetime
import sys

from analytics.client import Client

host, key = sys.argv[1:]
errors = []
client = Client(key, host=host, on_error=lambda error, items: errors.append(error))
for number in range(20):
    client.track("u%d" % (number % 4), "Order Completed", {"revenue": 2.5}, message_id="old-%d" % number,
                 timestamp=datetime.datetime(2026, 3, 29, 4, 30, number, tzinfo=datetime.timezone.utc))
client.identify("u1", {"email": "ann@example.test"})
client.page("u1", "shop", "home", {"path": "/shop"})
client.flush()
client.join()
sys.exit("; ".join(map(str, errors)) or None)
