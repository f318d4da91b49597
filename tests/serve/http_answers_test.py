#!/usr/bin/env python3
"""Random questions over HTTP while events are counted, while known events come again, and after restarts, on random
plans: every answer is that of a naive counter (naive_answers.py) for one state of the store, and states only grow.

usage: http_answers_test.py --quipu PROGRAM [--seeds N] [--first SEED]
"""
import collections
import datetime
import json
import random
import sys
import threading
import urllib.parse
from fractions import Fraction

import serve_case
from naive_answers import DAYS, Calendar, Events, Question, Sum
from serve_case import Serve

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Sydney", "Pacific/Honolulu")
METRICS = ("Opened", "Clicked", "Ordered")
GROUP = "Touched"   # of the first two
PROPERTIES = ("campaign", "client", "tags", "level")
SKIPPED = {"level"}
TENANTS = ("acme", "rival")
SEEDS, FIRST = 6, 1
BEGIN, END = datetime.date(2026, 3, 1), datetime.date(2026, 4, 20)   # zones change their offsets in between
ANSWERED, REFUSED = collections.Counter(), collections.Counter()


class Made:
    """A plan, events and questions of a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        r = self.random
        self.calendars = []
        for zone in r.sample(ZONES, r.randint(1, 2)):
            self.calendars.append((zone, r.choice(DAYS)))
        every = [[]] + [[p] for p in PROPERTIES] + [["campaign", "client"], ["client", "tags"], ["campaign", "level"], ["campaign", "client", "tags"]]
        self.by = r.sample(every, r.randint(3, len(every)))
        self.of_group = r.sample(every, 3)
        self.unique = r.random() < 0.8
        self.values = {"campaign": ["c%d" % i for i in range(r.choice((2, 10, 60)))], "client": ["Safari", "a|b", " x ", "(none)", ""],
                       "tags": ["t%d" % i for i in range(4)], "level": ["1", "2", ""]}
        self.number, self.known = 0, []

    def plan(self):
        def lists(by):
            return json.dumps(by)
        calendars = ", ".join("{zone: %s, week_start: %s}" % c for c in self.calendars)
        return """quipu: 1
event: {tenant: /tenant, metric: /event/metric, profile: /event/email, id: /event/id, time: /event/time, values: {revenue: /event/value}}
properties: {campaign: /event/campaign, client: /event/client, tags: /event/tags, level: {at: /event/level, missing: skip}}
calendars: {default: [%s]}
count:
  - {metrics: "*", by: %s, sum: [revenue], unique: %s}
  - {metrics: [Opened, Clicked], together: %s, by: %s, lifetime: yes}
