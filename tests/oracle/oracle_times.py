"""Times, zone rules and buckets, for oracle.py."""
import calendar
import datetime
import os
import re
import zoneinfo

from oracle_reading import BLANKS, NUMBER, Num, SetAside, parse_number

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("january february march april may june july august september october november december").split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
DAY_NAME = "(?i:" + "|".join(DAYS + [d[:3] for d in DAYS]) + ")"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
END_S = 7258118400  # 2200-01-01
QUARTER_S = 900


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
        "f": "(?P<f>[0-9]+)", "b": f"(?P<b>(?i:{names}))", "B": f"(?P<b>(?i:{names}))", "j": "(?P<j>[0-9]{1,3})", "a": DAY_NAME, "A": DAY_NAME,
        "z": f"(?P<zone>{OFFSET})", "Z": "(?P<zone>(?i:UTC|GMT|Z))", "n": r"[ \t-\r]*", "t": r"[ \t-\r]*", "%": "%",
    }
    pattern = ""
    for piece in re.findall(r"%.|[^%]", form, re.S):
        pattern += parts[piece[1]] if piece[0] == "%" else r"[ \t-\r]*" if piece in BLANKS else re.escape(piece)
    return re.compile(pattern + r"\Z")


class Times:
    def __init__(self, node):
        options = node if isinstance(node, dict) else {"at": node}
        self.first = "first" in options
        self.paths = options["first"] if self.first else options["join"] if "join" in options else [options["at"]]
        self.unit, self.zone = options.get("unit"), options.get("no_offset", "UTC")
        self.format = format_pattern(options["format"]) if "format" in options else None

    def read(self, values, rules):
        """UTC seconds, floored. values: at the paths, of which several are joined."""
        if self.first:
            return self.read_one(values[0], rules)
        for value in values:
            if value is None or value == "" and isinstance(value, str):
                raise SetAside("time_missing")
            if not isinstance(value, str):
                raise SetAside("time_bad")
        return self.read_one(" ".join(values) if len(values) > 1 else values[0], rules)

    def read_one(self, value, rules):
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
