#!/usr/bin/env python3
"""A server as people run it: TLS, its configuration file, its log, and its systemd unit.

usage: running_test.py --quipu PROGRAM
"""
import http.client
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import warnings
from pathlib import Path

import serve_case
from serve_case import DEADLINE_S, PLAN, SOURCE, Serve, event, lines


class Tls(Serve):
    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("there is no openssl to make certificates with")
        self.certify("one")

    def certify(self, name, password=None, subject=None):
        files = [self.here / (name + ending) for ending in (".pem", ".key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days",
                        "30", "-subj", "/CN=" + (subject or name), "-addext", "subjectAltName=IP:127.0.0.1", "-out",
                        files[0], "-keyout", files[1], *(["-passout", "pass:" + password] if password else ["-nodes"])],
                       check=True, capture_output=True)
        return files

    def start(self, *more, **options):
        super().start("--tls-cert", "one.pem", "--tls-key", "one.key", *more, **options)

    def connect(self, certificate="one.pem"):
        context = ssl.create_default_context(cafile=self.here / certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE_S, context=context)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, body, path="/v1/events"):
        connection.request("POST", path, body, {"Authorization": "Bearer " + self.key})
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    def shown(self):
        """The certificate that new connections see."""
        return ssl.get_server_certificate(("127.0.0.1", self.port))

    def test_events_come_over_tls_and_not_without(self):
        self.start()
        connection = self.connect()
        self.assertEqual(self.ask(connection, lines(range(10))), (200, {"accepted": 10}))
        large = lines(range(10, 20_000))
        self.assertEqual(self.ask(connection, large), (200, {"accepted": 19_990}))
        chunked = iter([lines([20_000]), lines([20_001])])
        self.assertEqual(self.ask(connection, chunked, "/v1/events?wait=counted"),
                         (200, {"accepted": 2, "counted": True}))
        with self.assertRaises((http.client.HTTPException, OSError)):
            self.request("GET", "/healthz")
        self.assertEqual(self.totals()[0], 20_002)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, OSError)), socket.create_connection(("127.0.0.1", self.port)) as s:
            old.wrap_socket(s)
        self.stop()

    def test_half_made_handshakes_hold_up_nobody(self):
        self.start()
        waiting = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(200)]
        for s in waiting[:100]:
            s.sendall(b"\x16\x03\x01\x02\x00\x01")
        begin = time.monotonic()
        for n in range(20):
            self.assertEqual(self.ask(self.connect(), lines([n]))[0], 200)
        self.assertLess(time.monotonic() - begin, 10)
        for s in waiting:
            s.close()

    def test_a_hangup_reloads_the_certificate_without_a_stop(self):
        self.start()
        open_before = self.connect()
        self.assertEqual(self.ask(open_before, lines([1]))[0], 200)
        first = self.shown()
        for file in self.certify("two", subject="another"):
            file.rename(self.here / ("one" + file.suffix))
        self.server.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.shown() != first, "the new certificate is shown")
        self.assertEqual(self.ask(open_before, lines([2]))[0], 200, "old connections go on")
        self.assertEqual(self.ask(self.connect(), lines([3]))[0], 200)
        second = self.shown()
        (self.here / "one.pem").write_text("no certificate")
        self.server.send_signal(signal.SIGHUP)
        for line in self.server.stderr:
            if "stays as it was" in line:
                self.assertIn("one.pem: is no PEM file of certificates", line)
                break
        self.assertEqual(self.shown(), second)
        self.stop()

    def test_files_that_do_not_belong_together_are_refused_by_name(self):
        self.certify("two")
        serve = ["serve", "plan.yaml", "--listen", "127.0.0.1:0"]
        said = self.quipu(*serve, "--tls-cert", "one.pem", "--tls-key", "two.key", status=1)
        self.assertIn("two.key: is no", said)
        said = self.quipu(*serve, "--tls-cert", "none.pem", "--tls-key", "two.key", status=1)
        self.assertIn("none.pem: cannot be read: No such file", said)
        self.assertIn("--tls-key", self.quipu(*serve, "--tls-cert", "one.pem", status=2))

    def test_a_keys_password_comes_from_the_environment(self):
        self.certify("shut", password="open sesame")
        (self.here / "server.yaml").write_text(
            "plan: plan.yaml\ntls: {certificate: shut.pem, key: shut.key, key_password: {env: SESAME}}\n")
        Serve.start(self, "--config", "server.yaml", plan=None, environment={"SESAME": "open sesame"})
        self.assertEqual(self.ask(self.connect("shut.pem"), lines([1]))[0], 200)
        self.stop()
        said = self.quipu("serve", "--config", "server.yaml", status=2)
        self.assertRegex(said, r'server.yaml:2:\d+: tls.key_password.env: there is no variable "SESAME"; set it')


