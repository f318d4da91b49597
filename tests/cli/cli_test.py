#!/usr/bin/env python3
"""Drives the built quipu program as people do; inputs have a file of their own.

    cli_test.py --quipu build/quipu [unittest arguments]
"""
import json
import os
import re
import signal
import subprocess
import time

from quipu_case import DEADLINE_S, EXAMPLES, PLAN, Quipu, event, main


class Start(Quipu):
    def test_help_is_enough_to_start(self):
        text = self.quipu("--help").stdout
        for command in ("init", "check", "run", "query", "export", "inspect", "audit", "backup"):
            self.assertIn(command, text)
            self.assertIn("Usage", self.quipu(command, "--help").stdout)
        for example in ("quipu init", "quipu check", "quipu run", "quipu query"):
            self.assertIn(example, text)
        self.assertRegex(self.quipu("--version").stdout, r"^quipu \d+\.\d+")

    def test_wrong_arguments_are_status_2_and_say_where_help_is(self):
        for arguments in ([], ["count"], ["run"], ["query", "--colour"], ["query", "M", "--interval", "decade"], ["query", "M", "--where", "x"],
                          ["run", "plan.yaml", "-"], ["export", "--csv", "--json"]):
            self.assertIn("--help", self.quipu(*arguments, status=2).stderr, arguments)

    def test_the_whole_way_from_a_sample_to_an_answer(self):
        self.write("events.jsonl", "".join(event(n) for n in range(100)))
        self.write("plan.yaml", self.quipu("init", "events.jsonl").stdout)
        self.assertIn("100 read = 100 counted", self.quipu("check", "plan.yaml", "--sample", "events.jsonl").stdout)
        done = self.quipu("run", "plan.yaml", "events.jsonl")
        self.assertIn("100 read = 100 counted + 0 duplicate + 0 set aside + 0 unplanned; committed (checkpoint ", done.stdout)
        self.assertIn("in ./plan.quipu", done.stdout)
        # Its last line is a question that works.
        question = done.stdout.strip().splitlines()[-1]
        self.assertTrue(question.startswith("quipu query "), question)
        asked = subprocess.run(question.replace("quipu", self.program, 1), shell=True, cwd=self.here, capture_output=True, text=True)
        self.assertEqual(asked.returncode, 0, asked.stderr)

    def test_wrong_plans_name_file_line_key_and_what_is_right(self):
        cases = [
            (PLAN.replace("metrics:", "metric:"), r"plan\.yaml:5:\d+: .*metric.*did you mean \"metrics\""),
            (PLAN.replace("[colour, size]", "[color, size]"), r"plan\.yaml:5:\d+: .*\"color\".*did you mean \"colour\""),
            (PLAN.replace("time: /at", "when: /at"), r"plan\.yaml:2:\d+: "),
            (PLAN + "calendars: {default: [{zone: Europe/Belin}]}\n", r"plan\.yaml:6:\d+: .*Europe/Berlin"),
            ("quipu: 2\n", r"plan\.yaml:1:\d+: "),
            ("", r"plan\.yaml:1: "),
            (PLAN + "  x: [\n", r"plan\.yaml:\d+:\d+: "),
        ]
        self.write("events.jsonl", event(1))
        for text, message in cases:
            self.write("plan.yaml", text)
            for arguments in (["check", "plan.yaml"], ["run", "plan.yaml", "events.jsonl"]):
                self.assertRegex(self.quipu(*arguments, status=2).stderr, message)
        self.assertFalse((self.here / "plan.quipu").exists())
        self.assertIn("no such", self.quipu("check", "none.yaml", status=2).stderr)
        self.assertIn("no such file", self.quipu("run", self.write("plan.yaml", PLAN), "none.jsonl", status=2).stderr)

    def test_without_a_store_the_message_says_how_to_make_one(self):
        self.assertIn("quipu run", self.quipu("query", status=2).stderr)
        self.quipu("query", "--data", "none.quipu", status=2)


