#!/usr/bin/env python3
"""Exit statuses of all commands, backups, and what runs that end early leave.

    statuses_test.py --quipu build/quipu [unittest arguments]
"""
import json
import signal
import subprocess

from quipu_case import DEADLINE_S, PLAN, Quipu, event, main


class Statuses(Quipu):
    def test_every_command(self):
        self.write("plan.yaml", PLAN)
        self.write("wrong.yaml", PLAN.replace("metrics:", "metric:"))
        self.write("good.jsonl", "".join(event(n) for n in range(20)))
        self.write("bad.jsonl", event(50) + "no event\n")
        self.write("other.jsonl", event(60))
        self.write("empty.jsonl", "")
        self.quipu("query", "Bought", status=2)   # no store here
        for command in (["query"], ["export"], ["inspect"], ["backup", "copy"]):
            self.assertIn("no such store", self.quipu(*command, "--data", "none.quipu", status=2).stderr)
        self.assertIn("no such store", self.quipu("audit", "plan.yaml", "good.jsonl", status=2).stderr)
        self.assertIn("no such store", self.quipu("query", "--data", "plan.yaml", status=2).stderr)
        self.assertFalse((self.here / "copy").exists())
        # 0
        self.quipu("run", "plan.yaml", "good.jsonl")
        for command in (["init", "good.jsonl"], ["check", "plan.yaml"], ["check", "plan.yaml", "good.jsonl"], ["run", "plan.yaml", "good.jsonl"], ["query"],
                        ["query", "--json"], ["query", "--csv"], ["query", "Bought"], ["query", "Bought", "--csv"], ["export"], ["export", "--csv"], ["inspect"],
                        ["inspect", "--json"], ["audit", "plan.yaml", "good.jsonl"], ["backup", "copy"], ["--help"], ["query", "--help"], ["--version"]):
            self.assertTrue(self.quipu(*command).stdout, command)
        # 1: an error, or what the store does not have
        for command in (["query", "Bougth"], ["query", "Bought", "--by", "color"], ["query", "Bought", "--tenant", "x"], ["query", "--tenant", "x"],
                        ["query", "Bought", "--in", "March"], ["query", "Bought", "--in", "2026-03", "--from", "2026-03"], ["query", "Bought", "--to", "2026-03"],
                        ["query", "Bought", "--in", "lifetime", "--calendar", "x"], ["backup", "copy"], ["audit", "plan.yaml", "good.jsonl", "other.jsonl"]):
            failed = self.quipu(*command, "--data", "plan.quipu", status=1)
            self.assertEqual(failed.stdout, "", command)
            self.assertTrue(failed.stderr.startswith("quipu %s: " % command[0]), failed.stderr)
        self.write("good.jsonl", "".join(event(n, worth="2") for n in range(20)))
        self.quipu("audit", "plan.yaml", "good.jsonl", "--data", "plan.quipu", status=1)
        self.quipu("run", "plan.yaml", "bad.jsonl", "--strict", "--data", "strict.quipu", status=1)
        # 2: a wrong plan or command line
        for command in ([], ["count"], ["run", "plan.yaml"], ["run", "none.yaml", "good.jsonl"], ["run", "wrong.yaml", "good.jsonl"], ["run", "plan.yaml", "none.jsonl"],
                        ["run", "plan.yaml", "-"], ["run", "plan.yaml", "good.jsonl", "--memory", "lots"], ["run", "plan.yaml", "good.jsonl", "--checkpoint", "0"],
                        ["check", "none.yaml"], ["check", "wrong.yaml"], ["check", "plan.yaml", "none.jsonl"], ["init", "none.jsonl"], ["init"],
                        ["audit", "none.yaml", "good.jsonl"], ["audit", "wrong.yaml", "good.jsonl", "--data", "plan.quipu"], ["audit", "plan.yaml", "none.jsonl"], ["audit", "plan.yaml"],
                        ["query", "--json", "--csv"], ["query", "Bought", "--limit", "x"], ["query", "Bought", "--interval", "decade"], ["backup"],
                        ["query", "Bought", "--in", "lifetime", "--interval", "lifetime"], ["query", "Bought", "--where", "=x"]):
            failed = self.quipu(*command, status=2)
            self.assertEqual(failed.stdout, "", command)
            self.assertTrue(failed.stderr, command)
        # 3: done, with lines set aside
        self.quipu("run", "plan.yaml", "bad.jsonl", status=3)
        self.quipu("check", "plan.yaml", "bad.jsonl", status=3)
        self.quipu("run", "plan.yaml", "bad.jsonl")   # nothing new is set aside
        self.assertIn("Exit status", self.quipu("--help").stdout)

    def test_lifetime_as_an_interval(self):
        self.run_plan([event(n) for n in range(5)])
        self.assertEqual(self.counts("Bought", "--interval", "lifetime"), {(): [5]})
        self.assertIn("no interval", self.quipu("query", "Bought", "--in", "lifetime", "--interval", "day", status=1).stderr)

    def test_sizes(self):
        self.write("plan.yaml", PLAN)
        self.write("events.jsonl", event(1))
        for text, status in (("300M", 0), ("300MB", 0), ("1G", 0), ("307200K", 0), ("314572800", 0), ("1GiB", 0), ("1T", 2), ("0", 2), ("M", 2), ("99999999999G", 2), ("-1", 2)):
            self.quipu("run", "plan.yaml", "events.jsonl", "--memory=" + text, status=status)
        self.assertIn("256", self.quipu("run", "plan.yaml", "events.jsonl", "--memory", "200K", status=1).stderr)

    def test_a_backup_has_spools_and_dead_letters_and_goes_on(self):
        self.write("plan.yaml", PLAN)
        lines = [event(n) for n in range(30)] + ["no event\n"]
        self.quipu("run", "plan.yaml", "-", "--as", "tap", status=3, input="".join(lines))
        self.assertIn("quipu query --data copy", self.quipu("backup", "copy").stdout)
        before = sorted((self.here / "copy").rglob("*"))
        for target in ("copy", "plan.yaml"):
            self.assertIn("name a new folder", self.quipu("backup", target, "--data", "plan.quipu", status=1).stderr)
        self.assertEqual(sorted((self.here / "copy").rglob("*")), before)
        for name in ("spool/tap", "dead-letter.jsonl"):
            self.assertEqual((self.here / "copy" / name).read_bytes(), (self.here / "plan.quipu" / name).read_bytes())
        for path in sorted((self.here / "plan.quipu").rglob("*"), reverse=True):   # the original is lost
            path.rmdir() if path.is_dir() else path.unlink()
        done = self.quipu("run", "plan.yaml", "-", "--as", "tap", "--data", "copy", input="")
        self.assertIn("0 read = 0 counted", done.stdout)
        more = self.quipu("run", "plan.yaml", "-", "--as", "tap", "--data", "copy", input="".join(lines + [event(99)]))
        self.assertIn("1 read = 1 counted", more.stdout)
        self.assertEqual(self.counts("Bought", "--in", "lifetime", "--data", "copy"), {(): [31]})

    def test_a_run_that_is_interrupted_with_lines_set_aside_says_so(self):
        self.write("plan.yaml", PLAN)
        process = self.background("run", "plan.yaml", "-", "--as", "tap")
        process.stdin.write("no event\n" + "".join(event(n) for n in range(20)))
        process.stdin.flush()
        self.until("the first events", lambda: subprocess.run([self.program, "query", "Bought", "--in", "lifetime", "--data", "plan.quipu"], cwd=self.here,
                                                              capture_output=True).returncode == 0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_S)
        self.assertIn("stopped: 21 read = 20 counted + 0 duplicate + 1 set aside", out)
        self.assertNotEqual(process.returncode, 0, err)
        self.assertIn("set aside: 1 not_json", out)

    def test_a_store_in_the_only_folder_is_found_and_several_are_named(self):
        self.run_plan([event(1)])
        self.assertIn("Bought", self.quipu("query").stdout)
        self.quipu("run", "plan.yaml", "events.jsonl", "--data", "b.quipu")
        several = self.quipu("query", status=2).stderr
        self.assertIn("b.quipu", several)
        self.assertIn("plan.quipu", several)

    def test_inspect_shows_what_a_store_holds(self):
        self.write("longest.jsonl", "x" * (1 << 20 | 1) + "\n" + event(80, worth="1e21"))
        self.run_plan([event(n) for n in range(30)] + [event(3), "no event\n", event(70, worth="1.1234567")], status=3)
        self.quipu("run", "--anyway", "plan.yaml", "longest.jsonl", "--data", "other.quipu", status=3)
        self.assertEqual(json.loads(self.quipu("inspect", "--data", "other.quipu", "--json").stdout)["set_aside"], {"line_too_long": 1, "value_too_large": 1})
        self.assertIn("set aside: 1 line_too_long", self.quipu("inspect", "--data", "other.quipu").stdout)
        found = json.loads(self.quipu("inspect", "--json", "--data", "plan.quipu").stdout)
        self.assertEqual({key: found[key] for key in ("read", "counted", "duplicate", "unplanned", "set_aside", "tenants", "plan_versions", "zone_rules_versions", "zones")},
                         {"read": 33, "counted": 31, "duplicate": 1, "unplanned": 0, "set_aside": {"not_json": 1}, "tenants": 1, "plan_versions": 1,
                          "zone_rules_versions": 1, "zones": ["UTC"]})
        self.assertEqual(found["notes"], {"rounded": 1})
        self.assertEqual([(i["path"], i["lines"], i["bytes"], i["finished"]) for i in found["inputs"]],
                         [(str((self.here / "events.jsonl").resolve()), 33, (self.here / "events.jsonl").stat().st_size, True)])
        self.assertEqual((found["records"]["forever"], found["checkpoint"] >= 1, found["store"]), (7, True, "plan.quipu"))
        self.assertEqual({f["family"] for f in found["families"]} >= {"cells", "records", "names"}, True)
        text = self.quipu("inspect", "--data", "plan.quipu").stdout
        for part in ("33 read = 31 counted + 1 duplicate + 1 set aside + 0 unplanned", "set aside: 1 not_json", "note: 1 rounded", "read to its end",
                     "version 1 from checkpoint 1", "zones: UTC", "1 tenant, 1 metric or group"):
            self.assertIn(part, text)


if __name__ == "__main__":
    main()
