#!/usr/bin/env python3
"""Holds the C++ of the tree to the rules of the house: what a reader may count on in every file.

usage: house_test.py [ROOT]     ROOT is by default the folder above this file's

  layout    clang-format, with the tree's .clang-format, would change nothing
  width     no line is longer than 100 columns
  function  no function is longer than 70 lines, from the line its head begins on to its last brace
  file      no file is longer than 500 lines
            What was longer when these rules came stands in tests/house_longer.txt with its length:
            it may become shorter, not longer, and a line there that is no longer needed is an error.
  top       a header, and a .cpp that has none, opens with a comment that says what it is

Before it judges the tree it plants a violation of each rule in a temporary folder and checks that
it finds exactly those. Prints the figures of the tree at the end.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

WIDTH, FUNCTION_LINES, FILE_LINES = 100, 70, 500
FOLDERS = ("src", "tests", "bench")

# Comments, strings (raw ones too) and character constants, which hold no braces of the program.
# A ' between digits (1'000) opens no constant.
NO_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<end>[^()\\\s]{0,16})\(.*?\)(?P=end)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
OPENS_A_SCOPE = re.compile(r'\b(namespace|class|struct|union|enum|extern)\b[^()]*$')


def without_texts(source):
    """The source with comments and constants blanked out, line for line."""
    return NO_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), source)


def functions(source):
    """(first line, last line, head) of every function that is defined, lambdas apart."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: re.sub(r"[^\n]", " ", m.group()),
                  without_texts(source), flags=re.MULTILINE)
    found, scopes, begin, parens = [], [], 0, 0
    for m in re.finditer(r"[{};()]", code):
        c, at = m.group(), m.start()
        if c in "()":
            parens += 1 if c == "(" else -1
        elif c == "{":
            head = code[begin:at].strip()
            if scopes and scopes[-1][0] != "scope" or parens:
                scopes.append(("inner", 0, "", parens))
            elif OPENS_A_SCOPE.search(re.sub(r"<[^<>]*>", "", head)):
                scopes.append(("scope", 0, "", parens))
            elif "(" in head:
                first = begin + len(code[begin:at]) - len(code[begin:at].lstrip())
                scopes.append(("function", first, head, parens))
            else:
                scopes.append(("inner", 0, "", parens))
            parens = 0
            begin = m.end()
        elif c == "}":
            if not scopes:
                continue
            kind, first, head, parens = scopes.pop()
            if kind == "function":
                found.append((code.count("\n", 0, first) + 1, code.count("\n", 0, at) + 1, head))
            if kind != "inner" or not scopes or scopes[-1][0] != "scope":
                begin = m.end()
        elif not parens:
            begin = m.end()
    return found


def violations(root, formatter):
    """(file, line, rule, text) of all that breaks a rule, and the figures of the tree."""
    found, files, figures = [], [], {"files": 0, "lines": 0, "functions": 0}
    for folder in FOLDERS:
        files += sorted(p for end in ("*.h", "*.cpp") for p in (root / folder).rglob(end))
    function_lines, file_lines = [], []
    for path in files:
        name, source = str(path.relative_to(root)), path.read_text()
        lines = source.split("\n")
        file_lines.append(len(lines) - 1)
        for n, line in enumerate(lines, 1):
            if len(line) > WIDTH:
                found.append((name, n, "width", f"{len(line)} columns"))
        for first, last, head in functions(source):
            function_lines.append(last - first + 1)
            if function_lines[-1] > FUNCTION_LINES:
                shown = " ".join(head.split())[:60]
                found.append((name, first, "function", f"{function_lines[-1]} lines: {shown}"))
        if file_lines[-1] > FILE_LINES:
            found.append((name, 1, "file", f"{file_lines[-1]} lines"))
        if path.suffix == ".h" and not source.startswith("//"):
            found.append((name, 1, "top", "no comment says what it is"))
    for begin in range(0, len(files), 100):
        run = subprocess.run([formatter, "--dry-run", "--style=file", *files[begin:begin + 100]],
                             capture_output=True, text=True, cwd=root)
        changed = re.findall(r"^(\S+?):(\d+):\d+: warning: code should be clang-formatted",
                             run.stderr, re.MULTILINE)
        seen = set()
        for name, line in changed:
            if name not in seen:
                found.append((os.path.relpath(name, root), int(line), "layout", "clang-format -i"))
            seen.add(name)
    figures = (f"{len(files)} files of {sum(file_lines)} lines, {median(file_lines)} at the "
               f"median, {max(file_lines, default=0)} at most; {len(function_lines)} functions, "
               f"{median(function_lines)} lines at the median, "
               f"{max(function_lines, default=0)} at most")
    return found, figures