class Answers(Quipu):
    def test_names_that_are_not_there_are_errors_with_near_names(self):
        self.run_plan([event(n) for n in range(30)])
        store = ["--data", "plan.quipu"]
        for arguments, near in ((["Bougth"], "Bought"), (["Bought", "--by", "color"], "colour"), (["Bought", "--where", "sise=1"], "size"),
                                (["Bought", "--calendar", "UCT"], "UTC"), (["Bought", "--tenant", "shp"], "shop"), (["Bought", "--sort", "wort"], "worth")):
            self.assertIn(near, self.quipu("query", *arguments, *store, status=1).stderr, arguments)
        # What no counter answers exactly is an error too; it names the counter to add.
        self.write("narrow.yaml", PLAN.replace("[], colour, [colour, size]", "colour"))
        self.quipu("run", "narrow.yaml", "events.jsonl")
        self.assertIn("[size]", self.quipu("query", "Bought", "--by", "size", "--data", "narrow.quipu", status=1).stderr)

    def test_json_answers_have_the_promised_fields(self):
        self.run_plan([event(n) for n in range(30)])
        answer = self.ask("Bought", "--by", "colour", "--interval", "day", "--from", "2026-03-01", "--to", "2026-03-04")
        self.assertEqual(set(answer), {"question", "calendar", "zone", "as_of", "since", "partial", "figures", "counted_in_several_groups", "buckets", "filling", "groups"})
        self.assertEqual(set(answer["as_of"]), {"checkpoint", "time"})
        self.assertEqual((answer["calendar"], answer["zone"]), ("UTC", "UTC"))
        self.assertEqual(answer["buckets"], ["2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00", "2026-03-03T00:00:00+00:00"])
        self.assertEqual(answer["partial"], [])
        self.assertEqual(len(answer["since"]), 1)
        self.assertIsNone(answer["since"][0][1])
        self.assertIs(answer["counted_in_several_groups"], False)
        # Days 1, 2, 3 are events 0 and 20, 1 and 21, 2 and 22: colours by number modulo three.
        want = {"red": [1, 1, 0], "green": [1, 0, 1], "blue": [0, 1, 1]}
        for group in answer["groups"]:
            self.assertEqual(set(group), {"by", "count", "unique", "sum"})
            self.assertEqual(group["count"], want.pop(group["by"]["colour"]))
            self.assertEqual(group["unique"], group["count"])
            self.assertEqual(group["sum"], {"worth": ["1.10" if n else "0" for n in group["count"]]})
        self.assertEqual(want, {})

    def test_tables_and_csv(self):
        self.run_plan([event(0), event(1, colour=None), event(2, colour='a,"b"')])
        table = self.quipu("query", "Bought", "--by", "colour", "--in", "2026-03").stdout
        self.assertIn("(none)", table)
        rows = self.quipu("query", "Bought", "--by", "colour", "--in", "2026-03", "--csv", "--sort", "name").stdout.splitlines()
        self.assertEqual(rows, ["colour,bucket,count,unique,worth,partial", ",2026-03-01T00:00:00+00:00,1,1,1.10,", '"a,""b""",2026-03-01T00:00:00+00:00,1,1,1.10,',
                                "red,2026-03-01T00:00:00+00:00,1,1,1.10,"])
        listed = self.quipu("query").stdout
        self.assertIn("Bought", listed)
        self.assertIn("2026-03-03", listed)
        over_days = self.quipu("query", "Bought", "--from", "2026-03-01", "--to", "2026-03-04").stdout
        self.assertRegex(over_days, r"(?m)^ *3 +- ")
        self.assertIn("--interval day", over_days)

    def test_names_from_outside_reach_no_terminal_as_they_are_but_programs(self):
        hostile = "\x1b]0;owned\x07\x9b31m\x7f\u202fz\u00fcrich"
        shown = "\\x1b]0;owned\\x07\\u009b31m\\x7f\u202fz\u00fcrich"
        plan = PLAN.replace("{const: shop}", "/shop")
        self.write("plan.yaml", plan)
        events = os.fsencode(self.here) + b"/e\x1b[2J\xff\xc2\x9b.jsonl"
        with open(events, "w") as file:
            file.write(event(0, hostile, shop=hostile, colour=hostile) + event(1, "Sold\nOut", shop="other\n\x1b[2J") + event(2, shop="other", at="never" + hostile))

        def people(*arguments, status=0):
            done = self.quipu(*arguments, status=status)
            for text in (done.stdout, done.stderr):
                self.assertEqual(re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffd]", text), [], arguments)
            return done.stdout + done.stderr

        store = ["--data", "plan.quipu"]
        self.assertIn("time_bad", people("run", "plan.yaml", events, "--data", "other.quipu", "--strict", status=1))
        # The second run finds nothing new in the file, and says so with its name.
        people("run", "plan.yaml", events, *store, status=3)
        people("run", "plan.yaml", events, *store)
        people("run", "plan.yaml", b"none\x1b[2J\xff", *store, status=2)
        self.assertIn(shown, people("query", "--tenant", hostile, *store))
        self.assertIn(shown, people("query", hostile, "--by", "colour", "--where", "colour=" + hostile, "--tenant", hostile, "--in", "lifetime", *store))
        self.assertIn(shown, people("query", hostile[:-1], "--tenant", hostile, *store, status=1))   # a near name
        self.assertIn("other\\x0a\\x1b[2J", people("query", "Bought", *store, status=1))             # tenants to choose from
        self.assertIn("e\\x1b[2J\\xff\\u009b.jsonl", people("inspect", *store))
        people("audit", "plan.yaml", events, *store)
        people("audit", "plan.yaml", b"none\x1b[2J\xff", *store, status=2)
        people("check", "plan.yaml", "--sample", events, status=3)
        # Programs get every byte.
        answer = self.ask(hostile, "--by", "colour", "--tenant", hostile, "--in", "lifetime", *store)
        self.assertEqual(answer["groups"][0]["by"]["colour"], hostile)
        self.assertIn(hostile, self.quipu("query", hostile, "--by", "colour", "--tenant", hostile, "--in", "lifetime", "--csv", *store).stdout)
        self.assertEqual({json.loads(line)["tenant"] for line in self.quipu("export", *store).stdout.splitlines()}, {hostile, "other\n\x1b[2J"})

    def test_ranges_may_be_written_as_months_weeks_days_hours_and_times(self):
        self.run_plan([event(n) for n in range(40)])   # two on each of 1 to 20 March, at ten
        for begin, end, count in (("2026-03", "2026-04", 40), ("2026-W10", "2026-W11", 14), ("2026-03-02", "2026-03-03", 2), ("2026-03-02T10", "2026-03-02T11", 2),
                                  ("2026-03-02T10:00", "2026-03-03T10:00:00Z", 2), ("2026-03-02T11:00+01:00", "2026-03-02T12:00+01:00", 2)):
            self.assertEqual(self.counts("Bought", "--from", begin, "--to", end), {(): [count]}, begin)
        self.assertEqual(self.counts("Bought", "--interval", "lifetime"), {(): [40]})
        self.assertIn("no date", self.quipu("query", "Bought", "--from", "March", "--to", "April", status=1).stderr)

    def test_a_new_counter_begins_where_it_was_planned(self):
        narrow = PLAN.replace(", [colour, size]", "")
        self.run_plan([event(n) for n in range(10)], narrow)
        self.write("plan.yaml", narrow.replace("by: [[], colour", "by: [[], size, colour"))
        self.write("more.jsonl", event(100, at="2026-03-01T12:00:00Z"))
        self.quipu("run", "plan.yaml", "events.jsonl", "more.jsonl")
        answer = self.ask("Bought", "--by", "size", "--in", "2026-03-01")
        self.assertEqual(answer["groups"][0]["count"], [1])
        self.assertEqual(answer["partial"], ["2026-03-01T00:00:00+00:00"])
        self.assertEqual(self.ask("Bought", "--in", "2026-03-01")["groups"][0]["count"], [2])
        # One that has everything is asked before it, though its groups are added up.
        self.write("plan.yaml", PLAN.replace("by: [[], colour", "by: [[], size, colour"))
        data = ["--data", "wide.quipu"]
        self.quipu("run", self.write("wide.yaml", PLAN), "events.jsonl", *data)
        self.quipu("run", "plan.yaml", "more.jsonl", *data)
        answer = self.ask("Bought", "--by", "size", "--in", "2026-03-01", *data)
        self.assertEqual((sum(g["count"][0] for g in answer["groups"]), answer["partial"]), (2, []))
        self.write("plan.yaml", PLAN.replace("/who", "/whom"))
        self.assertIn("new store", self.quipu("run", "plan.yaml", "events.jsonl", status=1).stderr)

    def test_email_example(self):
        done = self.quipu("run", EXAMPLES / "email.yaml", EXAMPLES / "email.jsonl", status=3)
        self.assertIn("32 read = 22 counted + 4 duplicate + 6 set aside + 0 unplanned", done.stdout)
        acme = ["--tenant", "acme"]
        engaged = self.ask("Engaged", *acme, "--by", "campaign", "--in", "2026-03")
        self.assertEqual([(g["by"]["campaign"], g["count"], g["unique"]) for g in engaged["groups"]], [("spring-sale", [7], [3]), ("clocks", [2], [1])])
        self.assertEqual(self.ask("Engaged", *acme, "--in", "lifetime")["groups"][0]["unique"], [4])
        orders = self.ask("Placed Order", *acme, "--in", "2026-03")["groups"][0]
        self.assertEqual((orders["count"], orders["unique"], orders["sum"]), ([3], [2], {"revenue": ["147.40"]}))
        days = self.ask("Opened Email", *acme, "--interval", "day", "--from", "2026-03-02", "--to", "2026-03-04")["groups"][0]
        self.assertEqual((days["count"], days["unique"]), ([4, 1], [2, 1]))
        weeks = self.ask("Opened Email", *acme, "--interval", "week", "--from", "2026-03-01", "--to", "2026-03-15")
        self.assertEqual((weeks["groups"][0]["count"], weeks["groups"][0]["unique"]), ([5, 2], [3, 1]))
        self.assertEqual(weeks["buckets"], ["2026-03-01T00:00:00-05:00", "2026-03-08T00:00:00-05:00"])
        self.assertEqual(self.counts("Opened Email", "--tenant", "cedar", "--calendar", "cedar", "--in", "2026-03-05"), {(): [1]})
        self.assertEqual(self.counts("Opened Email", "--tenant", "cedar", "--calendar", "utc", "--in", "2026-03-04"), {(): [2]})
        clicked = self.ask("Clicked Email", "--tenant", "cedar", "--by", "campaign", "--in", "2026-03")
        self.assertEqual({g["by"]["campaign"] for g in clicked["groups"]}, {"12", "leap"})
        self.assertIs(clicked["counted_in_several_groups"], True)
        self.assertIn("acme", self.quipu("query", "Engaged", status=1).stderr)   # several tenants: which?

    def test_shop_example(self):
        done = self.quipu("run", EXAMPLES / "shop.yaml", EXAMPLES / "shop.jsonl", status=3)
        self.assertIn("22 read = 15 counted + 2 duplicate + 3 set aside + 2 unplanned", done.stdout)
        paid = ["Placed Order", "--where", "paid=paid", "--in", "2026-03"]
        march = self.ask(*paid)["groups"][0]
        self.assertEqual((march["count"], march["unique"], march["sum"]), ([13], [8], {"revenue": ["290.230002"], "units": ["19"]}))
        items = {(g["by"]["sku"], g["by"]["color"]): (g["count"][0], g["unique"][0], g["sum"]["revenue"][0]) for g in self.ask(*paid, "--by", "sku,color")["groups"]}
        self.assertEqual(items, {
            ("A", "red"): (5, 3, "180.490002"), ("A", "blue"): (1, 1, "20.50"), ("B", "blue"): (3, 2, "167"), ("", "blue"): (1, 0, "15"),
            ("B", ""): (1, 0, "15"), ("", ""): (2, 2, "0.20"), ("C", ""): (1, 1, "0.10"), ("D", "black"): (2, 1, "18"),
            ("赤", "é\0"): (1, 1, "44.44"), ("0095", "95"): (1, 1, "44.44"), ("95", "9.5e1"): (1, 1, "44.44")})
        self.assertEqual(self.counts("Placed Order", "--where", "paid=paid", "--by", "country", "--in", "2025-10-26"), {("DE",): [2]})

    def test_product_example(self):
        done = self.quipu("run", EXAMPLES / "product.yaml", EXAMPLES / "product.jsonl", status=3)
        self.assertIn("28 read = 22 counted + 2 duplicate + 4 set aside + 0 unplanned", done.stdout)
        week = ["--tenant", "w1", "--calendar", "us", "--in", "2026-W11"]
        companies = {g["by"]["company"]: (g["count"][0], g["unique"][0]) for g in self.ask("Active", *week, "--by", "company")["groups"]}
        self.assertEqual(companies, {"c1": (6, 2), "c2": (7, 2), "": (3, 2), "c3": (1, 0)})
        everybody = self.ask("Active", *week)
        self.assertEqual((everybody["groups"][0]["count"], everybody["groups"][0]["unique"]), ([14], [4]))
        self.assertEqual(everybody["buckets"], ["2026-03-08T00:00:00-05:00"])
        search = self.ask("Used Feature", *week, "--by", "feature", "--where", "feature=search")["groups"][0]
        self.assertEqual((search["count"], search["unique"], search["sum"]), ([5], [2], {"ms": ["247.500001"]}))