""" % (calendars, lists(self.by), "yes" if self.unique else "no", GROUP, lists(self.of_group))

    def event(self):
        """As the naive counter has it, and as it is sent."""
        r = self.random
        zone = datetime.timezone(datetime.timedelta(minutes=r.choice((0, 0, 330, -480))))
        first = datetime.datetime(2026, 3, 27, tzinfo=datetime.timezone.utc).timestamp()
        time = int(first + r.randrange(4 * 86400) if r.random() < 0.6 else first + r.randrange(-20, 20) * 86400 + r.randrange(86400))
        value = Fraction(r.randrange(-500, 100000), 100)
        tags = r.choices(self.values["tags"], k=r.choice((0, 1, 1, 2, 3)))
        self.number += 1
        values = {"campaign": [r.choice(self.values["campaign"])], "client": [r.choice(self.values["client"])], "tags": tags or [""],
                  "level": [r.choice(self.values["level"])]}
        known = {"tenant": r.choices(TENANTS, (4, 1))[0], "metric": r.choices(METRICS, (5, 3, 1))[0], "profile": r.choice([None] + ["p%d" % i for i in range(25)]),
                 "id": "e%d" % self.number, "time": time, "values": values, "revenue": value}
        if self.known and r.random() < 0.15:   # one comes again, perhaps with other content: it is the first that counts
            first = r.choice(self.known)
            known.update({k: first[k] for k in ("tenant", "metric", "profile", "id")})
        self.known.append(known)
        sent = {"metric": known["metric"], "id": known["id"], "time": datetime.datetime.fromtimestamp(time, zone).isoformat(), "value": float(value),
                "tags": tags}
        if known["profile"]:
            sent["email"] = known["profile"]
        sent.update({p: values[p][0] for p in ("campaign", "client", "level") if values[p][0]})
        return known, sent

    def where(self, name):
        r = self.random
        kind = r.choice(("any", "any", "any", "not", "prefix"))
        # The empty value alone has a form of its own; as one of several it is ""
        wanted = r.sample(self.values[name], min(len(self.values[name]), r.choice((1, 1, 2, 3))))
        text = "|".join('"%s"' % v for v in wanted) if wanted != [""] else ""
        if kind == "prefix":
            wanted = [v[:r.randint(1, 2)] for v in wanted if v] or ["9"]
            return (name, kind, wanted), "%s^=%s" % (name, "|".join('"%s"' % v for v in wanted))
        return (name, kind, wanted), "%s%s=%s" % (name, "!" if kind == "not" else "", text)

    def question(self):
        """As the naive counter has it, as parameters, and whether it must be answered."""
        r = self.random
        asked = {}
        group = r.random() < 0.25
        name = GROUP if group else r.choice(METRICS)
        asked["group" if group else "metric"] = name
        if r.random() < 0.6:   # of what is counted
            planned = r.choice(self.of_group if group else self.by)
            by = r.sample(planned, r.randint(0, len(planned)))
            filters = [self.where(p) for p in planned if p not in by or r.random() < 0.2]
        else:
            by = r.sample(PROPERTIES, r.choice((0, 1, 1, 1, 2)))
            filters = [self.where(p) for p in r.sample(PROPERTIES, r.choice((0, 0, 1, 1, 2)))]
        if by:
            asked["by"] = by
        if filters:
            asked["where"] = [text for _, text in filters]
        which = r.randrange(len(self.calendars))
        calendar = Calendar(self.calendars[which][0], *self.calendars[which])
        if which or r.random() < 0.3:
            asked["calendar"] = calendar.name
        interval = r.choice(("hour", "day", "day", "week", "month", None, "lifetime"))
        begin = end = None
        if interval == "lifetime":
            asked["in"], interval = "lifetime", None
            asked.pop("calendar", None)
        else:
            days = sorted(r.sample(range((END - BEGIN).days), 2))
            dates = [calendar.first_day(BEGIN + datetime.timedelta(days=d), interval) for d in days]
            if interval == "hour" and (dates[1] - dates[0]).days > 9:
                dates[0] = dates[1] - datetime.timedelta(days=9)
            if dates[0] == dates[1]:
                dates[1] = calendar.first_day(dates[0] + datetime.timedelta(days=32 if interval == "month" else 7), interval)
            asked["from"], asked["to"] = map(str, dates)
            begin, end = map(calendar.midnight, dates)
            if interval:
                asked["interval"] = interval
        metrics = METRICS[:2] if group else (name,)
        question = Question(r.choice(TENANTS), metrics, by, [f for f, _ in filters], calendar, begin, end, interval)
        planned = set(by) | {p for (p, _, _), _ in filters}
        must = interval is not None and any(set(b) == planned for b in (self.of_group if group else self.by)) and \
            all(kind == "any" and len(wanted) == 1 for (_, kind, wanted), _ in filters)
        self.shape(question, asked)
        # The rest of one tag is exact, and known to be where the others are counted alone, too.
        left = planned - {p for (p, _, _), _ in filters}
        adds_up = "tags" not in planned or ("tags" not in left and any(
            left <= set(b) <= planned - {"tags"} for b in (self.of_group if group else self.by)))
        return question, asked, must and (adds_up or "rest" not in asked)

    def shape(self, question, asked):
        r = self.random
        if question.by and r.random() < 0.5:
            asked["sort"] = r.choice(("count", "-count", "name", *question.by, *("-" + p for p in question.by)))
        form = r.random()
        if question.by and form < 0.25:
            asked["limit"] = r.randint(1, 5)
            if r.random() < 0.5:
                asked["rest"] = "yes"
        elif question.by and form < 0.5:
            asked["page_size"] = r.randint(1, 8)
        elif question.interval and form < 0.65:
            asked["versus"] = "previous"


def seconds(text):
    return int(datetime.datetime.fromisoformat(text).timestamp())


class Told:
    """An answer, taken apart: cells as {(group, bucket): (count, unique, sum)}, without those of zero."""

    def __init__(self, question, asked, body, low, high):
        self.question, self.asked, self.low, self.high = question, asked, low, high
        self.checkpoint = body["as_of"]["checkpoint"]
        self.buckets = [seconds(b) for b in body["buckets"]] if question.interval else [None]
        self.unique = all(g["unique"] is not None for g in body["groups"])
        self.cells, self.order = self.cells_of(body["groups"], self.buckets), [self.group(g) for g in body["groups"]]
        self.totals = [sum(g["count"]) for g in body["groups"]]
        self.before = body.get("previous") and self.cells_of(
            [{**g["previous"], "by": g["by"]} for g in body["groups"]], [seconds(b) for b in body["previous"]["buckets"]])
        self.rest, self.body = body.get("rest"), body

    def group(self, g):
        return tuple(g["by"][p] for p in self.question.by)

    def cells_of(self, groups, buckets):
        cells = {}
        for g in groups:
            for i, bucket in enumerate(buckets):
                if g["count"][i]:
                    sums = g.get("sum") or {}
                    cells[self.group(g), bucket] = (g["count"][i], g["unique"][i] if g["unique"] else None,
                                                    Fraction(sums["revenue"][i]) if "revenue" in sums else None)
        return cells

    @staticmethod
    def same(cells, right):
        return len(cells) == len(right) and all(
            key in right and cell[0] == right[key][0] and (cell[1] is None or cell[1] == len(right[key][1])) and
            (cell[2] is None or cell[2] == right[key][2]) for key, cell in cells.items())

    def is_right(self, right, before):
        """Of the state in which the naive counter's sums are these."""
        if "limit" not in self.asked:
            return self.same(self.cells, right.cells) and (before is None or self.before_is_right(before))
        shown, totals = set(self.order), collections.Counter()
        for (group, _), cell in right.cells.items():
            totals[group] += cell[0]
        if not self.same(self.cells, {k: c for k, c in right.cells.items() if k[0] in shown}):
            return False
        if self.asked.get("sort") in (None, "count", "-count"):
            best = sorted(totals.values(), reverse=self.asked.get("sort") != "-count")[:self.asked["limit"]]
            if sorted(best) != sorted(self.totals):
                return False
        left = sum(n for g, n in totals.items() if g not in shown)
        return "rest" not in self.asked or (sum(self.rest["count"]) if self.rest else 0) == left

    def before_is_right(self, before):
        # Beside each group its own period before; groups with counts in either are all there.
        return self.same(self.before, before.cells)


