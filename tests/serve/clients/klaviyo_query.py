"""klaviyo-api for Python asks about what it sent before: klaviyo_query.py BASE_URL KEY

Prints typed answers as JSON: by day, and every row of a paged one.
"""
import json
import sys

from klaviyo_api import KlaviyoAPI


def main():
    base, key = sys.argv[1:]
    client = KlaviyoAPI(key, max_delay=5, max_retries=3, test_host=base)
    answer = client.Metrics.get_metrics()
    answer = answer if isinstance(answer, dict) else answer.to_dict()
    ids = {m["attributes"]["name"]: m["id"] for m in answer["data"]}

    def ask(name, **more):
        attributes = {"metric_id": ids[name], "filter": ["greater-or-equal(datetime,2026-03-29T00:00:00)", "less-than(datetime,2026-03-31T00:00:00)"], **more}
        return client.Metrics.query_metric_aggregates({"data": {"type": "metric-aggregate", "attributes": attributes}})

    typed = ask("Placed Order", measurements=["count", "sum_value", "unique"], interval="day", by=["$value_currency"])
    data = typed.data.attributes if not isinstance(typed, dict) else None
    days = {"dates": [d.isoformat() if hasattr(d, "isoformat") else d for d in data.dates],
            "rows": [[list(r.dimensions), dict(r.measurements)] for r in data.data]}
    pages, cursor = [], None
    while True:
        # The typed answer has no links to the next page: the raw one has.
        raw = client.Metrics.query_metric_aggregates_with_http_info if hasattr(client.Metrics, "query_metric_aggregates_with_http_info") else None
        asked = {"data": {"type": "metric-aggregate", "attributes": {
            "metric_id": ids["Ordered Product"], "measurements": ["count"], "interval": "month", "by": ["Method"], "page_size": 3, **({"page_cursor": cursor} if cursor else {}),
            "filter": ["greater-or-equal(datetime,2026-03-01T00:00:00)", "less-than(datetime,2026-04-01T00:00:00)"]}}}
        if raw is None:
            from openapi_client.api_arg_options import USE_DICTIONARY_FOR_RESPONSE_DATA
            page = client.Metrics.query_metric_aggregates(asked, options={USE_DICTIONARY_FOR_RESPONSE_DATA: True})
        else:
            page = json.loads(raw(asked).raw_data)
        pages += [[r["dimensions"], r["measurements"]] for r in page["data"]["attributes"]["data"]]
        following = page["links"]["next"]
        if not following:
            break
        cursor = following.partition("page_cursor=")[2]
    print(json.dumps({"days": days, "pages": pages}))


main()
