"""A naive counter for tests of answers over HTTP: it holds events as they were sent and answers a question from the list,
in Python's own words and by Python's zones. Written from docs/design.md section 1; shares no code with src/."""
import datetime
import itertools
from fractions import Fraction
from zoneinfo import ZoneInfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
QUARTER_S = 900


class Calendar:
    """Buckets of a zone by first instant. Only for zones that change at whole local hours, and not at midnight."""

    def __init__(self, name, zone, week_start):
        self.name, self.zone, self.week_start = name, ZoneInfo(zone), DAYS.index(week_start)
        self.known = {}

    def midnight(self, date):
        return int(datetime.datetime(date.year, date.month, date.day, tzinfo=self.zone).timestamp())

    def first_day(self, date, interval):
        if interval == "week":
            return date - datetime.timedelta(days=(date.weekday() - self.week_start) % 7)
        return date.replace(day=1) if interval == "month" else date

    def bucket(self, instant, interval):
        key = (instant // QUARTER_S, interval)
        if key not in self.known:
            local = datetime.datetime.fromtimestamp(instant, self.zone)
            if interval == "hour":   # the offset does not change within one
                self.known[key] = instant - local.minute * 60 - local.second
            else:
                self.known[key] = self.midnight(self.first_day(local.date(), interval))
        return self.known[key]

    def buckets(self, begin, end, interval):
        return sorted({self.bucket(t, interval) for t in range(begin, end, QUARTER_S)})


class Question:
    """What is asked, as values: `where` is a list of (property, kind, values), the range two instants or None for both."""

    def __init__(self, tenant, metrics, by, where, calendar, begin, end, interval):
        self.tenant, self.metrics, self.by, self.where = tenant, metrics, by, where
        self.calendar, self.begin, self.end, self.interval = calendar, begin, end, interval

    def before(self, buckets):
        """The same of as many buckets before `begin`."""
        begin = self.begin
        for _ in range(buckets):
            begin = self.calendar.bucket(begin - 1, self.interval)
        return Question(self.tenant, self.metrics, self.by, self.where, self.calendar, begin, self.begin, self.interval)


class Sum:
    """Of the events added so far; a cell is [count, profiles, sum]."""

    def __init__(self, question, skipped):
        self.question, self.skipped, self.cells, self.count = question, skipped, {}, 0

    @staticmethod
    def passes(value, kind, wanted):
        if kind == "prefix":
            return any(value.startswith(w) for w in wanted)
        return (value in wanted) == (kind == "any")

    def rows(self, event):
        q = self.question
        names = list(dict.fromkeys([*q.by, *(p for p, _, _ in q.where)]))
        values = []
        for name in names:
            has = event["values"][name]
            if name in self.skipped and has == [""]:
                return
            values.append(sorted(set(has)))
        for row in itertools.product(*values):
            of = dict(zip(names, row))
            if all(self.passes(of[p], kind, wanted) for p, kind, wanted in q.where):
                yield tuple(of[p] for p in q.by)

    def add(self, event):
        """Whether it changed anything."""
        q = self.question
        if event["tenant"] != q.tenant or event["metric"] not in q.metrics:
            return False
        if q.begin is not None and not q.begin <= event["time"] < q.end:
            return False
        bucket = q.calendar.bucket(event["time"], q.interval) if q.interval else None
        groups = set(self.rows(event))
        for group in groups:
            cell = self.cells.setdefault((group, bucket), [0, set(), Fraction(0)])
            cell[0] += 1
            self.count += 1
            if event["profile"] is not None:
                cell[1].add(event["profile"])
            cell[2] += event["revenue"]
        return bool(groups)


class Events:
    """Sent events in the order of sending. `counted` has what is new of them, each with its place in the order."""

    def __init__(self):
        self.sent, self.counted, self.ids = 0, [], set()

    def add(self, event):
        key = (event["tenant"], event["metric"], event["profile"], event["id"])
        if event["id"] is None or key not in self.ids:
            self.counted.append((self.sent, event))
            self.ids.add(key)
        self.sent += 1
