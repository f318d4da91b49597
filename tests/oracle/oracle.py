#!/usr/bin/env python3
"""oracle.py PLAN INPUT... [--zoneinfo DIR] [--now ISO]

A second naive counter, in Python's own words: prints the whole export to stdout, sorted by bytes, and the tallies as one
line of JSON to stderr. Inputs: plain, .gz, .zst. --zoneinfo holds for the inputs after it; --now changes no answer.
Written from docs/design.md section 1 and docs/decisions.md; shares no code with src/ or with the C++ oracle.
"""
import calendar
import datetime
import decimal
import gzip
import itertools
import json
import os
import re
import subprocess
import sys
import zoneinfo

sys.dont_write_bytecode = True
import plan_yaml  # noqa: E402

BLANKS = " \t\n\r\v\f"
NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?\Z")
INTERVALS = ("hour", "day", "week", "month")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("january february march april may june july august september october november december").split()
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
END_S = 7258118400  # 2200-01-01
QUARTER_S = 900
EXACT = decimal.Context(prec=4000, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, rounding=decimal.ROUND_HALF_EVEN)


class SetAside(Exception):
    pass


# ---- JSON as it was written ----


class Num(str):
    """A number, as spelled."""


class Obj(list):
    """The members of an object, in order, repeated keys kept."""


def no_constant(text):
    raise ValueError(text)


DECODER = json.JSONDecoder(object_pairs_hook=Obj, parse_int=Num, parse_float=Num, parse_constant=no_constant)


def opening_too_deep(text):
    """Where the nesting first exceeds 64, or None."""
    depth = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', text, re.S):
        if found[0] in "[{":
            depth += 1
            if depth > 64:
                return found.start()
        elif found[0] in "]}":
            depth -= 1
    return None


def read_json(text):
    if not text.lstrip(" \t\n\r").startswith("{"):
        raise SetAside("not_json")
    if text.count("[") + text.count("{") > 64:
        where = opening_too_deep(text)
        if where is not None:
            try:
                DECODER.decode(text[:where])
            except json.JSONDecodeError as e:
                if e.pos < where and "Unterminated" not in e.msg:
                    raise SetAside("not_json")
            except ValueError:
                raise SetAside("not_json")
            raise SetAside("too_deep")
    try:
        return DECODER.decode(text)
    except ValueError:
        raise SetAside("not_json")


def bad_text(text):
    return any("\ud800" <= c <= "\udfff" for c in text)  # also undecodable bytes, by surrogateescape


# ---- texts and numbers ----


def parse_number(text):
    """(integer mantissa, exponent, spelled exponent) or None."""
    m = NUMBER.match(text)
    if not m:
        return None
    sign, whole, fraction, exponent = m[1], m[2], m[3] or "", int_of(m[4] or "0")
    return int_of(sign + whole + fraction), exponent - len(fraction), exponent


def int_of(digits):
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    return int(digits)


def canonical(text):
    number = parse_number(text)
    if number is None or abs(number[2]) > 10**18:
        return str(text)
    mantissa, exponent, _ = number
    if mantissa == 0:
        return "0"
    sign, digits = ("-" if mantissa < 0 else ""), str(abs(mantissa))
    stripped = digits.rstrip("0")
    exponent += len(digits) - len(stripped)
    digits = stripped
    if exponent >= 0:
        if len(digits) + exponent <= 38:
            return sign + digits + "0" * exponent
    else:
        before, behind = len(digits) + exponent, -exponent
        if max(before, 0) + behind <= 38:
            padded = digits.rjust(behind + 1, "0")
            return sign + padded[:-behind] + "." + padded[-behind:]
    return sign + digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + "e" + str(len(digits) - 1 + exponent)


def to_micros(text):
    """(value in 10^-6, was it rounded), or a SetAside."""
    mantissa, exponent, _ = parse_number(text)
    if mantissa == 0:
        return 0, False
    size = len(str(abs(mantissa))) + exponent
    if size > 30:
        raise SetAside("value_too_large")
    if size < -30:
        return 0, True
    exact = EXACT.scaleb(decimal.Decimal(mantissa), exponent)
    if abs(exact) > decimal.Decimal(10) ** 20:
        raise SetAside("value_too_large")
    rounded = exact.quantize(decimal.Decimal("0.000001"), context=EXACT)
    return int(EXACT.scaleb(rounded, 6)), rounded != exact


