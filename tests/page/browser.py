"""A Chromium without a window, driven over the WebDriver protocol (W3C) of Debian's chromium-driver."""
import base64
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"enter": "\ue007", "tab": "\ue004"}
DEADLINE_S = 20


def missing():
    """Why there is no browser; "" if there is one."""
    return "" if DRIVER and CHROMIUM else "no chromium and chromium-driver here (apt-get install chromium chromium-driver)"


class Browser:
    def __init__(self, width=1440, height=900, dark=False):
        self.driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.base = "http://127.0.0.1:%s" % found[1]
                break
        options = {"binary": CHROMIUM, "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-US",
                                                "--disable-background-networking", "--disable-component-update", "--no-first-run", *(["--force-dark-mode"] if dark else [])]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = ""
        self.session = "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self.size(width, height)

    def call(self, method, path, body=None):
        data = None if method == "GET" or method == "DELETE" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + self.session + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError("%s %s: %s" % (method, path, error.read().decode()[:600])) from None

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()

    def size(self, width, height):
        """Of what the page sees, phones included: a window cannot be as narrow."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """What the body of a function gives."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_later(self, script, *arguments):
        """What the script's last argument, a function, is called with."""
        return self.call("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def wait(self, script, what=None, *arguments):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            found = self.run("return " + script, *arguments)
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError("%s; the page: %s" % (what or script, self.run("return document.body.innerText")[:3000]))
            time.sleep(0.05)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())", selector)

    def text(self, selector):
        return self.wait("document.querySelector(arguments[0]) && document.querySelector(arguments[0]).innerText.trim()", selector, selector)

    def element(self, selector):
        self.wait("!!document.querySelector(arguments[0])", selector, selector)
        return self.call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.call("POST", "/element/%s/click" % self.element(selector))

    def click_text(self, selector, text):
        self.wait("[...document.querySelectorAll(arguments[0])].some(e => e.innerText.trim() === arguments[1])", "%s with %s" % (selector, text), selector, text)
        self.run("[...document.querySelectorAll(arguments[0])].find(e => e.innerText.trim() === arguments[1]).click()", selector, text)

    def choose(self, label, value):
        self.run("""const box = [...document.querySelectorAll('label')].find(l => l.firstChild.textContent === arguments[0]).querySelector('select');
                    box.value = arguments[1]; box.dispatchEvent(new Event('change'))""", label, value)

    def write(self, selector, text):
        self.call("POST", "/element/%s/value" % self.element(selector), {"text": text})

    def press(self, *keys):
        """Keys for whatever has the focus."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def screenshot(self, path, whole=False):
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(shot))

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def complaints(self):
        """What went to the console as a warning or an error since the last call."""
        return [entry["message"] for entry in self.log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        """URLs that were asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