def median(numbers):
    return sorted(numbers)[len(numbers) // 2] if numbers else 0


def without_known(found, known):
    """What is longer than the list of what was long allows, and what the list need not name."""
    allowed = {}
    for line in known:
        rule, name, lines, what = line.split(" ", 3)
        allowed[rule, name, what] = int(lines)
    left = []
    for name, line, rule, text in found:
        if rule not in ("function", "file"):
            left.append((name, line, rule, text))
            continue
        lines, what = int(text.split(" ", 1)[0]), text.partition(": ")[2] or "-"
        if lines > allowed.pop((rule, name, what), 0):
            left.append((name, line, rule, text))
    for rule, name, what in allowed:
        left.append(("tests/house_longer.txt", 1, rule, f"{name} is no longer too long: {what}"))
    return left


def check_that_violations_are_found(root, formatter):
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        for name in FOLDERS:
            (tree / name).mkdir()
        shutil.copy(root / ".clang-format", tree)
        body = "".join(f"  call({i});\n" for i in range(FUNCTION_LINES - 1))
        plant = {
            "src/good.h": "// What it is.\nnamespace quipu {\nstruct A {\n  int f() { return 1'000; }\n"
                          "};\n}  // namespace quipu\n",
            "src/long_function.cpp": "void f() {\n" + body + "}\n",
            "src/good_function.cpp": "void f() {\n" + body.split("\n", 1)[1] + "}\n",
            "src/braces.cpp": 'const char* a = "{";\nconst char b = \'{\';\n'
                              "void f() {\n" + body.split("\n", 1)[1] + "}\nvoid g() {}\n",
            "tests/long_file.cpp": "int a();\n" * (FILE_LINES + 1),
            "bench/wide.cpp": "// " + "x" * WIDTH + "\n",
            "src/no_comment.h": "int a();\n",
            "src/layout.cpp": "int   a();\n",
        }
        for name, source in plant.items():
            (tree / name).write_text(source)
        found, _ = violations(tree, formatter)
        known = ["file tests/long_file.cpp 501 -", "function src/long_function.cpp 70 void f()",
                 "file src/gone.cpp 600 -"]
        left = sorted((name, rule) for name, _, rule, _ in without_known(found, known))
        if ("tests/long_file.cpp", "file") in left or ("src/long_function.cpp", "function") not in (
                left) or ("tests/house_longer.txt", "file") not in left:
            sys.exit(f"house_test.py itself is wrong about what was longer before: {left}")
        got = sorted((name, rule) for name, _, rule, _ in found)
        want = sorted([("src/long_function.cpp", "function"), ("tests/long_file.cpp", "file"),
                       ("bench/wide.cpp", "width"), ("src/no_comment.h", "top"),
                       ("src/layout.cpp", "layout")])
        if got != want:
            sys.exit(f"house_test.py itself is wrong: found {got}, planted {want}")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if len(sys.argv) > 1 else root.parent.parent
    formatter = shutil.which("clang-format-14") or shutil.which("clang-format")
    if formatter is None:
        sys.exit("clang-format is missing: run cmake/install_packages")
    check_that_violations_are_found(root, formatter)
    found, figures = violations(root, formatter)
    found = without_known(found, (root / "tests/house_longer.txt").read_text().splitlines())
    for name, line, rule, text in sorted(found):
        print(f"{name}:{line}: {rule}: {text}")
    print(figures)
    if found:
        sys.exit(f"{len(found)} places break the rules of the house (see {pathlib.Path(__file__).name})")


if __name__ == "__main__":
    main()