def sum_text(micros):
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    whole, part = divmod(micros, 10**6)
    if part == 0:
        return sign + str(whole)
    return sign + str(whole) + "." + f"{part:06d}".rstrip("0").ljust(2, "0")


# ---- reading fields ----


def tokens_of(path):
    return [t.replace("~1", "/").replace("~0", "~") for t in path.split("/")[1:]]


MISSING = None  # a missing member and null say the same everywhere


def step(at, token):
    if isinstance(at, Obj):
        found = [v for k, v in at if k == token]
        if len(found) > 1:
            raise SetAside("duplicate_key")
        return found[0] if found else MISSING
    if isinstance(at, list) and re.fullmatch("0|[1-9][0-9]{0,8}", token) and int(token) < len(at):
        return at[int(token)]
    return MISSING


def walk(at, tokens):
    for token in tokens:
        at = step(at, token)
    return at


def lookup(record, path):
    value = walk(record, tokens_of(path))
    if isinstance(value, str) and bad_text(value):
        raise SetAside("invalid_utf8")
    return value


def scalar_text(value):
    """The text of a scalar; None for missing, null, arrays and objects."""
    if value is True or value is False:
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def is_present(value):
    text = scalar_text(value)
    return text is not None and text.strip(BLANKS) != ""


def paths_of(field):
    if isinstance(field, str):
        return [field]
    return field.get("first") or field.get("all") or ([field["at"]] if "at" in field else [])


def read_field(field, record):
    if field is None:
        return None
    options = field if isinstance(field, dict) else {}
    values = [options["const"]] if "const" in options else [lookup(record, p) for p in paths_of(field)]
    for value in values:
        if is_present(value):
            text = str(scalar_text(value))
            if yes(options.get("trim")):
                text = text.strip(BLANKS)
            if yes(options.get("lowercase")):
                text = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
            return canonical(text)
    return None


def read_value(field, record):
    if isinstance(field, dict) and "const" in field:
        value = field["const"]
    else:
        found = [lookup(record, p) for p in paths_of(field)]
        if isinstance(field, dict) and "first" in field:
            found = [v for v in found if is_present(v)]
        value = found[0] if found else None
    if value is None or (isinstance(value, str) and value.strip(BLANKS) == ""):
        return None
    if not isinstance(value, str) or parse_number(value.strip(BLANKS)) is None:
        raise SetAside("value_not_a_number")
    return to_micros(value.strip(BLANKS))


def yes(node):
    return node in ("yes", "true", "Yes", "True", "on")


# ---- properties ----


class Property:
    def __init__(self, name, node):
        self.name = name
        options = node if isinstance(node, dict) else {"at": node}
        self.present = "present" in options
        self.skip = options.get("missing") == "skip"
        self.path = options["present"] if self.present else options["at"]
        self.tokens = tokens_of(self.path)
        self.star = self.tokens.index("*") if "*" in self.tokens else None
        self.definition = ("present" if self.present else "skip" if self.skip else "plain", self.path)
        if self.star is None:
            self.walk = ("alone", self.present, self.path)
        else:
            self.walk = ("star", tuple(self.tokens[: self.star]))

    def texts(self, record):
        """One text an element of the walk."""
        if self.present:
            value = lookup(record, self.path)
            nothing = value is None or value == [] and not isinstance(value, Obj) or isinstance(value, str) and not value.strip(BLANKS)
            return ["false" if nothing else "true"]
        if self.star is None:
            value = walk(record, self.tokens)
            items = value if isinstance(value, list) and not isinstance(value, Obj) else [value]
        else:
            value = walk(record, self.tokens[: self.star])
            rest = self.tokens[self.star + 1 :]
            if isinstance(value, list) and not isinstance(value, Obj):
                items = [walk(item, rest) for item in value]
            else:
                items = [value if not rest else None]
        return [element_text(item) for item in items] or [""]


