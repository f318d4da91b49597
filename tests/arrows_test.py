#!/usr/bin/env python3
"""Holds src/ to the arrows of the design: which room may include which, and which room
owns which third-party library.

usage: arrows_test.py [SRC]     SRC is by default the src/ beside this file's folder

Three rules, each over every .h and .cpp of src/ (tests and fuzzers too):
  arrow    "room/file.h" may be included only from the room itself and from those above it
  owner    a third-party header may be included only in the room that owns the library
  header   and there only in .cpp files, so that no user of the room sees it
Before it judges src/ it plants violations of each rule in a temporary folder and checks that
it finds exactly those.
"""
import pathlib
import re
import sys
import tempfile

ROOMS = {
    "base": "",
    "time": "base",
    "plan": "time base",
    "event": "plan time base",
    "tally": "event plan time base",
    "cells": "event plan time base",
    "store": "cells tally event plan time base",
    "journal": "base",
    "source": "base journal",
    "kafka": "base time plan journal source",
    "engine": "base time plan event tally cells store source",
    "query": "store cells plan time base",
    "http": "base time plan event journal source engine query",
    "answers": "base time plan event tally cells store source engine query http",
    "page": "base http",
    "cli": "base time plan event tally cells store journal source kafka engine query http answers page",
}
ROOMS = {room: set(may.split()) for room, may in ROOMS.items()}

# first part of the header's path (or its whole name) -> the room that owns it, or the rooms
OWNERS = {
    "rocksdb": "store",
    "jemalloc": "base",
    "simdjson": "event engine http",
    "simdjson.h": "event engine http",
    "librdkafka": "kafka",
    "rdkafka.h": "kafka",
    "rdkafkacpp.h": "kafka",
    "boost": "http",
    "openssl": "http",
    "prometheus": "http",
    "yaml-cpp": "plan",
    "CLI": "cli",
    "CLI11.hpp": "cli",
    "absl": "time",
    "zlib.h": "source",
    "zconf.h": "source",
    "zstd.h": "source journal",
    "zstd_errors.h": "source",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def violations(src):
    """(file, include, rule) of every include that breaks a rule; files relative to src."""
    found = []
    for file in sorted(src.rglob("*")):
        if file.suffix not in (".h", ".hpp", ".cpp", ".cc"):
            continue
        name = file.relative_to(src)
        room = name.parts[0]
        if room not in ROOMS or len(name.parts) < 2:
            found.append((str(name), "", "arrow"))
            continue
        for match in INCLUDE.finditer(file.read_text(encoding="utf-8")):
            quoted, path = match.group(1) is not None, match.group(1) or match.group(2)
            first = path.split("/")[0]
            if first in OWNERS:
                if room not in OWNERS[first].split():
                    found.append((str(name), path, "owner"))
                elif file.suffix in (".h", ".hpp"):
                    found.append((str(name), path, "header"))
            elif "/" in path and (quoted or first in ROOMS):
                if first != room and first not in ROOMS[room]:
                    found.append((str(name), path, "arrow"))
    return found


def self_test():
    """Plants good and bad includes and checks that exactly the bad ones are found."""
    files = {
        "base/hash.h": '#include <cstdint>\n#include <sys/types.h>\n#include <xxhash.h>\n',
        "base/up.h": '#include "time/zone.h"\n',
        "time/zone.h": '#include "base/hash.h"\n#include "zone_rules.h"\n',
        "time/zone.cpp": '#include "time/zone.h"\n#include <absl/time/time.h>\n',
        "time/leak.h": '#include <absl/time/time.h>\n',
        "plan/away.cpp": '#include "../cells/pane.h"\n',
        "event/own.cpp": '#include <simdjson.h>\n#include "plan/plan.h"\n',
        "event/angle.cpp": '#include <tally/record.h>\n',
        "tally/side.cpp": '  #  include "cells/pane.h"\n',
        "tally/side_test.cpp": '#include "store/store.h"\n',
        "tally/disk.cpp": '#include <rocksdb/db.h>\n',
        "store/rocks.cpp": '#include <rocksdb/db.h>\n#include "tally/record.h"\n',
        "store/upwards.cpp": '#include "query/view.h"\n',
        "source/gz.cpp": '#include <zlib.h>\n#include <zstd.h>\n',
        "kafka/feed.cpp": '#include <librdkafka/rdkafka.h>\n#include "source/feed.h"\n',
        "source/kafka.cpp": '#include <librdkafka/rdkafka.h>\n',
        "engine/all.cpp": '#include "source/file.h"\n#include "store/store.h"\n',
        "engine/query.cpp": '#include "query/answer.h"\n',
        "query/skip.cpp": '#include "event/row.h"\n',
        "query/packed.cpp": '#include <zstd.h>\n',
        "http/beast.h": '#include "engine/engine.h"\n#include <boost/beast.hpp>\n',
        "http/low.cpp": '#include "store/store.h"\n',
        "cli/main.cpp": '#include <CLI/CLI.hpp>\n#include "http/beast.h"\n',
        "cli/yaml.cpp": '#include <yaml-cpp/yaml.h>\n',
        "utils/misc.h": '',
    }
    expected = {
        ("base/up.h", "time/zone.h", "arrow"),
        ("time/leak.h", "absl/time/time.h", "header"),
        ("plan/away.cpp", "../cells/pane.h", "arrow"),
        ("event/angle.cpp", "tally/record.h", "arrow"),
        ("tally/side.cpp", "cells/pane.h", "arrow"),
        ("tally/side_test.cpp", "store/store.h", "arrow"),
        ("tally/disk.cpp", "rocksdb/db.h", "owner"),
        ("store/upwards.cpp", "query/view.h", "arrow"),
        ("source/kafka.cpp", "librdkafka/rdkafka.h", "owner"),
        ("engine/query.cpp", "query/answer.h", "arrow"),
        ("query/skip.cpp", "event/row.h", "arrow"),
        ("query/packed.cpp", "zstd.h", "owner"),
        ("http/beast.h", "boost/beast.hpp", "header"),
        ("http/low.cpp", "store/store.h", "arrow"),
        ("cli/yaml.cpp", "yaml-cpp/yaml.h", "owner"),
        ("utils/misc.h", "", "arrow"),
    }
    with tempfile.TemporaryDirectory() as folder:
        src = pathlib.Path(folder)
        for name, text in files.items():
            (src / name).parent.mkdir(exist_ok=True)
            (src / name).write_text(text, encoding="utf-8")
        found = violations(src)
    if set(found) != expected or len(found) != len(expected):
        print("the self-test failed")
        print("  not caught:", sorted(expected - set(found)))
        print("  caught without cause:", sorted(set(found) - expected))
        return False
    return True


def main():
    src = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                       pathlib.Path(__file__).resolve().parent.parent / "src")
    if not self_test():
        return 1
    found = violations(src)
    for name, path, rule in found:
        room = name.split("/")[0]
        if not path:
            print(f"src/{name}: stands in no room of the design")
        elif rule == "arrow":
            may = ", ".join(sorted(ROOMS[room])) or "no other room"
            print(f"src/{name}: may not include {path} ({room} may include: {may})")
        elif rule == "owner":
            print(f"src/{name}: {path} belongs to {OWNERS[path.split('/')[0]].replace(' ', ' and ')}")
        else:
            print(f"src/{name}: {path} may stand only in a .cpp file")
    files = sum(1 for f in src.rglob("*") if f.suffix in (".h", ".cpp"))
    print(f"{files} files, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
