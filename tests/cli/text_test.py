#!/usr/bin/env python3
"""Text as it comes: headers, marks, quoted line breaks, unfinished last lines, logs, and what is no input.

    text_test.py --quipu build/quipu [unittest arguments]
"""
import gzip
import json
import subprocess

from quipu_case import PLAN, Quipu, event, main

CSV = """quipu: 1
input: {format: delimited}
event: {tenant: {const: t}, metric: {const: M}, profile: /who, time: /time, values: {v: /amount}}
properties: {p: /p}
count: [{metrics: "*", by: [[], p], sum: [v]}]
"""


class Text(Quipu):
    def write_bytes(self, name, content):
        (self.here / name).write_bytes(content)

    def run_files(self, *files, plan=CSV, status=0, store="s.quipu", flags=()):
        self.write("plan.yaml", plan)
        return self.quipu("run", *flags, "--data", store, "plan.yaml", *files, status=status)

    def groups(self, *arguments, store="s.quipu"):
        answer = json.loads(self.quipu("query", *arguments, "--in", "2026-03", "--json", "--data", store).stdout)
        return {tuple(g["by"].values()): (g["count"][0], g["unique"][0], g.get("sum", {}).get("v", [None])[0]) for g in answer["groups"]}

    def letters(self, store="s.quipu"):
        return [json.loads(line) for line in (self.here / store / "dead-letter.jsonl").read_text().splitlines()]

    def refused(self, *files, says, plan=CSV, status=1, flags=()):
        done = self.run_files(*files, plan=plan, status=status, store="refused.quipu", flags=flags)
        for part in says:
            self.assertIn(part, done.stderr)
        self.assertNotIn("counted +", done.stdout)

    # ---- headers ----

    def test_each_file_is_read_under_its_own_header(self):
        rows = [("2026-03-%02d" % (1 + n % 20), "u%d" % n, n, "p%d" % (n % 3)) for n in range(60)]
        orders = [("time", "who", "amount", "p"), ("p", "amount", "who", "time"), ("amount", "p", "time", "who")]
        names = []
        for f, order in enumerate(orders):
            place = [("time", "who", "amount", "p").index(c) for c in order]
            lines = [",".join(order)] + [",".join(str(row[i]) for i in place) for row in rows[f::3]]
            names.append("f%d.csv" % f)
            self.write(names[-1], "\n".join(lines) + "\n")
        right = {("p%d" % f,): (20, 20, str(sum(range(f, 60, 3)))) for f in range(3)}
        for n, files in enumerate((names, names[::-1])):
            self.run_files(*files, store="o%d.quipu" % n)
            self.assertEqual(self.groups("M", "--by", "p", store="o%d.quipu" % n), right)

    def test_a_file_that_begins_with_an_empty_line_has_the_next_one_as_its_header(self):
        self.write("a.csv", "time,who,amount,p\n2026-03-01,ann,1,x\n")
        self.write("b.csv", "\n \np,time,amount,who\ny,2026-03-02,2,bob\n")
        for n, files in enumerate((("a.csv", "b.csv"), ("b.csv", "a.csv"))):
            self.run_files(*files, store="o%d.quipu" % n)
            self.assertEqual(self.groups("M", "--by", "p", store="o%d.quipu" % n), {("x",): (1, 1, "1"), ("y",): (1, 1, "2")})

    def test_e08_a_header_that_lacks_a_planned_column_is_refused_before_anything_is_counted(self):
        self.write("a.csv", "time,who,amount,p\n2026-03-01,ann,10,x\n")
        self.write("b.csv", "time,who,total,p\n2026-03-02,bob,20,x\n")
        self.write("c.csv", "time, who, amount, p\n2026-03-03,cat,30,x\n")
        self.run_files("a.csv")
        refused = self.run_files("a.csv", "b.csv", "c.csv", status=1)
        self.assertIn("b.csv: the header lacks what the plan reads: /amount", refused.stderr)
        self.assertEqual(self.groups("M"), {(): (1, 1, "10")})
        self.run_files("c.csv")
        self.assertEqual(self.groups("M", "--by", "p"), {("x",): (2, 2, "40")})
        checked = self.quipu("check", "plan.yaml", "b.csv", status=1)
        self.assertIn("/amount", checked.stderr)
        # The plan may allow it, also on a store that has counted.
        self.run_files("b.csv", plan=CSV.replace("format: delimited", "format: delimited, missing_columns: empty"))
        self.assertEqual(self.groups("M"), {(): (3, 3, "40")})

    # ---- text ----

    def test_a_byte_order_mark_and_all_ends_of_lines_are_read(self):
        lines = ["time,who,amount,p", "2026-03-01,ann,1,x", "2026-03-01,bob,2,y", ""]
        for n, (end, mark) in enumerate((e, m) for e in ("\n", "\r\n", "\r") for m in (b"", b"\xef\xbb\xbf")):
            self.write_bytes("a.csv", mark + end.join(lines).encode())
            self.run_files("a.csv", store="e%d.quipu" % n)
            self.assertEqual(self.groups("M", "--by", "p", store="e%d.quipu" % n), {("x",): (1, 1, "1"), ("y",): (1, 1, "2")})
        self.write_bytes("a.jsonl", b"\xef\xbb\xbf" + event(1).encode())
        self.run_files("a.jsonl", plan=PLAN, store="mark.quipu")
        for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            self.write_bytes("a.csv", "\n".join(lines).encode(code))
            self.refused("a.csv", says=["a.csv: is text in UTF-" + code[4:6], "iconv"])

    def test_e09_quoted_fields_may_hold_line_breaks(self):
        self.write("a.csv", 'time,who,amount,p\n2026-03-01,ann,1,"first\nsecond"\n2026-03-01,bob,2,"first\n2026-03-01,zed,99,injected"\n'
                            '2026-03-01,cat,4,plain\n2026-03-01,dan\n')
        done = self.run_files("a.csv", status=3)
        self.assertIn("4 read = 3 counted", done.stdout)
        self.assertEqual(self.groups("M", "--by", "p"), {("first\nsecond",): (1, 1, "1"), ("first\n2026-03-01,zed,99,injected",): (1, 1, "2"),
                                                         ("plain",): (1, 1, "4")})
        self.assertEqual([(x["line"], x["reason"]) for x in self.letters()], [(7, "wrong_field_count")])

    def test_one_stray_quote_spoils_one_line_and_no_file(self):
        rows = ["2026-03-01,u%d,1,x" % n for n in range(70000)]   # more than 1 MiB
        rows[5] = '2026-03-01,u5,1,"x'
        self.write("a.csv", "\n".join(["time,who,amount,p"] + rows) + "\n")
        self.run_files("a.csv", status=3)
        self.assertEqual(self.groups("M"), {(): (69999, 69999, "69999")})
        letter, = self.letters()
        self.assertEqual((letter["line"], letter["reason"], letter["text"]), (7, "quote_open", rows[5]))

    def test_an_open_quote_at_the_end_waits_for_the_rest_or_is_set_aside(self):
        begin = 'time,who,amount,p\n2026-03-01,ann,1,x\n2026-03-01,bob,2,"y\n2026-03-01,cat,4,z\n'
        self.write("a.csv", begin)
        left = self.run_files("a.csv", status=3)
        self.assertIn("from line 3 on, where a quote is opened and not closed yet", left.stderr)
        self.assertIn("--complete", left.stderr)
        self.assertEqual(self.groups("M"), {(): (1, 1, "1")})
        self.run_files("a.csv", status=3, store="c.quipu", flags=["--complete"])
        self.assertEqual(self.groups("M", "--by", "p", store="c.quipu"), {("x",): (1, 1, "1"), ("z",): (1, 1, "4")})
        self.assertEqual([(x["line"], x["reason"]) for x in self.letters("c.quipu")], [(3, "quote_open")])
        self.write("a.csv", begin + '"\n2026-03-01,dan,8,x\n')
        self.run_files("a.csv")
        self.assertEqual(self.groups("M", "--by", "p"), {("x",): (2, 2, "9"), ("y\n2026-03-01,cat,4,z\n",): (1, 1, "2")})

    # ---- the last line ----

    def test_e04_a_half_written_line_is_left_for_the_next_run(self):
        lines = [event(n) for n in range(4)]
        whole = "".join(lines)
        self.write("a.log", lines[0] + lines[1] + lines[2][:-20])
        for read in (2, 0):   # it is said each time
            left = self.run_files("a.log", plan=PLAN, status=3)
            self.assertIn("%d read = %d counted + 0 duplicate + 0 set aside" % (read, read), left.stdout)
            self.assertIn("a.log: left for the next run: %d bytes from line 3 on, which has no newline yet" % (len(lines[2]) - 20), left.stderr)
        self.write("a.log", whole)
        self.assertIn("2 read = 2 counted", self.run_files("a.log", plan=PLAN).stdout)
        self.run_files("a.log", plan=PLAN)

    def test_a_whole_object_without_newline_counts_and_may_get_its_newline(self):
        self.write("a.log", event(0) + event(1).rstrip())
        self.assertIn("2 read = 2 counted", self.run_files("a.log", plan=PLAN).stdout)
        self.write("a.log", event(0) + event(1) + event(2))
        self.assertIn("1 read = 1 counted", self.run_files("a.log", plan=PLAN).stdout)

    def test_the_last_row_of_columns_counts_when_it_cannot_grow(self):
        text = "time,who,amount,p\n2026-03-01,ann,1,x\n2026-03-01,bob,10,y"
        self.write("a.csv", text)
        self.run_files("a.csv", status=3)
        self.assertEqual(self.groups("M"), {(): (1, 1, "1")})
        self.write("a.csv", text + "es\n")
        self.run_files("a.csv")
        self.assertEqual(self.groups("M", "--by", "p"), {("x",): (1, 1, "1"), ("yes",): (1, 1, "10")})
        self.write("b.csv", text)
        self.run_files("b.csv", store="b.quipu", flags=["--complete"])
        self.assertEqual(self.groups("M", store="b.quipu"), {(): (2, 2, "11")})
        self.write_bytes("c.csv.gz", gzip.compress(text.encode()))
        self.run_files("c.csv.gz", store="c.quipu")
        self.assertEqual(self.groups("M", store="c.quipu"), {(): (2, 2, "11")})

    def test_a_pipe_that_ended_within_a_line_is_finished_by_the_next(self):
        self.write("plan.yaml", PLAN)
        whole = event(0) + event(1)
        run = ["run", "--data", "s.quipu", "plan.yaml", "-", "--as", "tap"]
        left = self.quipu(*run, input=whole[:-9], status=3)
        self.assertIn("1 read = 1 counted", left.stdout)
        self.assertIn("left for the next run", left.stderr)
        self.assertIn("1 read = 1 counted", self.quipu(*run, input=whole).stdout)

    # ---- times ----

    def test_e11_a_web_servers_log_is_read_as_it_is_and_its_offset_counts(self):
        self.write("a.log", '192.0.2.1 - - [10/Mar/2026:13:55:36 +0200] "GET /x?y=1 HTTP/1.1" 200 12\n'
                            '192.0.2.2 - - [10/Mar/2026:13:55:36 -0700] "GET /y HTTP/1.1" 200 12 "-" "Mozilla/5.0 (a b)"\n')
        hours = {"2026-03-10T11:00:00+00:00": 1, "2026-03-10T20:00:00+00:00": 1}
        plans = {
            "log": "quipu: 1\ninput: {format: combined_log}\nevent: {tenant: {const: t}, metric: /method, profile: /host, time: /time}\n"
                   "properties: {path: /path}\ncount: [{metrics: \"*\", by: [[], path]}]\n",
            "join": "quipu: 1\ninput: {format: delimited, delimiter: whitespace, columns: [host, ident, user, time, offset, request, status, bytes]}\n"
                    "event: {tenant: {const: t}, metric: {const: GET}, profile: /host, time: {join: [/time, /offset], format: \"[%d/%b/%Y:%H:%M:%S %z]\"}}\n"
                    "count: [{metrics: \"*\", by: [[]]}]\n"}
        for name, plan in plans.items():
            if name == "join":
                self.write("a.log", "".join(line.split(' "-"')[0] + "\n" for line in (self.here / "a.log").read_text().splitlines()))
            self.run_files("a.log", plan=plan, store=name + ".quipu")
            answer = json.loads(self.quipu("query", "GET", "--from", "2026-03-10", "--to", "2026-03-11", "--interval", "hour", "--json",
                                           "--data", name + ".quipu").stdout)
            counts = zip(answer["buckets"], answer["groups"][0]["count"])
            self.assertEqual({bucket: count for bucket, count in counts if count}, hours)
        self.assertEqual(self.groups("GET", "--by", "path", store="log.quipu"), {("/x",): (1, 1, None), ("/y",): (1, 1, None)})

    def test_seconds_under_unix_ms_are_hinted_at(self):
        plan = PLAN.replace("time: /at", "time: {at: /at, unit: unix_ms}")
        self.write("a.log", event(1, at=1772359200) + event(2, at=1772359200000))
        done = self.run_files("a.log", plan=plan)
        self.assertIn("note: 1 unit_too_fine: a time in January 1970 under unix_ms; is it in seconds (unix_s)?", done.stdout)
        self.assertIn("in January 1970", self.quipu("check", "plan.yaml", "a.log").stdout)

    # ---- what is no input ----

    def test_what_is_no_input_is_named_and_nothing_of_it_counted(self):
        self.write_bytes("a.parquet", b"PAR1\x15\x04\x15\x90")
        self.write_bytes("a.xlsx", b"PK\x03\x04\x14\x00\x06\x00")
        (self.here / "folder").mkdir()
        objects = [json.loads(event(n)) for n in range(30)]
        self.write("array.json", json.dumps(objects))
        self.write("array2.json", json.dumps(objects, indent=1))
        self.write("pretty.json", "\n".join(json.dumps(o, indent=2) for o in objects))
        self.write("a.csv", "when,who\n" + "2026-03-01,ann\n" * 5)
        for name, says in {"a.parquet": ["Parquet"], "a.xlsx": ["zip", "xlsx"], "folder": ["folder"], "array.json": ["JSON array", "jq -c '.[]'"],
                           "array2.json": ["JSON array", "jq -c '.[]'"], "pretty.json": ["over several lines", "jq -c ."],
                           "a.csv": ["each of its first 6 lines would be set aside", "line 1: not_json", "--anyway"]}.items():
            flags = ["--complete"]   # also where the only line has no newline
            self.refused(name, says=[name + ": "] + says, plan=PLAN, flags=flags)
        self.write("good.log", event(0))
        self.refused("good.log", "a.csv", says=["a.csv: "], plan=PLAN)
        self.assertFalse((self.here / "refused.quipu").exists(), "nothing was counted, so no store is left")

    def test_an_input_whose_beginning_is_bad_is_counted_when_that_is_said(self):
        self.write("a.log", "junk\n" * 150 + event(0))
        self.refused("a.log", says=["each of its first 100 lines would be set aside", "--anyway"], plan=PLAN)
        done = self.run_files("a.log", plan=PLAN, status=3, flags=["--anyway"])
        self.assertIn("151 read = 1 counted", done.stdout)
        self.write("b.log", "other junk\n" * 99 + event(1))
        self.assertIn("100 read = 1 counted", self.run_files("b.log", plan=PLAN, status=3).stdout)

    def test_a_pipe_of_something_else_is_refused_and_a_bad_first_line_is_not(self):
        self.write("plan.yaml", PLAN)
        bad = self.quipu("run", "--data", "p.quipu", "plan.yaml", "-", "--as", "tap", input="[1,\n2]\n", status=1)
        self.assertIn("-tap: each of its first 2 lines would be set aside", bad.stderr)
        with subprocess.Popen([self.program, "run", "--data", "q.quipu", "plan.yaml", "-", "--as", "tap"], cwd=self.here, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            for line in ("banner\n", event(0), event(1)):
                run.stdin.write(line)
                run.stdin.flush()
            out, _ = run.communicate(timeout=60)
        self.assertIn("3 read = 2 counted", out)
        self.assertEqual(run.returncode, 3)


if __name__ == "__main__":
    main()