def element_text(value):
    text = scalar_text(value)
    if text is None:
        return ""
    if bad_text(text):
        raise SetAside("invalid_utf8")
    return canonical(text)


def read_rows(properties, record):
    """Each row a dict from a property's name to its text."""
    texts = {p.name: p.texts(record) for p in properties}
    walks = {}
    for p in properties:
        walks.setdefault(p.walk, []).append(p.name)
    product = 1
    for names in walks.values():
        product *= len(texts[names[0]])
    if product > 1000:
        raise SetAside("too_many_rows")
    parts = [[dict(zip(names, tuple_)) for tuple_ in zip(*(texts[n] for n in names))] for names in walks.values()]
    return [{k: v for part in row for k, v in part.items()} for row in itertools.product(*parts)]


# ---- times ----


class Rules:
    """The zones of one zoneinfo folder."""

    def __init__(self, folder):
        self.folder, self.zones, self.offsets = folder, {}, {}

    def zone(self, name):
        if name not in self.zones:
            with open(os.path.join(self.folder, name), "rb") as f:
                self.zones[name] = zoneinfo.ZoneInfo.from_file(f, key=name)
        return self.zones[name]

    def bucket_offset(self, name, utc_s):
        """Transitions count from the start of their quarter-hour: the whole quarter has the offset of its last second."""
        quarter = utc_s // QUARTER_S
        key = (name, quarter)
        if key not in self.offsets:
            last = EPOCH + datetime.timedelta(seconds=quarter * QUARTER_S + QUARTER_S - 1)
            self.offsets[key] = int(last.astimezone(self.zone(name)).utcoffset().total_seconds())
        return self.offsets[key]

    def utc_of_local(self, name, local):
        return int((local.replace(tzinfo=self.zone(name), fold=0) - EPOCH).total_seconds())


OFFSET = r"(?:[Zz]|(?P<sign>[+-])(?P<oh>[0-9]{2})(?::?(?P<om>[0-9]{2}))?)"
RFC3339 = re.compile(
    r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"(?:[Tt ](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]+))?)?)?"
    r"(?P<zone> ?" + OFFSET + r")?\Z"
)


def format_pattern(form):
    short = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "D": "%m/%d/%y"}
    form = re.sub("%([TFD])", lambda m: short[m[1]], form)
    names = "|".join(MONTHS) + "|" + "|".join(m[:3] for m in MONTHS)
    parts = {
        "Y": "(?P<Y>[0-9]{1,4})", "y": "(?P<y>[0-9]{1,2})", "m": "(?P<m>[0-9]{1,2})", "d": "(?P<d>[0-9]{1,2})", "e": " ?(?P<d>[0-9]{1,2})",
        "H": "(?P<H>[0-9]{1,2})", "I": "(?P<I>[0-9]{1,2})", "p": "(?P<p>[AaPp][Mm])", "M": "(?P<M>[0-9]{1,2})", "S": "(?P<S>[0-9]{1,2})",
        "f": "(?P<f>[0-9]+)", "b": f"(?P<b>(?i:{names}))", "B": f"(?P<b>(?i:{names}))", "j": "(?P<j>[0-9]{1,3})",
        "z": f"(?P<zone>{OFFSET})", "Z": "(?P<zone>(?i:UTC|GMT|Z))", "n": r"[ \t-\r]*", "t": r"[ \t-\r]*", "%": "%",
    }
    pattern = ""
    for piece in re.findall(r"%.|[^%]", form, re.S):
        pattern += parts[piece[1]] if piece[0] == "%" else r"[ \t-\r]*" if piece in BLANKS else re.escape(piece)
    return re.compile(pattern + r"\Z")


