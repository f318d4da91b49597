#!/usr/bin/env python3
"""Lines that were set aside: listed, shown, and counted once after the plan was mended.

usage: dead_test.py --quipu PROGRAM
"""
import json

import serve_case
from serve_case import PLAN, Serve, event



# Two lists that a dimension joins come to more rows than an event may have.
JOINED = PLAN.read_text().replace("properties: {", "properties: {tag: /event/tags, item: /event/items, ").replace(
    "by: [[], campaign]", "by: [[], campaign, [tag, item]]")


def wrapped(n, **more):
    return json.dumps({"tenant": "acme", "event": event(n, **more)})


def joined():
    return {"tags": ["t%d" % i for i in range(400)], "items": ["i%d" % i for i in range(400)]}


class Dead(Serve):
    def setUp(self):
        super().setUp()
        (self.here / "plan.yaml").write_text(JOINED)
        lines = [wrapped(n) for n in range(10)] + [wrapped(n, **joined()) for n in range(10, 15)]
        lines += ["no json", wrapped(15, metric=None)]
        (self.here / "events.jsonl").write_text("\n".join(lines) + "\n")

    def dead(self, *arguments, status=0):
        return self.quipu("dead", *arguments, status=status)

    def listed(self):
        return {(g["reason"], g["source"]): g["lines"] for g in json.loads(self.dead("list", "--json"))}

    def mend(self):
        """The plan joins the lists no more."""
        (self.here / "plan.yaml").write_text(JOINED.replace(", [tag, item]]", ", tag]"))

    def test_set_aside_lines_are_listed_shown_and_counted_once_when_the_plan_reads_them(self):
        self.quipu("run", "plan.yaml", "events.jsonl", status=3)
        source = "events.jsonl"
        self.assertEqual(sum(self.listed().values()), 7)
        self.assertIn("7 lines are set aside", self.dead("list"))
        shown = [json.loads(line) for line in self.dead("show", "--reason", "not_json").splitlines()]
        self.assertEqual([(s["source"], s["line"], s["text"]) for s in shown], [(source, 16, "no json")])
        texts = self.dead("show", "--text", "--limit", "2").splitlines()
        self.assertEqual([json.loads(t)["event"]["id"] for t in texts], ["e10", "e11"])
        self.mend()
        self.assertIn("name the plan", self.dead("replay", status=2))
        self.assertIn("2 lines are set aside", self.dead("replay", "plan.yaml", status=3))
        self.assertEqual(self.totals()[0], 15)
        self.assertEqual(sum(self.listed().values()), 2)
        self.dead("replay", "plan.yaml", status=3)
        self.assertEqual(self.totals()[0], 15)
        self.assertEqual(sum(self.listed().values()), 2)

    def test_a_server_counts_them_beside_live_events(self):
        self.quipu("run", "plan.yaml", "events.jsonl", status=3)
        self.mend()
        self.start()
        status, _ = self.post(json.dumps(event(100)).encode())
        self.assertEqual(status, 200)
        self.dead("replay", status=3)
        self.assertEqual(self.totals()[0], 16)
        self.dead("replay", status=3)
        self.assertEqual(self.totals()[0], 16)
        self.assertEqual(sum(self.listed().values()), 2)
        self.stop()

    def test_lines_that_are_not_kept_whole_are_passed_over_and_said_so(self):
        long = json.dumps({"tenant": "acme", "event": event(20, time="never", filler="x" * 70_000)})
        (self.here / "events.jsonl").write_bytes(long.encode() + b"\n" + wrapped(1).encode() + b"\n\xff\xfe\n")
        self.quipu("run", "plan.yaml", "events.jsonl", status=3)
        done = self.quipu("dead", "show", "--text")
        self.assertEqual(done, "")
        said = self.quipu("dead", "replay", "plan.yaml")
        self.assertIn("0 lines were given", said)
        self.assertEqual(self.listed(), {})

    def test_nothing_set_aside_is_said_so(self):
        (self.here / "good.jsonl").write_text(wrapped(1) + "\n")
        self.quipu("run", "plan.yaml", "good.jsonl")
        self.assertIn("no line is set aside", self.dead("list"))
        self.assertEqual(self.dead("show"), "")

    def test_lines_under_a_header_are_not_given_without_it(self):
        (self.here / "plan.yaml").write_text("quipu: 1\ninput: {format: delimited, delimiter: \",\", header: yes}\nevent: {tenant: {const: acme}, metric: /m, profile: /p, time: /t}\n"
                                             "count: [{metrics: \"*\", by: [[]]}]\n")
        (self.here / "events.csv").write_text("m,p,t\nOpened,a,2026-03-05T10:00:00Z\nOpened,a,never\n")
        self.quipu("run", "plan.yaml", "events.csv", status=3)
        self.assertIn("header", self.dead("replay", "plan.yaml", status=1))
        self.assertEqual(sum(self.listed().values()), 1)


if __name__ == "__main__":
    serve_case.main()
