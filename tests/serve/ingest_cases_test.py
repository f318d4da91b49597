#!/usr/bin/env python3
"""Faults of other systems' doors, seen in public reports, that cannot happen here. Each is sent over HTTP as
the report has it, and asked for; what is right is written beside it.

usage: ingest_cases_test.py --quipu PROGRAM
"""
import itertools
import json

import serve_case
from serve_case import Serve

PLAN = """quipu: 1
event:
  tenant: /tenant
  metric: /event/metric
  profile: /event/profile
  id: /event/unique_id
  time: /event/time
  values: {sum: /event/value}
properties: {name: /event/properties/name}
count:
  - {metrics: "*", by: [[], name], sum: [sum]}
"""
COUNTED = "/v1/events?wait=counted"


def made(profile, id, time="2026-03-01T10:00:00Z", **properties):
    return {"metric": "M", "profile": profile, "unique_id": id, "time": time, "value": 42, "properties": properties}


class Cases(Serve):
    def setUp(self):
        super().setUp()
        (self.here / "plan.yaml").write_text(PLAN)
        self.start()

    def send(self, *events, status=200, key=None):
        answer = self.post(json.dumps(events), path=COUNTED, key=key)
        self.assertEqual(answer[0], status, answer)
        return answer[1]

    def ask(self, *more, tenant="acme"):
        """{value: (count, unique, sum)} of a question, buckets added up."""
        text = self.quipu("query", "M", "--json", "--from", "2022-01", "--to", "2027-01", "--interval", "month", "--tenant", tenant,
                          *more)
        return {group["by"].get("name", ""): (sum(group["count"]), max(group["unique"]), sum(map(float, group["sum"]["sum"])))
                for group in json.loads(text)["groups"]}

    def test_half_of_a_repeated_batch_is_new(self):
        """ClickHouse/ClickHouse#56642: the counter took neither, or took the whole batch again."""
        one, two = made("a@x", "r1", "2022-09-01T12:23:34Z"), made("a@x", "r2", "2023-09-01T12:23:34Z")
        self.send(one)
        for _ in range(4):
            self.send(one, two)
        self.assertEqual(self.ask(), {"": (2, 1, 84)})

    def test_batches_that_add_up_to_the_same_are_not_repeats(self):
        """Batches of different events that make the same rows: the second was thrown away."""
        self.send(made("a@x", "x1"), made("b@x", "x2", "2026-03-01T11:00:00Z"))
        self.send(made("a@x", "x3"), made("b@x", "x4", "2026-03-01T11:00:00Z"))
        self.assertEqual(self.ask(), {"": (4, 2, 168)})

    def test_a_batch_with_a_bad_event_leaves_nothing_and_can_be_mended(self):
        """Events before the bad one were in already, and counted again when the mended batch came."""
        events = [made("a@x", "g1"), made("b@x", "g2", "not a time"), made("c@x", "g3")]
        for order in itertools.permutations(events):
            answer = self.send(*order, status=400)
            self.assertEqual([(e["index"], e["reason"]) for e in answer["events"]], [(order.index(events[1]), "time_bad")])
        self.send(events[0], made("b@x", "g2"), events[2])
        self.assertEqual(self.ask(), {"": (3, 3, 126)})

    def test_a_nul_in_a_text_counts(self):
        """Acknowledged and never counted; once it stopped a whole writer."""
        self.send(made("a@x", "1", name="Te\0st"), made("b@x", "2", name="Test"))
        self.assertEqual(self.ask("--by", "name"), {"Te\0st": (1, 1, 42), "Test": (1, 1, 42)})

    def test_a_key_given_twice_is_refused_by_name(self):
        """One reader took the first of two equal keys, another the last."""
        for twice in ('"value":1,"value":2', '"properties":{"name":"red","name":"blue"}'):
            body = '{"metric":"M","profile":"a@x","unique_id":"1","time":"2026-03-02T10:00:00Z",%s}' % twice
            status, answer = self.post(body)
            self.assertEqual((status, answer["events"][0]["reason"]), (400, "duplicate_key"))

    def test_an_id_of_one_tenant_is_not_one_of_another(self):
        """The second tenant lost its event, with a 200."""
        other = self.quipu("key", "add", "--tenant", "other", "--data", "plan.quipu").strip()
        self.wait_for(lambda: self.post("", key=other)[0] == 200, "the key is known")
        for _ in range(2):
            self.send(made("a@x", "ajs-next-1"))
            self.send(made("a@x", "ajs-next-1"), key=other)
        self.assertEqual(self.ask(), {"": (1, 1, 42)})
        self.assertEqual(self.ask(tenant="other"), {"": (1, 1, 42)})

    def test_neighbouring_ids_beyond_2_53_are_two(self):
        """Numbers read as doubles: 820982911946154508 and its neighbour became one."""
        events = [made("a@x", 820982911946154508 + n) for n in range(3)]
        self.send(*events)
        self.send(*events)
        self.assertEqual(self.ask(), {"": (3, 1, 126)})


if __name__ == "__main__":
    serve_case.main()