class Times:
    def __init__(self, node):
        options = node if isinstance(node, dict) else {"at": node}
        self.path, self.unit, self.zone = options["at"], options.get("unit"), options.get("no_offset", "UTC")
        self.format = format_pattern(options["format"]) if "format" in options else None

    def read(self, value, rules):
        """UTC seconds, floored."""
        if value is None or value == "" and isinstance(value, str):
            raise SetAside("time_missing")
        if not isinstance(value, str):
            raise SetAside("time_bad")
        if self.format and not (isinstance(value, Num) and self.unit):
            return self.civil(self.format.match(value), rules)
        digits = re.fullmatch("[0-9]+", value)
        if digits or NUMBER.match(value):
            if not self.unit:
                raise SetAside("time_bad")
            return self.number(value.lstrip("0") or "0" if digits else value)
        return self.civil(RFC3339.match(value), rules)

    def number(self, text):
        mantissa, exponent, _ = parse_number(text)
        if mantissa < 0 or mantissa and len(str(mantissa)) + exponent > 30:
            raise SetAside("time_out_of_range")
        if mantissa == 0 or len(str(mantissa)) + exponent < -30:
            return 0
        exponent -= {"unix_s": 0, "unix_ms": 3, "unix_us": 6, "unix_ns": 9}[self.unit]
        seconds = mantissa * 10**exponent if exponent >= 0 else mantissa // 10**-exponent
        return self.in_range(seconds)

    @staticmethod
    def in_range(seconds):
        if not 0 <= seconds < END_S:
            raise SetAside("time_out_of_range")
        return seconds

    def civil(self, m, rules):
        if not m:
            raise SetAside("time_bad")
        part = {k: v for k, v in m.groupdict().items() if v is not None}
        year = int(part["Y"]) if "Y" in part else -1
        if "y" in part:
            year = int(part["y"]) + (2000 if int(part["y"]) < 69 else 1900)
        month, day = int(part.get("m", 1)), int(part.get("d", 1))
        if "b" in part:
            month = [name[:3] for name in MONTHS].index(part["b"].lower()[:3]) + 1
        hour, minute, second = int(part.get("H", 0)), int(part.get("M", 0)), int(part.get("S", 0))
        if "I" in part:
            hour = int(part["I"])
            if not 1 <= hour <= 12:
                raise SetAside("time_bad")
            if "p" in part:
                hour = hour % 12 + (12 if part["p"].lower() == "pm" else 0)
        second = 59 if second == 60 else second
        leap = calendar.isleap(year)
        if "j" in part:
            number = int(part["j"])
            if not 1 <= number <= 365 + leap:
                raise SetAside("time_bad")
            date = datetime.date(2000 if leap else 2001, 1, 1) + datetime.timedelta(days=number - 1)
            month, day = date.month, date.day
        if year < 0 or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(2000 if leap else 2001, month)[1]:
            raise SetAside("time_bad")
        if hour > 23 or minute > 59 or second > 59:
            raise SetAside("time_bad")
        offset = 0
        if "sign" in part:
            offset = int(part["oh"]) * 3600 + int(part.get("om", 0)) * 60
            if int(part.get("om", 0)) > 59 or offset > 18 * 3600:
                raise SetAside("time_bad")
            offset = -offset if part["sign"] == "-" else offset
        if not 1969 <= year <= 2200:
            raise SetAside("time_out_of_range")
        local = datetime.datetime(year, month, day, hour, minute, second)
        if "zone" not in part and self.zone != "UTC":
            return self.in_range(rules.utc_of_local(self.zone, local))
        return self.in_range(int((local.replace(tzinfo=datetime.timezone.utc) - EPOCH).total_seconds()) - offset)


# ---- buckets: ranges of local seconds (and an offset, for hours) ----


def day_date(day):
    return datetime.date.fromordinal(EPOCH_DAY + day)