class Answers(Serve):
    def prepare_seed(self, seed):
        self.made, self.events, self.batches = Made(seed), Events(), []
        (self.here / "plan.yaml").write_text(self.made.plan())
        self.keys = {t: self.quipu("key", "add", "--tenant", t, "--read", "--write", "--data", "plan.quipu").strip() for t in TENANTS}
        self.told, self.failures = [], []
        self.counted = 0   # events that are counted for certain
        self.start()

    def setUp(self):
        self.prepare()

    def ask(self, question, asked, must):
        low, key = self.counted, self.keys[question.tenant]
        status, _, text = self.request("GET", "/v1/query?" + urllib.parse.urlencode(asked, doseq=True), None, key)
        body = json.loads(text)
        cursor = body.get("next")
        while cursor:   # pages are of one state
            status, _, text = self.request("GET", "/v1/query?cursor=" + cursor, None, key)
            page = json.loads(text)
            self.assertEqual(status, 200, page)
            self.assertEqual((page["as_of"], page["buckets"]), (body["as_of"], body["buckets"]))
            self.assertLessEqual(len(page["groups"]), asked["page_size"])
            body["groups"] += page["groups"]
            cursor = page["next"]
        if status == 200:
            self.told.append(Told(question, asked, body, low, self.events.sent))
            ANSWERED[question.interval or "range"] += 1
            return
        self.assertIn(status, (400, 404), body)
        if status == 404:
            self.assertFalse(low and any(e["tenant"] == question.tenant and e["metric"] in question.metrics
                                         for at, e in self.events.counted if at < low), (asked, body))
        else:
            self.assertFalse(must, (asked, body))
            REFUSED[body["error"].split('"')[0][:40]] += 1

    def ask_until(self, stop, questions):
        try:
            while questions and not stop.is_set():
                self.ask(*questions.popleft())
        except Exception as error:  # told by the test's own thread
            self.failures.append(error)

    def send(self, count):
        batch = [self.made.event() for _ in range(count)]
        of_tenant = {t: [sent for known, sent in batch if known["tenant"] == t] for t in TENANTS}
        for t, sent in of_tenant.items():
            if not sent:
                continue
            for known, _ in batch:
                if known["tenant"] == t:
                    self.events.add(known)
            wait = self.made.random.random() < 0.3
            self.post_batch(t, sent, wait)
            self.batches.append((t, sent))
            if wait:
                self.counted = self.events.sent

    def post_batch(self, tenant, sent, wait):
        body = "".join(json.dumps(e) + "\n" for e in sent).encode()
        status, answer = self.post(body, self.keys[tenant], "/v1/events" + ("?wait=counted" if wait else ""))
        self.assertTrue(status in (200, 202) and answer.get("counted", True), (status, answer))

    def check_told(self):
        """Each checkpoint is one state: what all answers of it agree with; and states only grow."""
        states = {}
        for told in self.told:
            states.setdefault(told.checkpoint, set(range(self.events.sent + 1))).intersection_update(self.right_states(told))
            self.assertTrue(states[told.checkpoint], "no state has this answer: %s of %s %s: %s" % (
                told.asked, told.question.tenant, (told.low, told.high), json.dumps(told.body)))
        least = 0
        for checkpoint in sorted(states):
            self.assertGreaterEqual(max(states[checkpoint]), least, "checkpoint %d went back" % checkpoint)
            least = max(least, min(states[checkpoint]))
        self.told = []

    def right_states(self, told):
        """So many sent events give this answer."""
        right, before = Sum(told.question, SKIPPED), None
        if told.before is not None:
            before = Sum(told.question.before(len(told.body["previous"]["buckets"])), SKIPPED)
        if told.question.interval:
            self.assertEqual(told.buckets, told.question.calendar.buckets(told.question.begin, told.question.end, told.question.interval), told.asked)
        sort = told.asked.get("sort", "name")
        if sort in ("count", "-count"):
            self.assertEqual(told.totals, sorted(told.totals, reverse=sort == "count"), told.asked)
        elif (name := sort.lstrip("-")) != "name":
            values = [group[told.question.by.index(name)] for group in told.order]
            self.assertEqual(values, sorted(values, key=lambda v: (0, int(v), v) if v.isdigit() else (1, 0, v), reverse=sort != name), told.asked)
        self.assertEqual(len(told.order), len(set(told.order)), "a group is there twice")
        states, begin, fits = set(), 0, told.is_right(right, before)
        for at, event in [*self.events.counted, (told.high, None)]:
            if at >= told.high:
                at = told.high
            if fits:   # states of begin .. at sent events are alike
                states.update(range(max(begin, told.low), at + 1))
            if at == told.high:
                break
            begin = at + 1
            if right.add(event) | bool(before and before.add(event)):
                fits = told.is_right(right, before)
        return states

    def ask_all_counted(self, count):
        self.counted = self.events.sent
        for _ in range(count):
            self.ask(*self.made.question())
        self.check_told()

    def counting_and_asking(self, seed):
        self.prepare_seed(seed)
        self.send(50)
        self.wait_until_counted()
        stop, questions = threading.Event(), collections.deque(self.made.question() for _ in range(1500))
        askers = [threading.Thread(target=self.ask_until, args=(stop, questions)) for _ in range(2)]
        for asker in askers:
            asker.start()
        try:
            for _ in range(25):
                self.send(self.made.random.choice((1, 5, 40)))
        finally:
            stop.set()
            for asker in askers:
                asker.join()
        self.assertEqual(self.failures, [])
        self.told = self.made.random.sample(self.told, min(300, len(self.told)))
        self.check_told()
        self.wait_until_counted()
        self.ask_all_counted(80)
        self.sent_again()
        self.stop() if seed % 2 else self.kill()
        self.start()
        self.wait_until_counted()
        self.ask_all_counted(60)
        self.send(40)
        self.wait_until_counted()
        self.ask_all_counted(40)

    def sent_again(self):
        """Nothing changes while known events come again: no count dips, none grows."""
        stop, questions = threading.Event(), collections.deque(self.made.question() for _ in range(1500))
        self.counted = self.events.sent
        asker = threading.Thread(target=self.ask_until, args=(stop, questions))
        asker.start()
        try:
            for i, (tenant, sent) in enumerate(self.made.random.sample(self.batches, 12)):
                self.post_batch(tenant, sent, i % 4 == 0)
        finally:
            stop.set()
            asker.join()
        self.assertEqual(self.failures, [])
        self.told = self.made.random.sample(self.told, min(150, len(self.told)))
        self.check_told()

    def test_answers_are_those_of_a_naive_counter(self):
        for seed in range(FIRST, FIRST + SEEDS):
            with self.subTest(seed=seed):
                self.prepare()
                try:
                    self.counting_and_asking(seed)
                finally:
                    self.kill()
        print("answered: %s\nrefused: %s" % (dict(ANSWERED), dict(REFUSED)))
        self.assertGreater(sum(ANSWERED.values()), sum(REFUSED.values()) / 2, "hardly a question was answered")


if __name__ == "__main__":
    for name in ("SEEDS", "FIRST"):
        option = "--" + name.lower()
        if option in sys.argv:
            at = sys.argv.index(option)
            globals()[name] = int(sys.argv[at + 1])
            del sys.argv[at:at + 2]
    serve_case.main()
