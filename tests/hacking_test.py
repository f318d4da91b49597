#!/usr/bin/env python3
"""What docs/HACKING.md names exists: files, presets, build targets, variables of the environment.

usage: hacking_test.py [ROOT]
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
ROOT = ROOT if len(sys.argv) > 1 else ROOT.parent.parent
FOLDERS = "src|tests|docs|bench|examples|cmake"


def missing_of(text):
    """All that the text names and the tree does not have."""
    missing = []
    for name in sorted(set(re.findall(r"(?<![\w/.])((?:%s)/[\w./]*\w)" % FOLDERS, text))):
        if "NAME" in name or "ROOM" in name:
            continue
        if not (ROOT / name).exists():
            missing.append("file " + name)
    presets = json.loads((ROOT / "CMakePresets.json").read_text())
    known = {p["name"] for p in presets["configurePresets"] if not p.get("hidden")}
    named = set(re.findall(r"--preset (?!NAME)([\w-]+)", text)) | set(re.findall(r"build/([a-z-]+)/", text))
    named |= set(re.findall(r"`([\w-]+)`", section_of(text, "## Build").split("|---|---|")[-1]
                            .split("\n\n")[0])) - {"./test"}
    missing += ["preset " + p for p in sorted(named) if p not in known and not p.startswith("-")]
    sources = {p: p.read_text(errors="replace") for folder in ("src", "tests", "cmake")
               for p in (ROOT / folder).rglob("*")
               if p.suffix in (".h", ".cpp", ".py", ".txt", ".cmake") and p.name != "hacking_test.py"}
    for variable in sorted(set(re.findall(r"\bQUIPU_[A-Z_]+\b", text))):
        if not any('"%s"' % variable in s or variable + "=" in s for s in sources.values()):
            missing.append("variable " + variable)
    for program in sorted(set(re.findall(r"build/[a-z-]+/((?:src|tests)/[\w/]+)", text))):
        room, name = program.rsplit("/", 1)
        stem = name.removesuffix("_test")
        if not (ROOT / room / (name + ".cpp")).exists() and not (
                (ROOT / room / "CMakeLists.txt").exists()
                and (list((ROOT / room).glob("*_test.cpp")) if stem in room else True)
                and (stem in room or name in (ROOT / room / "CMakeLists.txt").read_text())):
            missing.append("program " + program)
    return missing


def section_of(text, heading):
    return text.split(heading + "\n", 1)[1].split("\n## ", 1)[0]


def main():
    text = (ROOT / "docs/HACKING.md").read_text()
    planted = text.replace("src/base/fault.h", "src/base/no_such_file.h") + (
        "\n`QUIPU_NO_SUCH_VARIABLE` cmake --preset nopreset build/test/src/tally/no_program\n")
    found = missing_of(planted)
    for wanted in ("file src/base/no_such_file.h", "variable QUIPU_NO_SUCH_VARIABLE",
                   "preset nopreset", "program src/tally/no_program"):
        if wanted not in found:
            sys.exit("hacking_test.py itself is wrong: it does not find a missing " + wanted)
    missing = missing_of(text)
    for what in missing:
        print("docs/HACKING.md names what is not there: " + what)
    if missing:
        sys.exit(1)
    print("all that docs/HACKING.md names is there")


if __name__ == "__main__":
    main()