class Configuration(Serve):
    def refused(self, text):
        (self.here / "server.yaml").write_text(text)
        return self.quipu("serve", "--config", "server.yaml", "--listen", "127.0.0.1:0", status=2)

    def test_faults_are_named_by_file_line_and_key_with_what_would_be_right(self):
        for text, said in {
                "plan: plan.yaml\nlimit: {}\n": 'server.yaml:2: "limit": unknown key; did you mean "limits"',
                "plan: plan.yaml\nlimits:\n  behind: 1G\n":
                    'server.yaml:3: limits."behind": unknown key; did you mean "behind_bytes"',
                "plan: plan.yaml\nlimits: {behind_bytes: many}\n":
                    'server.yaml:2: limits.behind_bytes: is a text ("many"); write a size like 512M or 8G',
                "plan: plan.yaml\nlimits: {connections: 0}\n": "write a number from 1 to 100000",
                "plan: plan.yaml\nrates: {keys: {k1: fast}}\n": "server.yaml:2: rates.keys.k1: ",
                "plan: plan.yaml\nlog: {level: loud}\n":
                    "server.yaml:2: log.level: is a text (\"loud\"); write error, warning, info or debug",
                "plan: plan.yaml\ntls: {certificate: a.pem}\n": "server.yaml:2: tls: needs two files",
                "plan: plan.yaml\ntls: {certificate: a, key: b, key_password: hunter2}\n":
                    "server.yaml:2: tls.key_password: a secret does not stand here; write {env: NAME}",
                "plan: plan.yaml\njournal: {archive: maybe}\n": "journal.archive",
                "plan: plan.yaml\njournal: {archive: yes, keep_days: 3}\n": "server.yaml:2: journal: archive: yes keeps all",
                "plan: plan.yaml\nplan: x\n": "server.yaml:2",
                "listen: 127.0.0.1:0\n": "which plan?",
                "plan: plan.yaml\nlisten: localhost\n":
                    'server.yaml:2: listen: is a text ("localhost"); write an address and a port, such as 127.0.0.1:8080',
                "plan: none.yaml\n": "none.yaml"}.items():
            self.assertIn(said, re.sub(r"(server\.yaml:\d+):\d+:", r"\1:", self.refused(text)), text)
        self.assertIn("server.yaml:2:10: limits.connections", self.refused("plan: plan.yaml\nlimits: {connections: 0}\n"))
        self.assertNotIn("hunter2", self.refused("plan: p\ntls: {certificate: a, key: b, key_password: hunter2}\n"))
        self.assertIn("none.yaml: cannot be read", self.quipu("serve", "--config", "none.yaml", status=2))

    def test_the_command_line_goes_before_the_file_and_paths_are_relative_to_it(self):
        folder = self.here / "etc"
        folder.mkdir()
        (folder / "plan.yaml").write_text(PLAN.read_text())
        (folder / "server.yaml").write_text(
            "plan: plan.yaml\ndata: store\nlisten: 127.0.0.1:1\nmemory: 300M\njournal: {archive: yes}\n")
        key = self.quipu("key", "add", "--tenant", "acme", "--data", "etc/store").strip()
        self.start("--config", "etc/server.yaml", plan=None)
        self.assertEqual(self.post(lines([1]), key=key)[0], 200)
        self.stop()
        self.assertTrue(list((folder / "store" / "journal").iterdir()))

    def test_the_packaged_example_is_a_configuration(self):
        text = (SOURCE / "packaging" / "server.yaml").read_text()
        plain = re.sub(r"^# (\w+: )", r"\1", text, flags=re.MULTILINE).replace("/var/lib/quipu/store", "store")
        self.assertNotEqual(plain, text)
        (self.here / "server.yaml").write_text(plain)
        said = subprocess.run([serve_case.OPTIONS.quipu, "serve", "--config", "server.yaml"], cwd=self.here,
                              env={**os.environ, "QUIPU_TLS_PASSWORD": ""}, capture_output=True, text=True).stderr
        self.assertIn("server.pem: cannot be read", said, "all but the files that it names is good")


    def test_the_configuration_of_the_guide_is_one(self):
        guide = (SOURCE / "docs" / "serving.md").read_text()
        text = next(t for t in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL) if "listen:" in t)
        (self.here / "server.yaml").write_text(text)
        self.assertIn("there is no variable", self.quipu("serve", "--config", "server.yaml", status=2))
        done = subprocess.run([serve_case.OPTIONS.quipu, "serve", "--config", "server.yaml", "--data", "store"],
                              cwd=self.here, env={**os.environ, "QUIPU_TLS_PASSWORD": ""}, capture_output=True, text=True)
        self.assertIn("server.pem: cannot be read", done.stderr, "all but the files that it names is good")


