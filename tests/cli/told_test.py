#!/usr/bin/env python3
"""What the program tells people of a run: where lines are that were set aside, what to ask next, where inputs stand.

    told_test.py --quipu build/quipu [unittest arguments]
"""
import gzip
import shlex

from quipu_case import PLAN, Quipu, event, main

TENANTS = PLAN.replace("{const: shop}", "/shop")
TWO_INPUTS_CONFLICT = PLAN.replace(", [colour, size]", "")


class Told(Quipu):
    def proposed(self, text):
        """The question that a run proposes as its last line, as a shell reads it."""
        words = shlex.split(text.splitlines()[-1])
        self.assertEqual(words[:2], ["quipu", "query"])
        return words[1:]

    def test_lines_that_were_set_aside_are_where_the_run_says(self):
        told = self.run_plan([event(1), "no event\n"], status=3).stdout
        self.assertIn("\n  set aside: 1 not_json\n  those lines, with place and reason: ./plan.quipu/dead-letter.jsonl\n", told)
        self.assertIn("no event", (self.here / "plan.quipu/dead-letter.jsonl").read_text())
        self.write("good.jsonl", event(2))
        self.assertNotIn("set aside:", self.quipu("run", "plan.yaml", "good.jsonl").stdout)

    def test_the_question_that_a_run_proposes_works(self):
        for shops in (["a"], ["a", "b"], ["a", "b", "c's own"]):
            told = self.run_plan([event(n, "It's bought", shop=shop) for n, shop in enumerate(shops)], TENANTS).stdout
            question = self.proposed(told)
            self.assertEqual("--tenant" in question, len(shops) > 1)
            self.assertIn("It's bought", question)
            self.assertEqual(sum(self.counts(*question[1:])[()]), 1)
            for path in sorted((self.here / "plan.quipu").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            (self.here / "plan.quipu").rmdir()

    def test_inspect_tells_inputs_that_are_not_at_their_end(self):
        self.write("plan.yaml", PLAN)
        self.write("a.jsonl", event(1))
        packed = gzip.compress("".join(event(n) for n in range(50_000)).encode())
        (self.here / "b.jsonl.gz").write_bytes(packed[:-1000])
        self.assertIn("what was read before is counted and committed", self.quipu("run", "plan.yaml", "a.jsonl", "b.jsonl.gz", status=1).stderr)

        def states():
            return {line.split()[0].rpartition("/")[2]: line for line in self.quipu("inspect").stdout.splitlines() if ".jsonl" in line}
        self.assertTrue(states()["a.jsonl"].endswith("read to its end"), states())
        self.assertTrue(states()["b.jsonl.gz"].endswith("to be continued"), states())
        (self.here / "b.jsonl.gz").write_bytes(packed)
        self.quipu("run", "plan.yaml", "b.jsonl.gz")
        self.assertTrue(states()["b.jsonl.gz"].endswith("read to its end"), states())
        self.assertEqual(self.counts("Bought", "--in", "2026-03"), {(): [50_000]})

    def test_a_backup_names_the_folder_that_is_there(self):
        self.run_plan([event(1)])
        (self.here / "copy").mkdir()
        told = self.quipu("backup", "copy", status=1)
        self.assertEqual(told.stderr, "quipu backup: copy is there already; name a new folder\n")
        self.assertEqual(list((self.here / "copy").iterdir()), [])

    def test_audit_leaves_out_what_the_order_of_inputs_decides_and_no_more(self):
        # p1's id 1 came with two contents, in two months; the store has the one of b, the recount that of a.
        self.write("plan.yaml", TWO_INPUTS_CONFLICT)
        others = "".join(event(n, who="p%d" % n, at="2026-03-02T10:00:00Z", colour="red") for n in range(2, 10))
        self.write("a.jsonl", event(1, who="p1", at="2026-03-02T10:00:00Z", colour="red") + others)
        self.write("b.jsonl", event(1, who="p1", at="2026-05-05T10:00:00Z", colour="red"))
        self.quipu("run", "plan.yaml", "b.jsonl", "a.jsonl")
        for inputs in (("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")):
            told = self.quipu("audit", "plan.yaml", *inputs).stdout
            # An hour, a day, a week and a month of both contents, and one lifetime: for [] and for red.
            self.assertIn("10 events recounted, 1 duplicates; 0 buckets compared, 0 different; 1 ids came with different contents, "
                          "18 buckets depend on which came first", told)


if __name__ == "__main__":
    main()
