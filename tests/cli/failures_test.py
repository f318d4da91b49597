#!/usr/bin/env python3
"""What fails ends the run, and only what failed; exit statuses; who may open a store, and when.

    failures_test.py --quipu build/quipu [unittest arguments]
"""
import os
import signal
import socket
import stat
import struct
import subprocess
import time

from quipu_case import PLAN, Quipu, event, main

SOON_S = 15   # far less than any wait that would be a fault, more than a loaded machine takes
LARGE = "".join(event(n, colour="colour %d of a long row of colours" % n, size=n) for n in range(3000))   # an export of some MB


class Failures(Quipu):
    def start(self, *more, lines=(), file="", **environment):
        """A run of a file that then waits for standard input."""
        self.write("plan.yaml", PLAN)
        self.write("events.jsonl", file or "".join(event(n) for n in range(300)))
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            process = self.background("run", "plan.yaml", "events.jsonl", "-", "--as", "tap", *more)
        finally:
            os.environ.clear()
            os.environ.update(before)
        process.stdin.write("".join(lines))
        process.stdin.flush()
        return process

    def served(self, data="plan.quipu"):
        self.until("the store's socket", lambda: (self.here / data / "socket").is_socket())

    def count(self):
        done = subprocess.run([self.program, "query", "Bought", "--in", "lifetime", "--csv"], cwd=self.here, capture_output=True, text=True)
        return int(done.stdout.splitlines()[1].split(",")[1]) if done.returncode == 0 else -1

    def ends(self, process, status):
        """Though its standard input stays open."""
        begin = time.monotonic()
        self.assertEqual(process.wait(timeout=SOON_S), status)
        return time.monotonic() - begin, process.stderr.read()

    # ---- what waits for standard input ----

    def test_a_failure_inside_ends_a_run_that_waits_for_standard_input(self):
        process = self.start("--strict")
        self.served()
        self.until("the file's events", lambda: self.count() == 300)
        process.stdin.write('{"what":"Bought"}\n')
        process.stdin.flush()
        self.assertIn("--strict stops", self.ends(process, 1)[1])
        self.quipu("query", "--data", "plan.quipu")   # the store is free again

    def test_a_full_disk_ends_a_run_that_waits_for_standard_input(self):
        disk = self.here / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk], capture_output=True).returncode != 0:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        process = self.start("--data", "disk/store")
        self.served("disk/store")
        self.until("the first checkpoint", lambda: '"checkpoint":0' not in self.quipu("inspect", "--json", "--data", "disk/store").stdout)
        (disk / "ballast").write_bytes(b"x" * (30 << 20))
        process.stdin.write("".join(event(n) for n in range(300, 400)))
        process.stdin.flush()
        error = self.ends(process, 1)[1]
        self.assertIn("too little space", error)
        (disk / "ballast").unlink()
        done = self.quipu("run", "plan.yaml", "events.jsonl", "-", "--as", "tap", "--data", "disk/store", input="".join(event(n) for n in range(300, 400)))
        self.assertIn("100 read = 100 counted", done.stdout)

    # ---- exit statuses ----

    def test_what_was_not_written_is_status_1(self):
        self.run_plan([event(n) for n in range(50)])
        store = ["--data", "plan.quipu"]
        for command in (["query", "Bought", *store], ["query", *store], ["query", "Bought", "--json", *store], ["export", *store], ["export", "--csv", *store],
                        ["inspect", *store], ["audit", "plan.yaml", "events.jsonl", *store], ["check", "plan.yaml"], ["init", "events.jsonl"], ["--help"],
                        ["run", "plan.yaml", "events.jsonl", *store]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([self.program, *command], cwd=self.here, stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn("standard output cannot be written: No space left on device", done.stderr, command)
        # The same where a run answers.
        process = self.start()
        self.served()
        for command in (["query", "Bought"], ["export"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([self.program, *command], cwd=self.here, stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1, command)
            self.assertEqual(done.stderr, "quipu: standard output cannot be written: No space left on device\n")
        process.stdin.close()
        self.assertEqual(process.wait(timeout=SOON_S), 0)

    def test_a_stopped_run_is_told_by_its_status_whatever_was_set_aside(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for bad in ("", '{"what":"Bought"}\n'):
                with self.subTest(signal=number, bad=bad):
                    data = "stopped%d%s.quipu" % (number, len(bad))
                    process = self.start("--data", data, lines=[event(1000), bad])
                    self.served(data)
                    process.send_signal(number)
                    self.ends(process, 128 + number)
                    out = process.stdout.read()
                    self.assertIn("stopped: ", out)
                    self.assertIn("the same command continues", out)
                    # It goes on where it stopped, and what was set aside is told then as ever.
                    self.quipu("run", "plan.yaml", "events.jsonl", "-", "--as", "tap", "--data", data, input=event(1000) + bad + bad, status=3 if bad else 0)

    def test_statuses_are_as_the_readme_says(self):
        self.write("plan.yaml", PLAN)
        self.write("good.jsonl", event(1))
        self.write("bad.jsonl", event(2) + "no json\n")
        self.quipu("run", "plan.yaml", "good.jsonl", status=0)
        self.quipu("run", "plan.yaml", "bad.jsonl", status=3)
        self.quipu("run", "plan.yaml", "bad.jsonl", status=0)   # nothing was set aside this time
        self.quipu("check", "plan.yaml", "--sample", "bad.jsonl", status=3)
        self.quipu("run", "plan.yaml", "none.jsonl", status=2)
        self.quipu("query", "Nothing", "--data", "plan.quipu", status=1)
        self.quipu("audit", "plan.yaml", "good.jsonl", "bad.jsonl", status=0)
        self.write("good.jsonl", event(1, worth="2"))
        self.assertIn(" different", self.quipu("audit", "plan.yaml", "good.jsonl", "bad.jsonl", status=1).stdout)

    # ---- clients of a run ----

    def deaf(self, command="export"):
        """A client that asks and then never reads."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(self.here / "plan.quipu" / "socket"))
        body = b"\1" + b"".join(bytes([len(a)]) + a.encode() for a in (str(self.here), command))
        client.sendall(b"\1" + struct.pack("<I", len(body)) + body)
        return client

    def test_a_client_that_does_not_read_holds_up_neither_others_nor_the_end(self):
        process = self.start(file=LARGE)
        self.served()
        self.until("the file's events", lambda: self.count() == 3000)
        clients = [self.deaf() for _ in range(3)]
        time.sleep(0.5)   # all of them are answered to by now, and stuck
        begin = time.monotonic()
        self.assertEqual(self.count(), 3000)
        self.assertLess(time.monotonic() - begin, SOON_S)
        process.send_signal(signal.SIGTERM)
        self.ends(process, 128 + signal.SIGTERM)
        for client in clients:
            client.close()

    def test_commands_beyond_the_limit_are_refused_at_once_and_later_answered(self):
        process = self.start(file=LARGE)
        self.served()
        self.until("the file's events", lambda: self.count() == 3000)
        clients = [self.deaf() for _ in range(8)]

        def limit_reached():
            if "8 commands already" in subprocess.run([self.program, "query"], cwd=self.here, capture_output=True, text=True).stderr:
                return True
            # One of them was refused itself, for the question before was not quite over; or it is not heard yet.
            if len(clients) < 11:
                time.sleep(0.5)
                clients.append(self.deaf())
            return False

        self.until("the limit", limit_reached)
        self.quipu("query", status=1)
        for client in clients:
            client.close()
        self.until("an answer", lambda: self.count() == 3000)
        process.stdin.close()
        self.assertEqual(process.wait(timeout=SOON_S), 0)

    def test_clients_that_break_off_or_talk_nonsense_harm_nobody(self):
        process = self.start(file=LARGE)
        self.served()
        self.until("the file's events", lambda: self.count() == 3000)
        for message in (b"", b"\1", b"\1\xff\xff\xff\xff", b"\2\1\0\0\0x", b"\1\1\0\0\0\7", b"\1\2\0\0\0\1\x80"):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(self.here / "plan.quipu" / "socket"))
            client.sendall(message)
            client.close()
        self.deaf().close()
        self.assertEqual(self.count(), 3000)
        process.stdin.close()
        self.assertEqual(process.wait(timeout=SOON_S), 0)

    # ---- who has a store ----

    def test_many_that_start_at_once_are_all_answered_and_none_speaks_of_damage(self):
        self.run_plan([event(n) for n in range(300)])
        for _ in range(6):
            run = self.background("run", "plan.yaml", "events.jsonl", "-", "--as", "tap")
            queries = [subprocess.Popen([self.program, "query", "Bought", "--in", "lifetime", "--csv"], cwd=self.here, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True) for _ in range(6)]
            for query in queries:
                out, err = query.communicate(timeout=60)
                self.assertEqual((query.returncode, err), (0, ""))
                self.assertIn(",300,7,", out)
            self.served()
            run.stdin.close()
            self.assertEqual(run.wait(timeout=SOON_S), 0, run.stderr.read())

    def test_of_runs_that_start_at_once_one_has_the_store_and_the_others_are_told_which(self):
        self.write("plan.yaml", PLAN)
        self.write("events.jsonl", event(1))
        for _ in range(3):   # the first time it is a new store
            runs = [self.background("run", "plan.yaml", "events.jsonl", "-", "--as", "tap") for _ in range(4)]
            self.until("the losers", lambda: sum(r.poll() is not None for r in runs) == 3)
            winner = next(r for r in runs if r.poll() is None)
            for run in runs:
                if run is winner:
                    continue
                self.assertEqual(run.returncode, 1)
                error = run.stderr.read()
                self.assertIn("is in use by process %d;" % winner.pid, error)
                self.assertNotIn("damaged", error)
            winner.stdin.close()
            self.assertEqual(winner.wait(timeout=SOON_S), 0)
        self.assertEqual(self.count(), 1)

    def test_a_data_folder_is_its_owners_alone(self):
        def mode(path):
            return stat.S_IMODE((self.here / path).stat().st_mode)

        self.write("plan.yaml", PLAN)
        self.write("events.jsonl", event(1))
        (self.here / "empty").mkdir(0o755)
        self.quipu("run", "plan.yaml", "events.jsonl", "--data", "empty")
        self.assertEqual(mode("empty"), 0o700)
        (self.here / "empty").chmod(0o750)
        self.quipu("query", "--data", "empty")
        self.assertEqual(mode("empty"), 0o700)
        (self.here / "shared").mkdir(0o755)
        self.write("shared/other.txt", "not a store's")
        self.assertIn("others", self.quipu("run", "plan.yaml", "events.jsonl", "--data", "shared", status=1).stderr)
        self.assertEqual(mode("shared"), 0o755)
        self.assertEqual(os.listdir(self.here / "shared"), ["other.txt"])

    # ---- backups ----

    def test_a_backup_holds_the_spools_and_dead_letters(self):
        process = self.start(lines=[event(1000), "no json\n", event(1001)])
        self.served()
        self.until("what came", lambda: self.count() == 302)
        self.quipu("backup", "copy.quipu")
        process.stdin.close()
        self.assertEqual(process.wait(timeout=SOON_S), 3)
        # The copy goes on from what the spool has, without the input's beginning coming again.
        done = self.quipu("run", "plan.yaml", "events.jsonl", "-", "--as", "tap", "--data", "copy.quipu", stdin=subprocess.DEVNULL)
        self.assertIn("0 read", done.stdout)
        self.assertEqual(self.counts("Bought", "--in", "lifetime", "--data", "copy.quipu"), {(): [302]})
        for name in ("spool/tap", "dead-letter.jsonl"):
            self.assertEqual((self.here / "copy.quipu" / name).read_bytes(), (self.here / "plan.quipu" / name).read_bytes())
            self.assertEqual(stat.S_IMODE((self.here / "copy.quipu" / name).stat().st_mode), 0o600)

    def test_a_backup_that_was_broken_off_is_no_store(self):
        self.run_plan([event(n) for n in range(50)] + ["no json\n"], status=3)
        for point in ("backup.database_copied", "backup.files_copied"):
            target = point + ".quipu"
            done = subprocess.run([self.program, "backup", target, "--data", "plan.quipu"], cwd=self.here, env=dict(os.environ, QUIPU_FAULT_AT=point + ":1"),
                                  capture_output=True)
            self.assertEqual(done.returncode, -signal.SIGKILL)
            self.assertTrue((self.here / target).is_dir())
            self.assertIn("no store in", self.quipu("query", "--data", target, status=1).stderr)
        # One that fails leaves nothing at all.
        (self.here / "plan.quipu" / "spool").mkdir()
        os.symlink("/nowhere/at/all", self.here / "plan.quipu" / "spool" / "tap")
        self.quipu("backup", "failed.quipu", "--data", "plan.quipu", status=1)
        self.assertFalse((self.here / "failed.quipu").exists())


if __name__ == "__main__":
    main()