def month_of(utc_s):
    date = day_date(utc_s // 86400)
    return date.year, date.month


def local_range(interval, local_s, week_start):
    day = local_s // 86400
    if interval == "hour":
        return local_s // 3600 * 3600, local_s // 3600 * 3600 + 3600
    if interval == "week":
        day -= (day_date(day).weekday() - week_start) % 7
        return day * 86400, (day + 7) * 86400
    if interval == "month":
        date = day_date(day).replace(day=1)
        length = calendar.monthrange(date.year, date.month)[1]
        first = date.toordinal() - EPOCH_DAY
        return first * 86400, (first + length) * 86400
    return day * 86400, (day + 1) * 86400


def instant_text(utc_s, offset):
    local = EPOCH + datetime.timedelta(seconds=utc_s + offset)
    size = abs(offset)
    text = local.strftime("%Y-%m-%dT%H:%M:%S") + ("-" if offset < 0 else "+") + f"{size // 3600:02d}:{size // 60 % 60:02d}"
    return text + (f":{size % 60:02d}" if size % 60 else "")


# ---- the plan ----


class Dimension:
    def __init__(self, selector, when, by):
        self.selector, self.when, self.by = selector, when, by
        self.unique, self.lifetime, self.sums = False, False, set()
        self.cells = {}  # (tenant, values, calendar name or None, interval, bucket) -> Cell


class Cell:
    def __init__(self):
        self.count, self.profiles, self.sums = 0, set(), {}


class Plan:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            root = plan_yaml.load(f.read())
        self.event = root["event"]
        self.time = Times(self.event["time"])
        self.values = self.event.get("values") or {}
        self.properties = [Property(name, node) for name, node in (root.get("properties") or {}).items()]
        self.by_name = {p.name: p for p in self.properties}
        self.rules = root["count"]
        self.input = root.get("input") or {}
        self.read_calendars(root.get("calendars") or {}, os.path.dirname(path))
        self.dimensions, self.of_metric = {}, {}

    def read_calendars(self, node, folder):
        def one(c):
            week_start = DAYS.index(c.get("week_start") or "monday")
            return c.get("name") or c["zone"], c["zone"], week_start

        self.default = [one(c) for c in node.get("default") or [{"zone": "UTC"}]]
        self.tenants, self.set_unknown_aside = {}, False
        for name, value in (node.get("tenants") or {}).items():
            if name == "file" and isinstance(value, str):
                with open(os.path.join(folder, value), encoding="utf-8") as f:
                    header, *rows = [split_delimited(line.rstrip("\r\n"), ",", '"') for line in f if line.strip()]
                for row in rows:
                    row = dict(zip(header, row))
                    self.tenants.setdefault(canonical(row["tenant"]), []).append(one(row))
            elif name == "unknown" and isinstance(value, str):
                self.set_unknown_aside = value == "set_aside"
            else:
                self.tenants[canonical(name)] = [one(c) for c in value]

    def lists(self, rule):
        for by in rule.get("by") or []:
            yield [by] if isinstance(by, str) else by
        if "combinations" in rule:
            of = rule["combinations"]["of"]
            for size in range(1, int(rule["combinations"]["up_to"]) + 1):
                yield from itertools.combinations(of, size)

    def dimensions_of(self, metric):
        if metric in self.of_metric:
            return self.of_metric[metric]
        chosen = {}
        for rule in self.rules:
            every = rule["metrics"] == "*"
            members = frozenset() if every else frozenset(canonical(m or "") for m in rule["metrics"])
            if not every and metric not in members:
                continue
            if "together" in rule:
                selector, key = ("together", rule["together"]), ("together", rule["together"], every, members)
            else:
                selector, key = ("metric", metric), ("metric", metric)
            when = [(name, sorted({canonical(v or "") for v in values}, key=str.encode)) for name, values in (rule.get("when") or {}).items()]
            when_key = frozenset((self.by_name[n].definition, tuple(v)) for n, v in when)
            for names in self.lists(rule):
                definitions, by = set(), []
                for name in names:
                    if self.by_name[name].definition not in definitions:
                        definitions.add(self.by_name[name].definition)
                        by.append(self.by_name[name])
                identity = (key, when_key, frozenset(definitions))
                d = self.dimensions.setdefault(identity, Dimension(selector, when, by))
                chosen[identity] = d
                d.unique |= rule.get("unique") is None or yes(rule["unique"])
                d.lifetime |= yes(rule.get("lifetime"))
                d.sums |= set(rule.get("sum") or [])
        self.of_metric[metric] = list(chosen.values())
        return self.of_metric[metric]


def split_delimited(line, delimiter, quote):
    blanks = delimiter == "whitespace"
    stop = " \t" if blanks else delimiter
    out, i = [], 0
    if blanks:
        line = line.strip(" \t")
    while True:
        field = ""
        if quote and line[i : i + 1] == quote:
            closing = re.compile(f"{re.escape(quote)}((?:[^{re.escape(quote)}]|{re.escape(quote)*2})*){re.escape(quote)}?").match(line, i)
            field, i = closing[1].replace(quote * 2, quote), closing.end()
        end = i
        while end < len(line) and line[end] not in stop:
            end += 1
        out.append(field + line[i:end])
        if end == len(line):
            return out
        i = end + 1
        while blanks and line[i] in stop:
            i += 1


# ---- counting ----


class Counter:
    def __init__(self, plan, zoneinfo_folder="/usr/share/zoneinfo"):
        self.plan = plan
        self.rules = Rules(zoneinfo_folder)
        self.pins, self.ids = {}, set()
        self.tallies = {"read": 0, "counted": 0, "duplicate": 0, "set_aside": {}, "unplanned": 0, "rounded": 0}
        self.columns = plan.input.get("columns")
        self.header_expected = False

    def begin_file(self):
        i = self.plan.input
        self.header_expected = i.get("format") == "delimited" and (yes(i["header"]) if "header" in i else "columns" not in i)

    def add_line(self, raw):
        line = raw.rstrip(b"\r\n")
        if not line.strip(BLANKS.encode()):
            return
        if self.header_expected:
            self.header_expected = False
            self.columns = self.split(line.decode("utf-8", "surrogateescape"))
            return
        self.tallies["read"] += 1
        try:
            self.tallies[self.add(line)] += 1
        except SetAside as reason:
            name = str(reason)
            self.tallies["set_aside"][name] = self.tallies["set_aside"].get(name, 0) + 1

    def split(self, text):
        i = self.plan.input
        delimiter = {"\\t": "\t"}.get(i.get("delimiter"), i.get("delimiter") or ",")
        quote = i.get("quote") or '"'
        return split_delimited(text, delimiter, None if quote == "none" else quote)

    def read_record(self, line):
        if len(line) > 2**20:
            raise SetAside("line_too_long")
        text = line.decode("utf-8", "surrogateescape")
        if self.plan.input.get("format") != "delimited":
            return read_json(text)
        fields = self.split(text)
        columns = self.columns or []
        if columns and len(columns) != len(fields):
            raise SetAside("wrong_field_count")
        return Obj([*zip(columns, fields), *((str(i), f) for i, f in enumerate(fields) if str(i) not in columns)])

    def calendars(self, tenant):
        return self.plan.tenants.get(tenant, self.plan.default)

    def rules_for(self, tenant, utc_s):
        return self.pins.get((tenant, month_of(utc_s)), self.rules)

    def read_id(self, record, utc_s):
        node = self.plan.event.get("id")
        if isinstance(node, dict) and "all" in node:
            parts = [lookup(record, p) for p in node["all"]]
            return tuple(canonical(scalar_text(p)) for p in parts) if all(map(is_present, parts)) else None
        found = read_field(node, record)
        if found is not None:
            return (found,)
        return utc_s if isinstance(node, dict) and "else" in node else None

    def add(self, line):
        plan, event, record = self.plan, self.plan.event, self.read_record(line)
        tenant = read_field(event["tenant"], record)
        if tenant is None:
            raise SetAside("tenant_missing")
        if plan.set_unknown_aside and tenant not in plan.tenants:
            raise SetAside("tenant_unknown")
        metric = read_field(event["metric"], record)
        if metric is None:
            raise SetAside("metric_missing")
        dimensions = plan.dimensions_of(metric)
        if not dimensions:
            return "unplanned"
        utc_s = plan.time.read(lookup(record, plan.time.path), self.rules)
        rules, buckets = self.rules_for(tenant, utc_s), []
        for name, zone, week_start in self.calendars(tenant):
            offset = rules.bucket_offset(zone, utc_s)
            if offset % QUARTER_S:
                raise SetAside("zone_offset_odd")
            for interval in INTERVALS:
                buckets.append((name, interval, local_range(interval, utc_s + offset, week_start), offset if interval == "hour" else None))
        profile = read_field(event.get("profile"), record)
        if profile is None and isinstance(event.get("profile"), dict) and yes(event["profile"].get("required")):
            raise SetAside("profile_missing")
        id_ = self.read_id(record, utc_s)
        values = {name: read_value(field, record) for name, field in plan.values.items()}
        rows = read_rows(plan.properties, record)

        counted = set()
        for d in dimensions:
            for row in rows:
                if all(row[name] in wanted for name, wanted in d.when) and not any(p.skip and row[p.name] == "" for p in d.by):
                    counted.add((d, tuple(row[p.name] for p in d.by)))
        if not counted:
            return "unplanned"
        if id_ is not None:
            key = (tenant, metric, profile, id_)
            if key in self.ids:
                return "duplicate"
            self.ids.add(key)
        self.pins.setdefault((tenant, month_of(utc_s)), self.rules)
        self.tallies["rounded"] += any(v is not None and v[1] for v in values.values())
        for d, texts in counted:
            for bucket in buckets + ([(None, "lifetime", None, None)] if d.lifetime else []):
                cell = d.cells.setdefault((tenant, texts, *bucket), Cell())
                cell.count += 1
                if profile is not None:
                    cell.profiles.add(profile)
                for name in d.sums:
                    cell.sums[name] = cell.sums.get(name, 0) + (values[name][0] if values[name] else 0)
        return "counted"

    # ---- answers ----

    def first_instant(self, tenant, zone, local, hour_offset):
        """By looking at every quarter-hour, each under the rules of its own UTC month."""
        quarter = (local[0] - 26 * 3600) // QUARTER_S * QUARTER_S
        while True:
            offset = self.rules_for(tenant, quarter).bucket_offset(zone, quarter)
            first = max(quarter, local[0] - offset)
            if first < min(quarter + QUARTER_S, local[1] - offset) and hour_offset in (None, offset):
                return instant_text(first, offset)
            quarter += QUARTER_S
            assert quarter < local[1] + 26 * 3600, "a bucket without instants"

    def export(self):
        names = {}
        for d in self.plan.dimensions.values():
            for (tenant, texts, name, interval, local, hour_offset), cell in d.cells.items():
                line = {"tenant": tenant, d.selector[0]: d.selector[1]}
                if d.when:
                    line["when"] = dict(d.when)
                line["by"] = {p.name: text for p, text in zip(d.by, texts)}
                line.update(calendar=name, interval=interval, bucket=None)
                if local is not None:
                    zone = next(z for n, z, _ in self.calendars(tenant) if n == name)
                    key = (tenant, zone, local, hour_offset)
                    if key not in names:
                        names[key] = self.first_instant(*key)
                    line["bucket"] = names[key]
                line["count"] = cell.count
                if d.unique:
                    line["unique"] = len(cell.profiles)
                if d.sums:
                    line["sum"] = {v: sum_text(cell.sums[v]) for v in self.plan.values if v in d.sums}
                yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()


def lines_of(path):
    if path.endswith(".gz"):
        with gzip.open(path, "rb") as f:
            yield from f
    elif path.endswith(".zst"):
        with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE) as p:
            yield from p.stdout
        if p.returncode:
            raise OSError("cannot read " + path)
    else:
        with open(path, "rb") as f:
            yield from f


def main(args):
    counter, args = Counter(Plan(args[0])), args[1:]
    while args:
        if args[0] == "--zoneinfo":
            counter.rules = Rules(args[1])
            args = args[2:]
        elif args[0] == "--now":
            args = args[2:]
        else:
            counter.begin_file()
            for line in lines_of(args[0]):
                counter.add_line(line)
            args = args[1:]
    for line in sorted(counter.export()):
        sys.stdout.buffer.write(line + b"\n")
    counter.tallies["set_aside"] = dict(sorted(counter.tallies["set_aside"].items()))
    print(json.dumps(counter.tallies, separators=(",", ":")), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
