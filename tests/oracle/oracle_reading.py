"""Records, texts, numbers, fields and properties, for oracle.py."""
import decimal
import itertools
import json
import math
import re
import sys

BLANKS = " \t\n\r\v\f"
NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?\Z")
EXACT = decimal.Context(prec=4000, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, rounding=decimal.ROUND_HALF_EVEN)


class SetAside(Exception):
    """Its text is the reason."""


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
    """Of a JSON number (Num), or of a string: that is a number only without exponent."""
    number = parse_number(text) if isinstance(text, Num) or "e" not in text.lower() else None
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
            text = scalar_text(value)
            if isinstance(text, Num):
                return canonical(text)
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
        if isinstance(field, dict) and len(field.get("first", ())) > 1:   # one alone is the same as a plain path
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


def read_texts(properties, record):
    """By a property's name, one text an element of its walk."""
    return {p.name: p.texts(record) for p in properties}


def combinations(walks, sizes):
    """All choices of an element of each walk, as sets of (walk, element); first elements are left out."""
    if math.prod(sizes[w] for w in walks) > 1000:
        raise SetAside("too_many_rows")
    choices = itertools.product(*([(w, i) for i in range(sizes[w])] for w in walks))
    return {frozenset(place for place in choice if place[1] > 0) for choice in choices}


# ---- delimited lines ----


def quoted(quote):
    q = re.escape(quote)
    return re.compile(f"{q}((?:[^{q}]|{q}{q})*+){q}(?!{q})" if sys.version_info >= (3, 11) else f"{q}((?:[^{q}]|{q}{q})*){q}(?!{q})")



def split_delimited(line, delimiter, quote):
    blanks = delimiter == "whitespace"
    stop = " \t" if blanks else delimiter
    out, i = [], 0
    if blanks:
        line = line.strip(" \t")
    while True:
        field = ""
        if quote and line[i : i + 1] == quote:
            closing = quoted(quote).match(line, i)
            if not closing:
                raise SetAside("quote_open")
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


LOG_COLUMNS = ["host", "ident", "user", "time", "request", "status", "bytes", "referer", "agent", "method", "target", "path", "protocol"]
LOG_FIELD = re.compile(r'[ \t]*(?:\[(?P<bracket>[^\]]*)\]|"(?P<quote>(?:\\["\\]|[^"\\]|\\(?!["\\]))*)"|(?P<plain>[^ \t\["][^ \t]*))')


def split_log(line):
    fields, at = [], 0
    while line[at:].strip(" \t") and len(fields) < 9:
        found = LOG_FIELD.match(line, at)
        if not found:
            raise SetAside("quote_open")
        text = found[found.lastgroup]
        fields.append(re.sub(r'\\(["\\])', r"\1", text) if found.lastgroup == "quote" else text)
        at = found.end()
    if len(fields) < 7:
        return fields
    fields = ["" if f == "-" else f for f in fields] + [""] * (9 - len(fields))
    method, blank, rest = fields[4].partition(" ")
    if not blank:
        return fields + [""] * 4
    target, http, version = rest.rpartition(" HTTP/")
    if not http:
        target, version = rest, None
    return fields + [method, target, target.partition("?")[0], "" if version is None else "HTTP/" + version]


# ---- files ----

LONGEST = 1 << 20


def plain_bytes(content):
    """Without a byte order mark, lines ended by newlines."""
    first = re.search(rb"[\r\n]", content[:LONGEST])
    if first and first[0] == b"\r" and content[first.end() : first.end() + 1] not in (b"\n", b""):
        content = content.replace(b"\r", b"\n")
    return content.removeprefix(b"\xef\xbb\xbf")


def closed_object(line):
    """From its first brace to the one that closes it, with only blanks around."""
    text = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", line, flags=re.S).strip(b" \t\r\n")
    if not text.startswith(b"{") or b'"' in text:
        return False
    deep = 0
    for n, c in enumerate(text):
        deep += (c in b"{[") - (c in b"}]")
        if deep == 0:
            return n + 1 == len(text)
    return False


def records_of(content, delimiter, quote, complete, json_lines):
    """A file's records, without newlines; what may still grow is left out. quote: None where line breaks end every record."""
    if not quote:
        lines = content.split(b"\n")
        last = lines.pop()
        yield from lines
        if last and (complete or json_lines and closed_object(last)):
            yield last
        return
    q, stops = re.escape(quote.encode()), b" \t" if delimiter == "whitespace" else delimiter.encode()
    opening = re.compile(b"\n|(?<=[%s])%s" % (re.escape(stops), q))
    begin = 0
    while begin < len(content):
        at = begin
        while True:
            if at == begin and content[at : at + 1] == quote.encode():
                start = at
            else:
                found = opening.search(content, at)
                if not found:
                    if complete:
                        yield content[begin:]
                    return
                if found[0] == b"\n":
                    end = found.start()
                    break
                start = found.start()
            close = next_close(content, start + 1, quote.encode())
            if close is not None and close < begin + LONGEST:
                at = close + 1
                continue
            if close is None and not complete and len(content) - begin < LONGEST:
                return
            end = content.find(b"\n", start)
            if end < 0:
                if complete:
                    yield content[begin:]
                return
            break
        yield content[begin:end]
        begin = end + 1


def next_close(content, at, quote):
    """The first quote from `at` on that is not doubled."""
    while True:
        found = content.find(quote, at)
        if found < 0:
            return None
        if content[found + 1 : found + 2] != quote:
            return found
        at = found + 2
