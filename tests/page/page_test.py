#!/usr/bin/env python3
"""The page in a real browser: the right numbers, ways through it, and nothing that events could do to it.

usage: page_test.py --quipu PROGRAM [--cache DIR] [--shots DIR]

--cache: where axe-core is installed from its registry, once; without it, or without a network, that test is skipped.
--shots: where screenshots go, at three widths, light and dark.
"""
import argparse
import csv
import datetime
import io
import json
import os
import subprocess
import sys
import time
import unittest
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "serve"))
import browser  # noqa: E402
import serve_case  # noqa: E402

OPTIONS = None
AXE = "axe-core@4.10.2"
HOSTILE = ['<img src=x onerror="window.harmed=1">', "</script><script>window.harmed=1</script>", "javascript:window.harmed=1", '"><svg onload=window.harmed=1>',
           "\u202egnihton\u202c", "it's \"quoted\" \\ and | parted", "&lt;b&gt;", "v" * 5000, " blanks ", "(none)", "a=b!=c, d"]
NOW = datetime.datetime.now(datetime.timezone.utc)


def event(number, metric="Opened Email", days=0, **more):
    at = NOW - datetime.timedelta(days=days)
    return {"metric": metric, "email": "p%d@x" % (number % 11), "id": "e%d" % number, "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "campaign": "c%d" % (number % 3), "client": ("Safari", "Chrome")[number % 2], "value": 1 + number % 4, **more}


def events():
    """Of forty days, so that there is a period before; and what means harm."""
    many = [event(n, days=n % 40) for n in range(400)]
    many += [event(1000 + n, "Clicked Email", days=n % 10) for n in range(60)]
    return many + [event(2000 + n, campaign=value, client="Safari") for n, value in enumerate(HOSTILE)]


@unittest.skipIf(browser.missing(), browser.missing())
class Page(serve_case.Serve):
    @classmethod
    def setUpClass(cls):
        cls.browsers = {}

    @classmethod
    def tearDownClass(cls):
        for each in cls.browsers.values():
            each.close()

    def setUp(self):
        self.prepare()
        (self.here / "plan.yaml").write_text((HERE / "plan.yaml").read_text())
        add = ("key", "add", "--data", "plan.quipu", "--tenant", "acme")
        self.key = self.quipu(*add).strip()
        self.reader = self.quipu(*add, "--read").strip()
        self.operator = self.quipu("key", "add", "--data", "plan.quipu", "--all", "--read").strip()
        self.start()

    def send(self, these):
        status, answer = self.post(json.dumps(these).encode(), None, "/v1/events?wait=counted")
        self.assertEqual((status, answer.get("counted")), (200, True), answer)

    def page(self, key=None, hash="", width=1440, dark=False):
        """A browser that is signed in, on that page."""
        if "one" not in self.browsers:
            self.browsers["one"] = browser.Browser()
        b = self.browsers["one"]
        b.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        b.size(width, 900)
        b.open(self.url())
        b.run("sessionStorage.clear(); localStorage.clear()")
        b.complaints(), b.requests()
        b.open("about:blank")
        b.open(self.url() + hash)
        if key:
            b.write("#key", key)
            b.press("enter")
            b.wait("!document.querySelector('#key')", "signed in")
        return b

    def url(self):
        return "http://127.0.0.1:%d/" % self.port

    def api(self, **parameters):
        status, _, text = self.request("GET", "/v1/query?" + urllib.parse.urlencode(parameters, doseq=True), None, self.reader)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def at_peace(self, b):
        """Nothing was complained of, nobody else was asked, and nothing of events ran."""
        self.assertEqual(b.complaints(), [])
        self.assertEqual({urllib.parse.urlparse(u).netloc for u in b.requests() if not u.startswith(("about:", "data:", "blob:"))}, {"127.0.0.1:%d" % self.port})
        self.assertIsNone(b.run("return window.harmed"))
        self.assertEqual(b.run("return document.images.length + document.scripts.length"), 2, "the page's own scripts alone")

    def test_signing_in(self):
        b = self.page()
        b.write("#key", "qk_wrong")
        b.press("enter")
        self.assertIn("not known", b.text("#problem"))
        self.assertNotIn("qk_wrong", b.run("return location.href + JSON.stringify(localStorage)"))
        b.run("document.querySelector('#key').value = ''")
        b.complaints()  # the 401
        b.write("#key", self.reader)
        b.press("enter")
        self.assertEqual(b.text("h1"), "Nothing is counted yet")
        b.complaints()  # 404: nothing is counted
        self.send(events())
        self.assertEqual(b.text("#metrics tbody td.value a"), "Engaged")
        self.assertNotIn(self.reader, b.run("return location.href + JSON.stringify(localStorage) + document.body.innerHTML"))
        b.open(self.url())
        self.assertEqual(b.text("#metrics tbody td.value a"), "Engaged", "the tab stays signed in")
        b.click("#out")
        b.wait("!!document.querySelector('#key')")
        self.assertEqual(b.run("return sessionStorage.length"), 0)
        self.at_peace(b)

    def test_the_overview_has_the_right_numbers_and_stays_live(self):
        self.send(events())
        today = [e for e in events() if e["time"][:10] == NOW.strftime("%Y-%m-%d")]
        b = self.page(self.reader)
        self.assertEqual(b.text("#total"), str(len(events())))
        self.assertEqual(b.text("#today"), str(len(today)))
        rows = {row.split("\t")[0].split("\n")[0].strip(): row for row in b.texts("#metrics tbody tr")}
        self.assertEqual(set(rows), {"Opened Email", "Clicked Email", "Engaged"})
        self.send([event(5000 + n) for n in range(50)])
        b.wait("document.querySelector('#today').innerText === arguments[0]", "live", str(len(today) + 50))
        self.assertEqual(b.wait("document.querySelector('#rate').innerText !== '–' && document.querySelector('#rate').innerText > '0'"), True)
        self.at_peace(b)

    def test_a_metric_by_day_in_a_zone_with_the_period_before(self):
        self.send(events())
        b = self.page(self.reader, "#/metric?name=Opened+Email&last=7d&calendar=berlin&versus=1")
        right = self.api(metric="Opened Email", last="7d", interval="day", calendar="berlin", versus="previous")
        now, before = right["groups"][0]["count"], right["groups"][0]["previous"]["count"]
        b.click_text("summary", "As a table")
        rows = [row.split("\t") for row in b.texts("#buckets tbody tr")]
        self.assertEqual([(r[1], r[2]) for r in rows], [(str(n), str(p)) for n, p in zip(now, before)])
        self.assertEqual(b.text("#sum"), str(sum(now)))
        self.assertIn("still filling", rows[-1][3])
        self.assertIn("Europe/Berlin", b.text("#range"))
        b.choose("Show", "unique")
        b.wait("location.hash.includes('measure=unique')")
        b.click_text("summary", "As a table")
        b.wait("document.querySelectorAll('#buckets tbody tr').length === 7")
        self.assertEqual([row.split("\t")[1] for row in b.texts("#buckets tbody tr")], [str(n) for n in right["groups"][0]["unique"]])
        self.assertEqual(b.text("#sum"), "–", "people of several days do not add up")
        b.choose("Show", "sum:revenue")
        b.wait("location.hash.includes('measure=sum')")
        self.assertEqual(float(b.wait("document.querySelector('#sum') && document.querySelector('#sum').innerText !== '–' && document.querySelector('#sum').innerText").replace(",", "")),
                         sum(map(float, right["groups"][0]["sum"]["revenue"])))
        self.at_peace(b)

    def test_drilling_down_and_back(self):
        self.send(events())
        b = self.page(self.reader, "#/metric?name=Opened+Email&last=30d")
        b.choose("Break down by", "campaign")
        right = self.api(metric="Opened Email", last="30d", by="campaign", sort="count")["groups"]
        b.wait("document.querySelectorAll('#groups tbody tr').length === arguments[0]", "groups", len(right))
        shown = [row.split("\t") for row in b.texts("#groups tbody tr")]
        self.assertEqual([(r[0].strip(), r[2]) for r in shown][:3], [(g["by"]["campaign"], str(g["count"][0])) for g in right][:3])
        self.assertEqual(b.run("return document.querySelectorAll('svg.stack rect.c0').length > 0"), True)
        b.click_text("#groups td.value button", "c1")
        b.wait("document.querySelector('.chip')", "a filter")
        self.assertEqual(b.texts(".chip span"), ["campaign = c1"])
        clients = self.api(metric="Opened Email", last="30d", by="client", where="campaign=c1", sort="count")["groups"]
        b.wait("document.querySelectorAll('#groups tbody tr').length === 2 && document.querySelector('#groups th').innerText === 'client'", "the next property")
        self.assertEqual([(r.split("\t")[0].strip(), r.split("\t")[2]) for r in b.texts("#groups tbody tr")], [(g["by"]["client"], str(g["count"][0])) for g in clients])
        total = b.text("#sum")
        self.assertEqual(total, str(sum(self.api(metric="Opened Email", last="30d", where="campaign=c1")["groups"][0]["count"])))
        address, view = b.run("return location.href"), (b.text("#sum"), b.texts("#groups tbody tr"), b.texts(".chip span"))
        b.open("about:blank")
        b.open(address)
        b.wait("document.querySelectorAll('#groups tbody tr').length === 2")
        self.assertEqual((b.text("#sum"), b.texts("#groups tbody tr"), b.texts(".chip span")), view, "opened afresh")
        b.click(".chip button")
        b.wait("!document.querySelector('.chip')")
        b.choose("Time", "last=7d")
        b.wait("location.hash.includes('last=7d')")
        self.at_peace(b)

    LIVE = "document.documentElement.dataset.live === arguments[0]"
    SUM = "document.querySelector('#sum') && document.querySelector('#sum').innerText === arguments[0]"

    def questions(self, b):
        return [u for u in b.requests() if "/v1/query" in u]

    def test_a_metric_is_told_of_each_change_and_asks_no_more_than_that(self):
        self.send(events())
        b = self.page(self.reader, "#/metric?name=Clicked+Email&last=30d&by=campaign")
        b.wait(self.SUM, "the first answer", "60")
        b.wait(self.LIVE, "it is watched", "watched")
        self.wait_for(lambda: b.requests() == [], "it is at rest")
        time.sleep(7)   # two looks of a page that must ask
        self.assertEqual(self.questions(b), [])
        self.send([event(6000 + n, "Clicked Email") for n in range(20)])
        b.wait(self.SUM, "told", "80")
        self.assertIn(len(self.questions(b)), (3, 6), "its course, and the two of its parts; twice, if there were two commits")
        self.assertEqual(b.run("return Array.from(document.querySelectorAll('#groups tbody tr')).reduce((sum, row) => sum + Number(row.children[2].innerText), 0)"), 80)
        b.click_text("nav a", "Health")   # the stream ends with the view, and its place is free
        b.wait(self.LIVE, "not any more", "asked")
        self.at_peace(b)

    def test_where_it_cannot_watch_it_asks(self):
        self.send(events())
        sys.path.insert(0, str(HERE.parent / "serve"))
        from watch_test import Watcher
        watchers = [Watcher(self.port, self.reader, "metric=Opened+Email") for _ in range(64)]
        self.assertEqual({w.status for w in watchers}, {200})
        b = self.page(self.reader, "#/metric?name=Clicked+Email&last=30d")
        b.wait(self.SUM, "the first answer", "60")
        self.assertIn("503", " ".join(b.complaints()))
        self.send([event(6000 + n, "Clicked Email") for n in range(20)])
        b.wait(self.SUM, "asked again", "80")
        self.assertEqual(b.run("return document.documentElement.dataset.live"), "asked")
        for watcher in watchers:
            watcher.close()
        b.open("about:blank")
        b.open(self.url() + "#/metric?name=Clicked+Email&last=30d")
        b.wait(self.LIVE, "a place came free", "watched")
        self.kill()   # the stream breaks
        b.wait(self.LIVE, "it is asked again", "asked")
        b.complaints()

    def test_a_filter_by_how_values_begin(self):
        self.send(events())
        b = self.page(self.reader, "#/metric?name=Clicked+Email&last=30d&by=campaign")
        b.run("document.querySelector('#filter-property').value = 'campaign'; document.querySelector('#filter-how').value = 'begins'")
        b.write("#filter-value", "c")
        b.press("enter")
        b.wait("!!document.querySelector('.chip')", "a filter")
        self.assertIn("campaign begins with c", b.text(".chip"))
        b.wait(self.SUM, "all begin so", "60")
        self.assertIn("campaign%5E%3Dc", b.run("return location.hash"))
        self.assertIn("campaign^=c", b.run("return document.querySelector('#share-command').textContent"))
        self.at_peace(b)

    def test_a_filter_is_picked_from_the_values(self):
        self.send(events())
        b = self.page(self.reader, "#/metric?name=Opened+Email&last=30d")
        b.write("#filter-value", "c")
        b.wait("[...document.querySelectorAll('#offered option')].some(o => o.value === 'c2')", "values are offered")
        b.write("#filter-value", "2")
        b.press("enter")
        b.wait("document.querySelector('.chip')")
        want = str(sum(self.api(metric="Opened Email", last="30d", interval="day", where="campaign=c2")["groups"][0]["count"]))
        b.wait("document.querySelector('#sum') && document.querySelector('#sum').innerText === arguments[0]", "filtered", want)
        self.at_peace(b)

    def test_what_the_store_cannot_answer_is_said_with_a_way_on(self):
        self.send(events())
        b = self.page(self.reader, "#/metric?name=Engaged&together=1&last=30d&where=client%3DSafari")
        self.assertIn("client", b.text(".error"))
        b.complaints()  # the 400
        b.open("about:blank")
        b.open(self.url() + "#/metric?name=Nothing")
        b.wait("document.querySelector('.state') && !document.querySelector('.state').innerText.startsWith('Loading')", "an answer")
        self.assertIn("Nothing of that name", b.text(".state"))
        b.open("about:blank")
        b.open(self.url() + "#/somewhere")
        self.assertIn("no such page", b.text(".state"))
        self.at_peace(b)

    def test_hostile_values_are_texts(self):
        self.send(events() + [event(3000 + n, metric=value) for n, value in enumerate(HOSTILE[:6])])
        b = self.page(self.reader)
        b.wait("document.querySelectorAll('#metrics tbody tr').length === 9")
        self.assertIn(HOSTILE[0], b.texts("#metrics td.value a"))
        for value in HOSTILE[:6]:
            b.open("about:blank")
            b.open(self.url() + "#/metric?" + urllib.parse.urlencode({"name": value}))
            self.assertEqual(b.text("h1").split(), value.split())
            b.wait("document.querySelector('#sum') && document.querySelector('#sum').innerText === '1'", value)
        b.open("about:blank")
        b.open(self.url() + "#/metric?name=Opened+Email&last=7d&by=campaign")
        for value in HOSTILE:
            b.wait("[...document.querySelectorAll('#groups td.value button')].some(e => e.textContent === arguments[0])", value, value)
        for value in HOSTILE:
            b.run("""[...document.querySelectorAll('#groups td.value button')].find(e => e.textContent === arguments[0]).click()""", value)
            b.wait("document.querySelector('#sum') && document.querySelector('.chip') && document.querySelector('#sum').innerText === '1'", "drilled down to " + value[:50])
            self.assertEqual(b.run("return document.querySelector('.chip span').textContent"), "campaign = " + value)
            b.run("location.hash = '#/metric?name=Opened+Email&last=7d&by=campaign'")
            b.wait("document.querySelectorAll('#groups tbody tr').length >= arguments[0] && !document.querySelector('.chip')", "back", len(HOSTILE) + 3)
        self.at_peace(b)

    def test_the_question_elsewhere(self):
        self.send(events())
        b = self.page(self.reader, "#/metric?name=Opened+Email&last=30d&by=campaign&interval=week&where=client%3DSafari")
        b.click("#share > summary")
        curl = b.text("#share-curl")
        done = subprocess.run(["bash", "-c", curl.replace("curl ", "curl -s ", 1)], env={**os.environ, "QUIPU_KEY": self.reader}, capture_output=True, text=True, timeout=30)
        asked = {"metric": "Opened Email", "last": "30d", "interval": "week", "by": "campaign", "where": "client=Safari"}
        status, _, text = self.request("GET", "/v1/query?" + urllib.parse.urlencode(asked), None, self.reader)
        self.assertEqual(done.stdout, text)
        self.assertIn(status, (200, 400))
        b.open("about:blank")
        b.open(self.url() + "#/metric?name=Opened+Email&last=7d&by=campaign&where=client%3DSafari")
        b.click("#share > summary")
        b.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.here))
        b.click("#csv")
        self.wait_for(lambda: (self.here / "Opened-Email.csv").exists(), "the CSV comes")
        asked = {"metric": "Opened Email", "last": "7d", "interval": "day", "by": "campaign", "where": "client=Safari", "format": "csv"}
        api = self.request("GET", "/v1/query?" + urllib.parse.urlencode(asked), None, self.reader)[2]
        self.assertEqual((self.here / "Opened-Email.csv").read_bytes().decode(), api)
        self.assertGreater(len(list(csv.reader(io.StringIO(api)))), 7)
        command = b.text("#share-command").replace("quipu ", OPTIONS.quipu + " ", 1).replace("…", "acme") + " --csv --data plan.quipu"
        done = subprocess.run(["bash", "-c", command], cwd=self.here, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.stdout, api, done.stderr)
        b.complaints()

    def test_health_is_for_operators(self):
        self.send(events())
        self.send(events()[:5])
        (self.here / "bad.jsonl").write_text('{"tenant":"acme","event":{"metric":"<b>x</b>","time":"never"}}\n' * 4)
        self.quipu("load", "bad.jsonl", "--anyway", "--data", "plan.quipu", status=3)
        b = self.page(self.reader, "#/health")
        self.assertIn("operators", b.text(".state"))
        self.assertEqual(b.run("return document.body.innerText.includes('never')"), False)
        b = self.page(self.operator, "#/health")
        self.assertEqual(dict(row.split("\t") for row in b.texts("#events tbody tr")),
                         {"Read": str(len(events()) + 9), "Counted": str(len(events())), "Sent again, and dropped": "5", "Of no planned metric": "0", "Set aside": "4"})
        self.assertIn("never", b.text("#dead .examples"))
        self.assertIn("journal", b.text("#sources tbody"))
        b.run("location.hash = '#/'")
        b.click_text("td.value button", "acme")
        self.assertEqual(b.text("#total"), str(len(events())))
        self.at_peace(b)

    def test_with_keys_alone(self):
        self.send(events())
        b = self.page()
        b.write("#key", self.reader)
        b.press("tab", "enter")
        b.wait("document.querySelector('#metrics')")
        focus = "document.activeElement && document.activeElement.innerText"
        self.press_until(b, lambda: b.run("return " + focus) == "Opened Email")
        b.press("enter")
        b.wait("location.hash.includes('Opened')")
        b.choose("Break down by", "campaign")
        b.wait("document.querySelectorAll('#groups tbody tr').length > 3")
        self.press_until(b, lambda: b.run("return " + focus) == "c1")
        self.assertTrue(b.run("return getComputedStyle(document.activeElement).outlineStyle !== 'none'"), "the focus is seen")
        b.press("enter")
        b.wait("document.querySelector('.chip')")
        self.at_peace(b)

    def press_until(self, b, there):
        for _ in range(60):
            if there():
                return
            b.press("tab")
        self.fail("the tab key does not lead there")

    def test_nothing_is_wider_than_a_phone(self):
        self.send(events())
        for dark in (False, True):
            for hash in ("", "#/health", "#/metric?name=Opened+Email&last=30d&by=campaign&versus=1"):
                b = self.page(self.operator if "health" in hash else self.reader, hash, 360, dark)
                b.wait("document.querySelector('.card table')")
                time.sleep(0.3)
                self.assertLessEqual(b.run("return document.documentElement.scrollWidth"), 360, hash)
                if not OPTIONS.shots:
                    continue
                for width in (360, 820, 1440):
                    b.size(width, 900)
                    time.sleep(0.4)
                    name = hash.partition("?")[0].strip("#/") or "overview"
                    b.screenshot(OPTIONS.shots / ("%s-%d-%s.png" % (name, width, "dark" if dark else "light")), whole=True)

    def test_it_can_be_used_by_everybody(self):
        axe = self.axe()
        self.send(events())
        for dark in (False, True):
            for key, hash in ((None, ""), (self.reader, ""), (self.operator, "#/health"), (self.reader, "#/metric?name=Opened+Email&last=30d&by=campaign&versus=1")):
                b = self.page(key, hash, dark=dark)
                b.wait("document.querySelector(arguments[0])", hash, ".card table" if key else "#key")
                b.run(axe)
                found = b.run_later("axe.run().then(r => arguments[0](r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 200)).slice(0, 3)])))")
                self.assertEqual([v for v in found if v[0] in ("serious", "critical")], [], (hash, dark))

    def axe(self):
        if not OPTIONS.cache:
            self.skipTest("axe-core needs --cache")
        folder = OPTIONS.cache / "axe"
        script = folder / "node_modules" / "axe-core" / "axe.min.js"
        if not script.exists():
            folder.mkdir(parents=True, exist_ok=True)
            try:
                done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), AXE], capture_output=True, text=True, timeout=120)
            except (OSError, subprocess.TimeoutExpired) as error:
                self.skipTest("axe-core cannot be installed: %s" % error)
            if done.returncode:
                self.skipTest("axe-core cannot be installed: " + done.stderr[-300:])
        return script.read_text()


def main():
    global OPTIONS
    parser = argparse.ArgumentParser()
    parser.add_argument("--quipu", required=True, type=os.path.abspath)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--shots", type=Path)
    OPTIONS, rest = parser.parse_known_args()
    if OPTIONS.shots:
        OPTIONS.shots.mkdir(parents=True, exist_ok=True)
    serve_case.use(OPTIONS.quipu)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
