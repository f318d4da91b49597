"""The part of YAML that plans use: block and flow mappings and sequences, plain and quoted scalars, comments.

Scalars stay texts, except that a plain null is None. No anchors, tags, block scalars or several documents.
"""
import re

NULLS = ("", "~", "null", "Null", "NULL")
ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\"}


def load(text):
    reader = Reader(text.replace("\r\n", "\n"))
    reader.skip()
    if reader.text.startswith("---", reader.at):
        reader.at += 3
        reader.skip()
    value = reader.block()
    reader.skip()
    if reader.at < len(reader.text):
        reader.fail("something after the end")
    return value


class Reader:
    def __init__(self, text):
        self.text, self.at = text, 0

    def fail(self, what):
        line = self.text.count("\n", 0, self.at) + 1
        raise ValueError(f"plan line {line}: {what}")

    def skip(self):
        """Blanks, newlines and comments."""
        while self.at < len(self.text):
            c = self.text[self.at]
            if c in " \t\n":
                self.at += 1
            elif c == "#" and (self.at == 0 or self.text[self.at - 1] in " \t\n"):
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def column(self):
        return self.at - (self.text.rfind("\n", 0, self.at) + 1)

    def peek(self):
        return self.text[self.at : self.at + 1]

    def dash(self):
        return re.compile(r"-(?=[ \t\n]|\Z)").match(self.text, self.at) is not None

    def key(self):
        """The key of a block mapping at the cursor, past its colon; or None, the cursor unmoved."""
        start = self.at
        if self.peek() in ("'", '"') and self.peek():
            name = self.quoted()
        else:
            m = re.compile(r"[^\n#{}\[\],&*!|>%@`\"'](?:[^\n:#]|:(?![ \t\n])|(?<![ \t])#)*?(?=[ \t]*:(?:[ \t\n]|\Z))").match(self.text, start)
            if not m:
                return None
            name, self.at = m[0], m.end()
        m = re.compile(r"[ \t]*:(?=[ \t\n]|\Z)").match(self.text, self.at)
        if not m:
            self.at = start
            return None
        self.at = m.end()
        return name

    def block(self):
        column = self.column()
        if self.dash():
            out = []
            while self.at < len(self.text) and self.column() == column and self.dash():
                self.at += 1
                self.skip()
                out.append(self.block() if self.at < len(self.text) and self.column() > column else None)
                self.skip()
            return out
        name = self.key()
        if name is None:
            return self.inline()
        out = {}
        while name is not None:
            if name in out:
                self.fail(f"{name} is there twice")
            line_end = self.text.find("\n", self.at)
            self.skip()
            same_line = line_end < 0 or self.at < line_end
            if self.at >= len(self.text):
                out[name] = None
            elif same_line:
                out[name] = self.inline()
            elif self.column() > column or self.column() == column and self.dash():
                out[name] = self.block()
            else:
                out[name] = None
            self.skip()
            name = self.key() if self.at < len(self.text) and self.column() == column and not self.dash() else None
        return out

    def inline(self):
        """A flow collection, a quoted scalar, or a plain one to the end of the line."""
        if self.peek() in ("{", "["):
            return self.flow()
        if self.peek() in ('"', "'"):
            return self.quoted()
        m = re.compile(r"(?:[^\n#]|(?<![ \t])#)*").match(self.text, self.at)
        self.at = m.end()
        return self.plain(m[0])

    @staticmethod
    def plain(text):
        text = text.strip(" \t")
        return None if text in NULLS else text

    def flow(self):
        self.skip()
        c = self.peek()
        if c in ('"', "'") and c:
            return self.quoted()
        if c == "[":
            return self.flow_items("]", list)
        if c == "{":
            return dict(self.flow_items("}", dict))
        m = re.compile(r"(?:[^\n,\[\]{}:#]|:(?![ \t\n,\[\]{}])|(?<![ \t])#)*").match(self.text, self.at)
        self.at = m.end()
        return self.plain(m[0])

    def flow_items(self, close, kind):
        self.at += 1
        out = []
        while True:
            self.skip()
            if self.peek() == close:
                self.at += 1
                return out
            item = self.flow()
            self.skip()
            if kind is dict:
                value = None
                if self.peek() == ":":
                    self.at += 1
                    value = self.flow()
                    self.skip()
                item = (item, value)
            out.append(item)
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != close:
                self.fail(f"expected , or {close}")

    def quoted(self):
        if self.peek() == "'":
            m = re.compile(r"'((?:[^']|'')*)'").match(self.text, self.at)
            if not m:
                self.fail("a quote without end")
            self.at = m.end()
            return m[1].replace("''", "'")
        m = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S).match(self.text, self.at)
        if not m:
            self.fail("a quote without end")
        self.at = m.end()

        def unescape(found):
            c = found[1]
            return chr(int(c[1:], 16)) if c[0] in "xuU" else ESCAPES[c]

        return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", unescape, m[1], flags=re.S)
