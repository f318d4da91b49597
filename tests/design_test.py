#!/usr/bin/env python3
"""The papers point at what is there.

usage: design_test.py [ROOT]

  code     a line "Code:" names files or folders, and each of them exists (a bare name lies in the
           folder of the one before it)
  section  each section of the guide and of its pages ends with such a line
  length   docs/design.md stays short enough to be read at once
  link     links between the papers lead to a file, and to a heading in it
  arrows   the map in HACKING.md says what tests/arrows_test.py allows
Before it judges the papers it plants a mistake of each kind and checks that it finds them.
"""
import pathlib
import re
import sys
import tempfile

from arrows_test import ROOMS

DESIGN_LINES = 110
PAGES = ("design", "records", "rows", "checkpoints", "compaction", "memory", "inputs", "threads",
         "testing")


def sections_of(text):
    """(heading, last line that is not empty) of each section."""
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        lines = [line for line in part.split("\n") if line.strip()]
        yield lines[0], lines[-1]


def anchors_of(text):
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def mistakes_of_code(root, name, text):
    for line in text.split("\n"):
        if not line.startswith("Code:"):
            continue
        files = re.findall(r"`([^`]*)`", line)
        if not files:
            yield name, "code", "names no file: " + line
        folder = root
        for file in files:
            path = root / file if "/" in file else folder / file
            if not path.exists():
                yield name, "code", file + " is not there"
            elif "/" in file:
                folder = path if path.is_dir() else path.parent


def mistakes_of_links(root, name, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (root / name).parent / file if file else root / name
        if not path.exists():
            yield name, "link", target + " leads nowhere"
        elif anchor and anchor not in anchors_of(path.read_text()):
            yield name, "link", target + " names no heading"


def mistakes_of_arrows(name, text):
    rows = re.findall(r"^\| (\w+) \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    shown = {room: may.split() for room, may in rows if room in ROOMS}
    for room, may in ROOMS.items():
        everything = may == set(ROOMS) - {room}
        if set(shown.get(room, ["?"])) != (may if not everything else {"all"}):
            yield name, "arrows", "the map is wrong about " + room


def mistakes(root):
    papers = sorted(root.glob("docs/**/*.md")) + [root / "README.md"]
    for path in papers:
        name, text = str(path.relative_to(root)), path.read_text()
        yield from mistakes_of_code(root, name, text)
        yield from mistakes_of_links(root, name, text)
        if path.parent.name == "docs" and path.stem in PAGES:
            for heading, last in sections_of(text):
                if not last.startswith("Code:"):
                    yield name, "section", f'"{heading}" does not end with "Code:"'
        if name == "docs/design.md" and text.count("\n") > DESIGN_LINES:
            yield name, "length", f"{text.count(chr(10))} lines, {DESIGN_LINES} at most"
        if name == "docs/HACKING.md":
            yield from mistakes_of_arrows(name, text)
    for page in PAGES:
        if not (root / "docs" / (page + ".md")).exists():
            yield "docs/" + page + ".md", "page", "is not there"


def check_that_mistakes_are_found():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "docs").mkdir()
        (root / "src").mkdir()
        (root / "src/there.h").write_text("")
        good = "# Page\n\n## A part\nText, [link](design.md#a-part).\n\nCode: `src/there.h`.\n"
        for page in PAGES:
            (root / "docs" / (page + ".md")).write_text(good)
        rows = "".join("| %s | what | x | %s |\n" % (
            room, "all" if may == set(ROOMS) - {room} else " ".join(sorted(may)))
            for room, may in ROOMS.items())
        (root / "docs/HACKING.md").write_text(rows)
        (root / "README.md").write_text("[design](docs/design.md)\n")
        left = list(mistakes(root))
        if left:
            sys.exit(f"design_test.py itself is wrong: it dislikes what is right: {left}")
        (root / "docs/design.md").write_text(good + "\n" * DESIGN_LINES)
        (root / "docs/rows.md").write_text(good.replace("there.h`", "there.h`, `gone.h`"))
        (root / "docs/memory.md").write_text(good + "\nA word more.\n")
        (root / "docs/inputs.md").write_text(good.replace("#a-part", "#no-part"))
        (root / "README.md").write_text("[design](docs/gone.md)\n")
        (root / "docs/HACKING.md").write_text(rows.replace("| plan | what | x | base time |",
                                                           "| plan | what | x | base |"))
        (root / "docs/threads.md").unlink()
        got = sorted((name, rule) for name, rule, _ in mistakes(root))
        want = [("README.md", "link"), ("docs/HACKING.md", "arrows"), ("docs/design.md", "length"),
                ("docs/inputs.md", "link"), ("docs/memory.md", "section"), ("docs/rows.md", "code"),
                ("docs/threads.md", "page")]
        if got != want:
            sys.exit(f"design_test.py itself is wrong: found {got}, planted {want}")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if len(sys.argv) > 1 else root.parent.parent
    check_that_mistakes_are_found()
    found = list(mistakes(root))
    for name, rule, text in found:
        print(f"{name}: {rule}: {text}")
    if found:
        sys.exit(1)
    print("what the papers point at is there")


if __name__ == "__main__":
    main()
