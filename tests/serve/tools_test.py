#!/usr/bin/env python3
"""The tools of docs/tools.md, as it says: pandas and DuckDB read a server; what Grafana's panels and Prometheus' alerts ask for is there.

usage: tools_test.py --quipu PROGRAM --cache DIR
"""
import argparse
import csv
import io
import json
import re
import shutil
import subprocess
import sys
import unittest
import urllib.parse
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import serve_case
from installs import installed, python_steps
from serve_case import SOURCE, Serve, event

OPTIONS = None
TOOLS = Path(__file__).with_name("tools.txt")
PAGE = (SOURCE / "docs" / "tools.md").read_text()


def block(language):
    return re.search(r"```%s\n(.*?)```" % language, PAGE, re.DOTALL)[1]


class Tools(Serve):
    def setUp(self):
        super().setUp()
        self.reader = self.quipu("key", "add", "--data", "plan.quipu", "--read", "--tenant", "acme").strip()
        self.start()
        now = datetime.now(timezone.utc)
        sent = [event(n, time=(now - timedelta(days=n % 5)).strftime("%Y-%m-%dT%H:%M:%SZ")) for n in range(60)]
        status, answer = self.post(json.dumps(sent).encode(), None, "/v1/events?wait=counted")
        self.assertEqual((status, answer["counted"]), (200, True))

    def mine(self, text):
        return text.replace("127.0.0.1:8080", "127.0.0.1:%d" % self.port)

    def python(self, script):
        folder, why = installed(OPTIONS.cache, "tools", TOOLS, python_steps(TOOLS))
        if why:
            self.skipTest("the tools cannot be installed: " + why)
        return subprocess.run([folder / "bin" / "python", "-c", script], capture_output=True, text=True, timeout=120)

    def test_pandas(self):
        done = self.python("KEY = %r\n%s\nprint(frame.groupby('campaign')['count'].sum().to_json())\nprint(frame['bucket'].dtype.kind, len(frame))" % (self.reader, self.mine(block("python"))))
        self.assertEqual(done.returncode, 0, done.stderr)
        sums, kind = done.stdout.splitlines()
        self.assertEqual(json.loads(sums), {"c0": 20, "c1": 20, "c2": 20})
        self.assertEqual(kind, "M 90")

    def test_duckdb(self):
        sql = self.mine(block("sql")).replace("'Bearer KEY'", "'Bearer %s'" % self.reader)
        done = self.python("import duckdb\nfor row in duckdb.sql('SELECT 1').fetchall(): pass\ndb = duckdb.connect()\nparts = [s for s in %r.split(';') if s.strip()]\n"
                           "for s in parts[:-1]: db.execute(s)\nprint(sorted(db.execute(parts[-1]).fetchall()))" % sql)
        query = re.search(r"http://[^']+", block("sql"))[0]
        (self.here / "answer.csv").write_text(self.request("GET", query.partition(":8080")[2], None, self.reader)[2])
        file = self.python("import duckdb\nprint(sorted(duckdb.sql(%r).fetchall()))" % re.search(r"SELECT .*;", block("sql"))[0].replace(query, str(self.here / "answer.csv")))
        self.assertEqual((file.returncode, file.stdout.strip()), (0, "[('c0', 20), ('c1', 20), ('c2', 20)]"), file.stderr)
        if "httpfs" in done.stderr and done.returncode:
            self.skipTest("DuckDB cannot load its extension here: " + done.stderr.strip().splitlines()[-1])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.strip(), "[('c0', 20), ('c1', 20), ('c2', 20)]")

    def test_what_grafana_asks(self):
        dashboard = json.loads((SOURCE / "docs" / "tools" / "grafana.json").read_text())
        values = {v["name"]: v["current"]["value"] for v in dashboard["templating"]["list"] if "current" in v}
        fill = lambda text: re.sub(r"\$\{(\w+)\}", lambda m: values[m[1]], text)
        self.assertEqual(len(dashboard["panels"]), 2)
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                query = urllib.parse.urlencode([(p["key"], fill(p["value"])) for p in target["url_options"]["params"]])
                status, told, text = self.request("GET", target["url"] + "?" + query, None, self.reader)
                self.assertEqual(status, 200, text)
                rows = list(csv.DictReader(io.StringIO(text)))
                self.assertGreater(len(rows), 2)
                for column in target["columns"]:
                    self.assertIn(fill(column["selector"]), rows[0])

    def test_what_prometheus_is_told(self):
        path = SOURCE / "docs" / "tools" / "alerts.yaml"
        figures = set(re.findall(r"quipu_\w+", "".join(re.findall(r"expr: (.*)", path.read_text()))))
        self.assertGreaterEqual(len(figures), 4)
        told = self.request("GET", "/metrics")[2]
        for figure in figures:
            self.assertRegex(told, r"(?m)^%s[ {]" % figure)
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    parser.add_argument("--cache", required=True, type=Path)
    OPTIONS, rest = parser.parse_known_args()
    OPTIONS.cache = OPTIONS.cache.resolve()
    serve_case.use(OPTIONS.quipu)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