class Logs(Serve):
    def log(self):
        self.server.send_signal(signal.SIGTERM)
        text = self.server.stderr.read()
        self.assertEqual(self.server.wait(timeout=DEADLINE_S), 0, text)
        self.server.stderr.close()
        self.server = None
        return text

    def test_json_lines_tell_events_and_never_a_secret_or_a_person(self):
        self.start("--log-json", "--log-level", "debug")
        self.post(lines(range(3)), Idempotency_Key="a")
        self.post(lines([1]), key="wrong")
        self.post(b'{"email":"sarah@example.com"}')
        self.quipu("key", "add", "--tenant", "other", "--data", "plan.quipu")
        time.sleep(2)
        text = self.log()
        entries = [json.loads(line) for line in text.splitlines()]
        for entry in entries:
            self.assertRegex(entry["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(entry["level"], ("error", "warning", "info", "debug"))
        events = [entry["event"] for entry in entries]
        self.assertEqual(events.count("answered"), 3)
        self.assertIn("keys_changed", events)
        self.assertEqual(events[-1], "stopped")
        self.assertEqual([e["status"] for e in entries if e["event"] == "answered"], ["200", "401", "400"])
        for secret in (self.key, self.key.split("_")[-1], "wrong", "sarah", "p1@x", "Opened"):
            self.assertNotIn(secret, text)

    def test_levels_leave_out_what_is_below_them(self):
        self.start()
        self.post(lines([1]))
        self.assertNotIn("200", self.log())
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        server = subprocess.Popen([serve_case.OPTIONS.quipu, "serve", "plan.yaml", "--log-level", "error", "--listen",
                                   "127.0.0.1:%d" % port], cwd=self.here, stderr=subprocess.PIPE, text=True)
        self.port = port

        def answers():
            try:
                return self.request("GET", "/healthz")[0] == 200
            except OSError:
                return False
        self.wait_for(answers, "it listens")
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.communicate(timeout=DEADLINE_S)[1], "")

    def test_an_address_that_others_reach_without_tls_is_warned_of(self):
        self.server = subprocess.Popen([serve_case.OPTIONS.quipu, "serve", "plan.yaml", "--listen", "0.0.0.0:0"],
                                       cwd=self.here, stderr=subprocess.PIPE, text=True)
        said = [self.server.stderr.readline() for _ in range(3)]
        self.assertIn("warning: others can reach 0.0.0.0:", said[2])
        self.log()


class Backup(Serve):
    def test_a_backup_of_a_running_server_can_be_served(self):
        self.start()
        self.assertEqual(self.post(lines(range(10)), path="/v1/events?wait=counted")[0], 200)
        self.quipu("backup", "copy.quipu", "--data", "plan.quipu")
        self.stop()
        shutil.copy(self.here / "plan.quipu" / "keys", self.here / "copy.quipu" / "keys")
        self.start("--data", "copy.quipu")
        self.assertEqual(self.post(lines(range(5, 15)), path="/v1/events?wait=counted")[0], 200)
        answer = json.loads(self.quipu("query", "Opened", "--in", "2026-03", "--json", "--data", "copy.quipu"))
        self.assertEqual(answer["groups"][0]["count"], [15])


class Unit(Serve):
    def test_the_units_command_starts_a_server_that_tells_it_is_ready_and_drains(self):
        unit = (SOURCE / "packaging" / "quipu.service").read_text()
        command = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)[1]
        reload = re.search(r"^ExecReload=(.*)$", unit, re.MULTILINE)[1]
        # The unit's folders, and its user if this may become another one.
        root = Path(tempfile.mkdtemp(prefix="quipu-unit-"))
        self.addCleanup(shutil.rmtree, root)
        shutil.copy(serve_case.OPTIONS.quipu, root / "quipu")
        etc, state = root / "etc", root / "state"
        etc.mkdir()
        state.mkdir()
        (etc / "plan.yaml").write_text(PLAN.read_text())
        example = (SOURCE / "packaging" / "server.yaml").read_text()
        (etc / "server.yaml").write_text(example.replace("/var/lib/quipu", str(state)).replace("8080", "0"))
        user = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (root, state):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        words = shlex.split(command.replace("/usr/bin/quipu", str(root / "quipu")).replace("/etc/quipu", str(etc)))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(root / "notify"))
            os.chmod(root / "notify", 0o777)
            manager.settimeout(DEADLINE_S)
            self.server = subprocess.Popen(words, cwd=state, umask=0o077, stderr=subprocess.PIPE, text=True,
                                           env={"NOTIFY_SOCKET": str(root / "notify")}, **user)
            said = ""
            while not (found := re.search(r"listening on http://127.0.0.1:(\d+)", said)):
                line = self.server.stderr.readline()
                self.assertTrue(line, said)
                said += line
            self.port = int(found[1])
            self.assertEqual(manager.recv(100), b"READY=1")
            self.assertEqual(self.request("GET", "/readyz")[0], 200)
            key = subprocess.run([root / "quipu", "key", "add", "--tenant", "a", "--data", state / "store"], text=True,
                                 capture_output=True, **user).stdout.strip()
            if user:  # what root adds is the server's, too
                second = subprocess.run([root / "quipu", "key", "add", "--tenant", "b", "--data", state / "store"],
                                        text=True, capture_output=True, check=True).stdout.strip()
                self.wait_for(lambda: self.post(lines([1]), key=second)[0] == 200, "root's key is known")
            subprocess.run(shlex.split(reload.replace("$MAINPID", str(self.server.pid))), check=True)
            self.wait_for(lambda: self.post(lines([1]), key=key)[0] == 200, "the key is known")
            self.server.send_signal(signal.SIGTERM)
            self.assertEqual(manager.recv(100), b"STOPPING=1")
            self.assertEqual(self.server.wait(timeout=DEADLINE_S), 0)
            self.server.stderr.close()
            self.server = None

    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
    def test_the_unit_is_one_that_systemd_reads(self):
        text = (SOURCE / "packaging" / "quipu.service").read_text().replace("/usr/bin/quipu", "/bin/true")
        (self.here / "quipu.service").write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", self.here / "quipu.service"], capture_output=True, text=True)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "quipu.service" in line]
        self.assertEqual(said, [])


if __name__ == "__main__":
    serve_case.main()
