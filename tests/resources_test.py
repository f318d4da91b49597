#!/usr/bin/env python3
"""A run keeps inside its memory budget while what it counts grows to ten times that; its cost hardly depends on how
events spread over tenants and profiles; a full disk ends it with a clear error, after which the same command goes on. Real processes; the disk is a small tmpfs where one may be mounted."""
import argparse
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

MIB = 1 << 20
BUDGET_MIB = 256
EVENTS = 24_500_000   # with some 115 stored bytes each: more than ten times the budget
ROUNDS = 3
HOT_EVENTS = 20_000
PROFILES = 20_000_000  # hardly one comes back after its session


def figures(text):
    """{name: first number} of the tables that --stats prints."""
    return {name.strip(): int(number.replace(",", "")) for name, number in re.findall(r"(?m)^ *([a-z][a-z ,]*?)  +([\d,]+)(?= |$)", text)}


class Processes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="quipu_resources_")
        self.addCleanup(self.folder.cleanup)
        self.here = Path(self.folder.name)

    def workload(self, events, *options):
        return [WORKLOAD, "--events", str(events), *options]

    def plan(self, fanout):
        subprocess.run(self.workload(0, "--fanout", str(fanout), "--plan-out", self.here / "plan.yaml"), check=True, stdout=subprocess.DEVNULL)


class Cost(Processes):
    def cpu_us(self, lines, store):
        """CPU microseconds an event, all threads."""
        run = subprocess.run([QUIPU, "run", "plan.yaml", lines, "--data", store, "--memory", "2G", "--stats"], cwd=self.here, capture_output=True, text=True, check=True)
        return float(re.search(r"(?m)^whole +([\d.]+) ", run.stdout).group(1))

    def test_neither_many_tenants_nor_one_heavy_profile_double_the_cost(self):
        self.plan(10)
        events = 1_000_000  # ten of each tenant: what a new tenant costs once must not decide
        for name, tenants in (("one", 1), ("many", 100_000)):
            with open(self.here / name, "wb") as file:
                subprocess.run(self.workload(events, "--tenants", str(tenants), "--profiles", "100000"), check=True, stdout=file)
        # 99 of 100 events are of one profile, which therefore goes on as words.
        with open(self.here / "one", "rb") as file, open(self.here / "heavy", "wb") as out:
            for number, line in enumerate(file):
                out.write(re.sub(rb'"profile":"[^"]*"', b'"profile":"robot"', line) if number % 100 else line)
        # The least of several in turn: whatever else the machine does only adds to it.
        took = {name: [] for name in ("one", "many", "heavy")}
        for round in range(ROUNDS):
            for name in took:
                took[name].append(self.cpu_us(name, "%s%d.quipu" % (name, round)))
        cost = {name: min(costs) for name, costs in took.items()}
        print("CPU us an event at F=10: one tenant %(one).2f, 100,000 tenants %(many).2f, 99%% of one profile %(heavy).2f" % cost)
        self.assertLess(cost["many"], 2 * cost["one"])
        self.assertLess(cost["heavy"], 2 * cost["one"])