class Running(Quipu):
    def start(self, lines):
        self.write("plan.yaml", PLAN)
        self.write("events.jsonl", "".join(event(n) for n in range(500)))
        process = self.background("run", "plan.yaml", "events.jsonl", "-", "--as", "tap")
        process.stdin.write("".join(lines))
        process.stdin.flush()
        self.until("the store's socket", lambda: any(p.is_socket() for p in (self.here / "plan.quipu").glob("*")))
        return process

    def count(self):
        done = subprocess.run([self.program, "query", "Bought", "--in", "lifetime", "--json"], cwd=self.here, capture_output=True, text=True)
        return json.loads(done.stdout)["groups"][0]["count"][0] if done.returncode == 0 else -1

    def test_everything_can_be_asked_while_a_run_holds_the_store(self):
        process = self.start([])
        self.until("the file's events", lambda: self.count() == 500)
        self.assertIn("0 different", self.quipu("audit", "plan.yaml", "events.jsonl").stdout)
        self.assertTrue(json.loads(self.quipu("inspect", "--json").stdout)["counted"] == 500)
        self.assertIn("500", self.quipu("inspect").stdout)
        exported = [json.loads(line) for line in self.quipu("export").stdout.splitlines()]
        self.assertEqual(sum(e["count"] for e in exported if e["interval"] == "lifetime" and not e["by"]), 500)
        # Answers are fresh: what comes now is in an answer a few seconds later, though the last checkpoint is not due.
        process.stdin.write("".join(event(n) for n in range(500, 620)))
        process.stdin.flush()
        waited = self.until("what came by standard input", lambda: self.count() == 620)
        self.assertLess(waited, 10)
        self.quipu("backup", "copy.quipu")
        self.assertIn("already", self.quipu("backup", "copy.quipu", "--data", "plan.quipu", status=1).stderr)
        # Errors and near names come back through the socket too.
        self.assertIn("Bought", self.quipu("query", "Bougth", "--data", "plan.quipu", status=1).stderr)
        self.assertIn("--help", self.quipu("query", "--nonsense", status=2).stderr)
        # A second run on the same store is refused.
        self.quipu("run", "plan.yaml", "events.jsonl", status=1)
        process.stdin.close()
        self.assertEqual(process.wait(timeout=DEADLINE_S), 0)
        self.assertIn("620 read = 620 counted", process.stdout.read())
        self.assertEqual(self.counts("Bought", "--in", "lifetime", "--data", "plan.quipu"), {(): [620]})
        # The copy is a store of its own, and can be counted on.
        self.assertEqual(self.counts("Bought", "--in", "lifetime", "--data", "copy.quipu"), {(): [620]})
        self.write("more.jsonl", event(1000))
        self.quipu("run", "plan.yaml", "more.jsonl", "--data", "copy.quipu")
        self.assertEqual(self.counts("Bought", "--in", "lifetime", "--data", "copy.quipu"), {(): [621]})
        self.assertEqual(self.counts("Bought", "--in", "lifetime", "--data", "plan.quipu"), {(): [620]})

    def test_an_interrupt_ends_cleanly_and_the_same_command_goes_on(self):
        lines = [event(n) for n in range(500, 700)]
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                data = ["--data", "stopped%d.quipu" % number]
                self.write("plan.yaml", PLAN)
                process = self.background("run", "plan.yaml", "-", "--as", "tap", *data)
                process.stdin.write("".join(lines[:80]))
                process.stdin.flush()
                self.until("the first events", lambda: subprocess.run([self.program, "query", "Bought", "--in", "lifetime", *data], cwd=self.here,
                                                                      capture_output=True).returncode == 0)
                process.send_signal(number)
                out, err = process.communicate(timeout=DEADLINE_S)
                self.assertEqual(process.returncode, 128 + number, err)
                self.assertIn("stopped: 80 read = 80 counted", out)
                self.assertIn("the same command continues", out)
                done = self.quipu("run", "plan.yaml", "-", "--as", "tap", *data, input="".join(lines))
                self.assertIn("120 read = 120 counted + 0 duplicate", done.stdout)
                self.assertEqual(self.counts("Bought", "--in", "lifetime", *data), {(): [200]})

    def test_interrupts_in_a_long_file_lose_and_repeat_nothing(self):
        self.write("plan.yaml", PLAN.replace("id: /id, ", ""))   # without ids a line counted twice would show
        with open(self.here / "events.jsonl", "w") as file:
            for n in range(150000):
                file.write(event(n))
        total = 0
        for attempt in range(20):
            process = self.background("run", "plan.yaml", "events.jsonl")
            if attempt < 6:
                time.sleep(0.15)
                process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
            # A signal that comes before the handler is there ends the process at once; nothing is lost then either.
            self.assertIn(process.returncode, (0, 128 + signal.SIGINT, -signal.SIGINT), err)
            read = re.search(r"([\d,]+) read", out)
            total += int(read[1].replace(",", "")) if read else 0
            if attempt >= 6:
                break
        self.assertEqual(total, 150000)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [150000]})

    def test_after_a_kill_the_same_command_gives_the_same_answers(self):
        process = self.start([event(n) for n in range(500, 600)])
        self.until("the first events", lambda: self.count() >= 500)
        process.kill()
        process.wait()
        done = self.quipu("run", "plan.yaml", "events.jsonl", "-", "--as", "tap", input="".join(event(n) for n in range(500, 650)))
        self.assertNotIn("error", done.stderr)
        self.assertEqual(self.counts("Bought", "--in", "lifetime"), {(): [650]})


