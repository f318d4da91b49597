"""The list of mutants, and the source with all of them in it behind a switch. See run and README.txt."""
import re
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
HEADER = "src/base/mutant.h"
HEADER_TEXT = """// Made by tests/mutants/run. Which mutant is on: read once.
#pragma once
#include <cstdlib>
namespace quipu {
inline bool mutant(int number) {
  static const int on = [] { const char* text = std::getenv("QUIPU_MUTANT"); return text ? std::atoi(text) : 0; }();
  return on == number;
}
}  // namespace quipu
"""


@dataclass
class Mutant:
    name: str
    where: str       # the list's file and line
    number: int = 0
    file: str = ""
    tests: tuple = ()
    why: str = ""
    old: str = ""
    new: str = ""


def parse(path):
    """Mutants of one file: "mutant NAME", keys, and a text old ==== new between <<<< and >>>>."""
    found, part = [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if part is not None:
            if line == "====" and part == "old":
                part = "new"
            elif line == ">>>>":
                part = None
            else:
                setattr(found[-1], part, getattr(found[-1], part) + line + "\n")
        elif line.startswith("mutant "):
            found.append(Mutant(line[7:].strip(), "%s:%d" % (path.name, number)))
        elif line == "<<<<":
            part = "old"
        elif line.strip() and not line.startswith("#"):
            key, _, value = line.partition(":")
            if key not in ("file", "tests", "why") or not found:
                raise SystemExit("%s:%d: not a key of a mutant: %s" % (path, number, line))
            setattr(found[-1], key, tuple(value.split()) if key == "tests" else value.strip())
    for mutant in found:
        mutant.old, mutant.new = mutant.old[:-1], mutant.new[:-1]
    return found


def read_all():
    """All mutants, and what is wrong with the list, in words."""
    listed = [m for path in sorted(Path(__file__).parent.glob("*.txt")) if path.name != "README.txt" for m in parse(path)]
    faults, names = [], set()
    texts = {}
    for number, mutant in enumerate(listed, 1):
        mutant.number = number
        path = SOURCE / mutant.file
        if mutant.name in names:
            faults.append("%s: %s is there twice" % (mutant.where, mutant.name))
        names.add(mutant.name)
        if not (mutant.file and mutant.tests and mutant.why and mutant.old):
            faults.append("%s: %s lacks its file, tests, why or text" % (mutant.where, mutant.name))
        elif not mutant.file.startswith("src/") or not path.is_file():
            faults.append("%s: %s: there is no %s" % (mutant.where, mutant.name, mutant.file))
        else:
            text = texts.setdefault(mutant.file, path.read_text())
            count = text.count(mutant.old)
            if count != 1:
                faults.append("%s: %s: its old text is %d times in %s; it must be there once. Mend the text, or drop the mutant"
                              " if what it changed is gone" % (mutant.where, mutant.name, count, mutant.file))
    return listed, faults


def switch(mutant):
    """Old and new behind a switch: of statements (they end with ; or }) or of expressions."""
    if mutant.old.rstrip()[-1] in ";}":
        return "{ if (quipu::mutant(%d)) { %s } else { %s } }" % (mutant.number, mutant.new, mutant.old)
    return "(quipu::mutant(%d) ? (%s) : (%s))" % (mutant.number, mutant.new, mutant.old)


def changed_files(listed):
    """File -> its text with all mutants in it, and the switch's header."""
    changed = {HEADER: HEADER_TEXT}
    for file in {m.file for m in listed}:
        text = (SOURCE / file).read_text()
        places = sorted(((text.index(m.old), m) for m in listed if m.file == file), key=lambda place: -place[0])
        for at, mutant in places:
            text = text[:at] + switch(mutant) + text[at + len(mutant.old):]
        changed[file] = re.sub(r"(?m)^(?=#include )", '#include "base/mutant.h"\n', text, count=1)
    return changed


def choose(listed, only):
    if not only:
        return listed
    wanted = only.split(",")
    chosen = [m for m in listed if any(m.name == w or w.endswith("*") and m.name.startswith(w[:-1]) for w in wanted)]
    if not chosen:
        raise SystemExit("no mutant is named " + only)
    return chosen
