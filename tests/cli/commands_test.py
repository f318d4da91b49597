#!/usr/bin/env python3
"""What the program says of its commands: help, version, mistyped commands, completion, manual pages; and QUIPU_DATA.

    commands_test.py --quipu build/quipu [unittest arguments]
"""
import os
import re
import shutil
import subprocess

from quipu_case import PLAN, Quipu, event, main

COMMANDS = ("init", "check", "run", "serve", "key", "query", "export", "inspect", "audit", "backup", "help", "version", "completion")


class Commands(Quipu):
    def test_version_and_help_are_commands_too(self):
        first = self.quipu("--version").stdout.strip()
        self.assertRegex(first, r"^quipu \d+\.\d+\.\d+$")
        self.assertEqual(self.quipu("version").stdout.splitlines()[0], first)
        self.assertRegex(self.quipu("version").stdout, r"store format \d+\nbuilt by ")
        self.assertEqual(self.quipu("help").stdout, self.quipu("--help").stdout)
        for topic in (["query"], ["run"], ["key", "add"]):
            self.assertEqual(self.quipu("help", *topic).stdout, self.quipu(*topic, "--help").stdout, topic)
        for command in COMMANDS:
            self.assertIn(command, self.quipu("help").stdout)

    def test_a_mistyped_command_or_option_gets_near_ones(self):
        for arguments, near in ((["quary"], '"query"'), (["help", "exprot"], '"export"'), (["key", "ad"], "add"), (["query", "--intervall", "day"], '"--interval"'),
                                (["run", "--stat", "p", "i"], '"--stats"'), (["query", "x", "--group-by", "a,b"], '"--by"')):
            self.assertIn(near, self.quipu(*arguments, status=2).stderr, arguments)
        # What was not understood is told as it was written.
        self.assertIn("--group-by a,b", self.quipu("query", "x", "--group-by", "a,b", status=2).stderr)
        self.assertIn("bash, zsh or fish", self.quipu("completion", "tcsh", status=2).stderr)

    def test_the_environment_names_the_store(self):
        self.run_plan([event(1)])
        elsewhere = {**os.environ, "QUIPU_DATA": str(self.here / "other.quipu")}
        self.quipu("run", "plan.yaml", "events.jsonl", env=elsewhere)
        self.assertTrue((self.here / "other.quipu").is_dir())
        self.assertIn("Bought", self.quipu("query", env=elsewhere).stdout)
        self.assertIn("several stores", self.quipu("query", status=2).stderr)
        # --data goes before it.
        self.assertIn("no such store", self.quipu("query", "--data", "none.quipu", status=2, env=elsewhere).stderr)

    def test_bash_completes_commands_options_and_files(self):
        script = self.write("completion.bash", self.quipu("completion", "bash").stdout)
        (self.here / "events.jsonl").touch()

        def complete(*words):
            run = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _quipu; printf "%s\\n" "${COMPREPLY[@]}"'
            done = subprocess.run(["bash", "-c", run, "bash", str(script), *words], cwd=self.here, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)
            return set(done.stdout.split())

        self.assertTrue(set(COMMANDS) <= complete("quipu", ""))
        self.assertEqual(complete("quipu", "qu"), {"query"})
        self.assertEqual(complete("quipu", "query", "--ten"), {"--tenant", "--tenants"})
        self.assertEqual(complete("quipu", "query", "M", "--interval", "w"), {"week"})
        self.assertEqual(complete("quipu", "run", "ev"), {"events.jsonl"})
        self.assertEqual(complete("quipu", "key", ""), {"add", "list", "revoke"})
        self.assertEqual(complete("quipu", "help", "exp"), {"export"})

    def test_zsh_and_fish_read_their_scripts(self):
        missing = []
        for shell, arguments in (("zsh", ["-n"]), ("fish", ["--no-execute"])):
            text = self.quipu("completion", shell).stdout
            for command in COMMANDS:
                self.assertIn(command, text)
            if not shutil.which(shell):
                missing.append(shell)
                continue
            done = subprocess.run([shell, *arguments, self.write("completion." + shell, text)], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), shell)
        if missing:
            self.skipTest("not installed: " + ", ".join(missing))

    def test_manual_pages_say_what_help_says(self):
        pages = {command: self.quipu("man", command).stdout for command in COMMANDS}
        self.assertIn("quipu\\-query", self.quipu("man").stdout)
        for command, page in pages.items():
            options = set(re.findall(r"(?<![-\w])--([a-z][-a-z]*)", self.quipu(command, "--help").stdout.split("Exit status")[0])) if command != "query" else {"tenants", "versus"}
            for option in options - {"help"}:
                self.assertIn("\\-\\-" + option.replace("-", "\\-"), page, command)
        if not shutil.which("groff"):
            self.skipTest("not installed: groff")
        for page in [*pages.values(), self.quipu("man").stdout]:
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class FirstTexts(Quipu):
    """Texts that once were wrong."""

    def test_an_empty_input_is_said_to_be_empty(self):
        self.write("plan.yaml", PLAN)
        self.write("empty.jsonl", "")
        done = self.quipu("run", "plan.yaml", "empty.jsonl")
        self.assertIn("empty.jsonl: holds no lines, so there is nothing to count", done.stderr)
        self.assertNotIn("counted before", done.stderr)
        self.write("events.jsonl", event(1))
        self.quipu("run", "plan.yaml", "events.jsonl")
        self.assertIn("events.jsonl: nothing new, it was counted before", self.quipu("run", "plan.yaml", "events.jsonl").stderr)

    def test_a_folder_is_no_plan(self):
        (self.here / "plans").mkdir()
        for command in (["check", "plans"], ["run", "plans", "plans"]):
            self.assertIn("a folder, not a plan file", self.quipu(*command, status=2).stderr)

    def test_csv_is_a_delimited_format(self):
        self.write("plan.yaml", PLAN + "input: {format: csv}\n")
        message = self.quipu("check", "plan.yaml", status=2).stderr
        self.assertIn('format: delimited, delimiter: ","', message)
        self.assertNotIn("did you mean", message)

    def test_an_hour_and_one_tenant_are_named_rightly(self):
        self.run_plan([event(1)])
        message = self.quipu("query", "Bought", "--from", "2026-03-01T10:20", "--to", "2026-03-02T10:20", status=1).stderr
        self.assertIn("where an hour does", message)
        self.assertIn("\n1 tenant, 1 metric or group, 1 plan version:", self.quipu("inspect").stdout)

    def test_a_plan_error_has_a_column(self):
        self.write("plan.yaml", PLAN.replace("[colour, size]]", "[colour, sise]]"))
        self.assertIn("plan.yaml:5:46: ", self.quipu("check", "plan.yaml", status=2).stderr)


if __name__ == "__main__":
    main()