class Plans(Quipu):
    def test_init_says_on_what_it_rests_and_its_plan_counts_the_sample(self):
        for name, counted in (("email.jsonl", None), ("shop.jsonl", None), ("product.jsonl", None), ("nyc_flights_dst.jsonl.gz", 58694), ("cdnow_master.txt.gz", 69659)):
            with self.subTest(sample=name):
                plan = self.quipu("init", EXAMPLES / name).stdout
                self.assertIn("# time from ", plan.replace("  # time", "# time"))
                self.write("guess.yaml", plan)
                self.quipu("check", "guess.yaml")
                run = subprocess.run([self.program, "run", "guess.yaml", EXAMPLES / name, "--data", name + ".quipu"], cwd=self.here, capture_output=True, text=True)
                self.assertIn(run.returncode, (0, 3), run.stderr)
                numbers = [int(n.replace(",", "")) for n in re.search(r"([\d,]+) read = ([\d,]+) counted", run.stdout).groups()]
                self.assertGreater(numbers[1] * 10, numbers[0] * 6, run.stdout)
                if counted:
                    self.assertEqual(numbers, [counted, counted])

    def test_check_shows_what_is_read_and_counted(self):
        done = self.quipu("check", EXAMPLES / "email.yaml", "--sample", EXAMPLES / "email.jsonl", "--show", "1", status=3)
        self.assertIn("32 read = 22 counted + 4 duplicate + 6 set aside + 0 unplanned", done.stdout)
        for text in ("acme", "ann@example.com", "/time", "spring-sale", "2026-03-02T09:00:00-05:00", "time_bad", "tenant_unknown", "counters an event", "line 30"):
            self.assertIn(text, done.stdout)
        self.assertNotIn("event 2", done.stdout)


if __name__ == "__main__":
    main()