class OneHotProfile(Processes):
    """A kiosk, "anonymous", a bot: all lines are of one profile."""

    def count(self, lines):
        """CPU microseconds an event and the most memory in MiB, of a run with the smallest budget."""
        command = [QUIPU, "run", "plan.yaml", lines, "--memory", "%dM" % BUDGET_MIB, "--stats", "--data", lines + ".quipu"]
        # ru_maxrss of a child is at least what its parent had when it was started: a small one starts it.
        small = "import resource,subprocess,sys;r=subprocess.run(sys.argv[1:]);print('most KiB',resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);sys.exit(r.returncode)"
        run = subprocess.run([sys.executable, "-c", small, *map(str, command)], cwd=self.here, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        most = int(re.search("most KiB (\\d+)", run.stdout).group(1)) / 1024
        return float(re.search(r"(?m)^whole +([\d.]+) ", run.stdout).group(1)), most

    def test_events_whose_values_are_all_new_at_a_high_fan_out_keep_inside_the_budget(self):
        names = ["p%02d" % p for p in range(18)]
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1:]]
        by = ["[]", *names, *("[%s, %s]" % pair for pair in pairs)]
        by += ["[p00, %s, %s]" % pair for pair in pairs if "p00" not in pair][:175 - len(by)]
        self.assertEqual(len(by), 175)
        (self.here / "plan.yaml").write_text(
            "quipu: 1\nevent: {tenant: /t, metric: /m, profile: /p, id: /i, time: {at: /s, unit: unix_s}}\nproperties:\n"
            + "".join("  %s: /v/%s\n" % (name, name) for name in names) + "count:\n  - {metrics: \"*\", by: [%s]}\n" % ", ".join(by))
        for kind, events in (("hot", HOT_EVENTS), ("spread", HOT_EVENTS)):
            with open(self.here / kind, "w") as file:
                for n in range(events):
                    values = ",".join('"%s":"%d"' % (name, n * 18 + p) for p, name in enumerate(names))
                    file.write('{"t":"a","m":"Active","p":"%s","i":"%d","s":%d,"v":{%s}}\n' % ("robot" if kind == "hot" else n, n, 1772323200 + n * 60, values))
        hot, most = self.count("hot")
        spread, _ = self.count("spread")
        print("F=175, all values new: one profile %.0f us of CPU an event and %.0f MiB, many %.0f us" % (hot, most, spread))
        self.assertLess(most, BUDGET_MIB * 1.15)
        self.assertLess(hot, 8 * spread)

    def test_a_month_that_grows_keeps_inside_the_budget_and_its_cost(self):
        self.plan(10)
        events = 800_000
        with open(self.here / "long", "wb") as file:
            subprocess.run(self.workload(events, "--tenants", "1", "--profiles", "1"), check=True, stdout=file)
        with open(self.here / "long", "rb") as file, open(self.here / "short", "wb") as out:
            for _ in range(events // 8):
                out.write(file.readline())
        short, _ = self.count("short")
        long, most = self.count("long")
        print("F=10, one profile: %.2f us of CPU an event for %d events, %.2f us and %.0f MiB for %d" % (short, events // 8, long, most, events))
        self.assertLess(most, BUDGET_MIB * 1.15)
        self.assertLess(long, 2 * short)


class Resources(Processes):
    def watched(self, run):
        """What it prints, and the most memory it had, in KiB."""
        peak_kib, done = 0, threading.Event()

        def watch():
            nonlocal peak_kib
            while not done.wait(0.05):
                try:
                    status = Path("/proc/%d/status" % run.pid).read_text()
                except OSError:
                    return
                found = re.search(r"VmHWM:\s+(\d+) kB", status)
                peak_kib = max(peak_kib, int(found.group(1))) if found else peak_kib

        watcher = threading.Thread(target=watch)
        watcher.start()
        out, err = run.communicate()
        done.set()
        watcher.join()
        return out, err, peak_kib

    def count_one_event_a_month(self, name, calendars, tenants, months):
        """An event in each month of each tenant, months in turn, so that each is of another table. The peak in MiB."""
        plan = "quipu: 1\nevent: {tenant: /t, metric: {const: Opened}, profile: /who, time: /at}\ncalendars: %s\ncount: [{metrics: \"*\", by: [[]]}]\n"
        (self.here / (name + ".yaml")).write_text(plan % calendars)
        with open(self.here / (name + ".jsonl"), "w") as file:
            for turn in range(2):
                for month in range(2760 - months, 2760):
                    for tenant in tenants:
                        file.write('{"t":"%s","who":"p%d","at":"%d-%02d-01T00:0%d:00Z"}\n' % (tenant, month % 7, 1970 + month // 12, month % 12 + 1, turn))
        run = subprocess.Popen([QUIPU, "run", name + ".yaml", name + ".jsonl", "--data", name + ".quipu", "--memory", "%dM" % BUDGET_MIB], cwd=self.here,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err, peak_kib = self.watched(run)
        self.assertEqual(run.returncode, 0, out + err)
        self.assertIn("{:,} counted".format(2 * months * len(tenants)), out)
        asked = subprocess.run([QUIPU, "query", "Opened", "--data", name + ".quipu", "--tenant", tenants[-1], "--in", "2199-12", "--json"], cwd=self.here, capture_output=True, text=True, check=True)
        self.assertIn('"unique":1', asked.stdout.replace("[", "").replace(" ", ""))
        print("%s: %.0f MiB at most" % (name, peak_kib / 1024))
        return peak_kib / 1024

    def test_tables_of_months_are_a_cache(self):
        few = self.count_one_event_a_month("one month of one calendar", "{default: [{zone: Europe/Berlin}]}", ["t"] * 2760, 1)
        zones = sorted(str(path.relative_to("/usr/share/zoneinfo")) for area in ("America", "Asia", "Europe", "Africa") for path in Path("/usr/share/zoneinfo", area).glob("*") if path.is_file())[:200]
        self.assertEqual(len(zones), 200)
        eight = ", ".join("{zone: %s, name: c%d}" % (zone, i) for i, zone in enumerate(zones[::25]))
        own = ", ".join("t%d: [{zone: %s}]" % (i, zone) for i, zone in enumerate(zones))
        for name, calendars, tenants, months in (
                ("2,760 months of eight calendars", "{default: [%s]}" % eight, ["t"], 2760),
                ("24 months of 200 zones", "{default: [{zone: UTC}], tenants: {%s}}" % own, ["t%d" % i for i in range(200)], 24)):
            peak = self.count_one_event_a_month(name, calendars, tenants, months)
            self.assertLess(peak, BUDGET_MIB * 1.15)
            self.assertLess(peak, few + 40, "beside what a run of one table takes")

    def test_a_million_values_of_one_property_keep_inside_the_budget(self):
        # One tenant, one metric, short rows: each checkpoint groups hundreds of thousands of rows at once, by day and for the lifetimes.
        zones = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns", "Pacific/Chatham")
        (self.here / "plan.yaml").write_text(
            "quipu: 1\nevent: {tenant: {const: t}, metric: {const: Viewed}, time: {at: /s, unit: unix_s}}\nproperties: {item: /item}\ncalendars: {default: [%s]}\n"
            "count: [{metrics: \"*\", by: [[], item], lifetime: yes}]\n" % ", ".join("{zone: %s}" % zone for zone in zones))
        values = 1_000_000
        with open(self.here / "items", "w") as file:
            for n in range(2 * values):
                file.write('{"s":%d,"item":"%d"}\n' % (1772323200 + n // 100, n * 7919 % values))
        run = subprocess.Popen([QUIPU, "run", "plan.yaml", "items", "--memory", "%dM" % BUDGET_MIB], cwd=self.here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err, peak_kib = self.watched(run)
        self.assertEqual(run.returncode, 0, out + err)
        self.assertIn("{:,} counted".format(2 * values), out)
        print("%d values of a property: %.0f MiB at most" % (values, peak_kib / 1024))
        self.assertLess(peak_kib / 1024, BUDGET_MIB * 1.15)

    def test_memory_stays_in_its_budget_while_the_state_grows_to_ten_times_that(self):
        self.plan(25)
        lines = subprocess.Popen(self.workload(EVENTS, "--profiles", str(PROFILES)), stdout=subprocess.PIPE)
        run = subprocess.Popen([QUIPU, "run", "plan.yaml", "-", "--as", "workload", "--memory", "%dM" % BUDGET_MIB, "--stats"], cwd=self.here, stdin=lines.stdout,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines.stdout.close()
        out, err, peak_kib = self.watched(run)
        self.assertEqual((lines.wait(), run.returncode), (0, 0), out + err)
        self.assertIn("{:,} read".format(EVENTS), out)
        told = figures(out)
        stored = sum(told["bytes of " + family] for family in ("cells", "records", "names"))
        print("%.1f times the budget stored, %d evictions, %d loads; most memory %.0f MiB of %d" % (stored / BUDGET_MIB / MIB, told["evictions"], told["loads"], peak_kib / 1024, BUDGET_MIB))
        self.assertGreater(stored, 10 * BUDGET_MIB * MIB)
        self.assertGreater(told["evictions"], 1_000_000)
        self.assertGreater(peak_kib / 1024, BUDGET_MIB / 2, "it was measured")
        self.assertLess(peak_kib / 1024, BUDGET_MIB * 1.15)

    def test_a_full_disk_loses_nothing_and_the_same_command_continues(self):
        disk = self.here / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "quipu_test", disk], capture_output=True).returncode != 0:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        self.plan(25)
        events = 60_000  # more than the disk has room for; exports of more are what takes long
        with open(self.here / "lines.jsonl", "wb") as file:
            subprocess.run(self.workload(events), check=True, stdout=file)
        command = [QUIPU, "run", "plan.yaml", "lines.jsonl", "--memory", "%dM" % BUDGET_MIB, "--data"]
        run = lambda data: subprocess.run([*command, data], cwd=self.here, capture_output=True, text=True)
        export = lambda data: sorted(subprocess.run([QUIPU, "export", "--data", data], cwd=self.here, capture_output=True, text=True, check=True).stdout.splitlines())
        self.assertEqual(run("roomy.quipu").returncode, 0)

        (disk / "ballast").write_bytes(b"x" * (40 * MIB))
        for _ in range(2):   # again, while it is still full
            failed = run("disk/small.quipu")
            self.assertEqual(failed.returncode, 1, failed.stdout + failed.stderr)
            self.assertRegex(failed.stderr, "(too little space|no space left) on device")
            self.assertIn("run the same command again", failed.stderr)
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=512m", disk], check=True)
        went_on = run("disk/small.quipu")
        self.assertEqual(went_on.returncode, 0, went_on.stderr)
        self.assertEqual(export("disk/small.quipu"), export("roomy.quipu"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True)
    parser.add_argument("--workload", required=True)
    known, rest = parser.parse_known_args()
    QUIPU, WORKLOAD = known.quipu, known.workload
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
