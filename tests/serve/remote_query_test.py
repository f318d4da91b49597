#!/usr/bin/env python3
"""quipu query --server: what it prints is what quipu query prints beside the store, over HTTP and HTTPS.

usage: remote_query_test.py --quipu PROGRAM
"""
import json
import os
import shutil
import socket
import subprocess

import serve_case
from serve_case import Serve, event


class Remote(Serve):
    def setUp(self):
        super().setUp()
        self.reader = self.quipu("key", "add", "--data", "plan.quipu", "--read", "--tenant", "acme").strip()
        self.all = self.quipu("key", "add", "--data", "plan.quipu", "--all", "--read").strip()

    def count_some(self):
        values = ['a|b', ' "x" ', '(none)', '=1+1', 'é&=%', *("c%d" % n for n in range(60)), '']
        events = [{**event(n), "campaign": values[n % len(values)]} for n in range(150)]
        self.assertEqual(self.post(json.dumps(events).encode(), None, "/v1/events?wait=counted")[0], 200)

    def far(self, *arguments, key=None, status=0, server=None, **environment):
        told = {k: v for k, v in os.environ.items() if k != "QUIPU_KEY"} | environment
        if key != "":
            told["QUIPU_KEY"] = key or self.reader
        done = subprocess.run([serve_case.OPTIONS.quipu, "query", "--server", server or "http://127.0.0.1:%d" % self.port, *arguments],
                              cwd="/", env=told, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stdout + done.stderr

    def test_it_prints_what_is_printed_beside_the_store(self):
        self.start()
        self.count_some()
        for asked in ([], ["Opened", "--in", "2026-03"], ["--metric", "Opened", "--in", "2026-03", "--by", "campaign"],
                      ["Opened", "--from", "2026-03-01", "--to", "2026-03-08", "--interval", "day", "--by", "campaign", "--sort", "-name", "--limit", "3"],
                      ["Opened", "--in", "2026-03", "--by", "campaign", "--where", 'campaign="a|b"|é&=%|=1+1'],
                      ["Opened", "--in", "2026-03", "--where", "campaign="], ["Opened", "--in", "2026-03", "--by", "campaign", "--where", "campaign!=c1"],
                      ["Opened", "--in", "2026-03", "--by", "campaign", "--where", "campaign^=c1|a", "--sort", "-campaign"],
                      ["Opened", "--in", "2026-03-05", "--versus", "previous"], ["Opened", "--in", "2026-03", "--calendar", "UTC"]):
            for form in ([], ["--json"], ["--csv"]) + (["--safe-csv"],) * bool(asked):
                beside = self.quipu("query", *asked, *form, "--data", "plan.quipu", "--tenant", "acme")
                self.assertEqual(self.far(*asked, *form), beside, asked + form)
        self.assertEqual(self.far("Opened", "--in", "2026-03", "--tenant", "acme", key=self.all), self.far("Opened", "--in", "2026-03"))
        (self.here / "key").write_text(self.reader + "\n")
        self.assertEqual(self.far("Opened", "--in", "2026-03", "--key-file", str(self.here / "key"), key=""), self.far("Opened", "--in", "2026-03"))

    def test_errors_say_what_to_do(self):
        self.start()
        self.count_some()
        for asked, more, said in ((["Opened"], {"key": ""}, "QUIPU_KEY"), (["Opened"], {"key": "qk_wrong"}, "key add"), (["Opened", "--in", "March"], {}, "March"),
                                  (["Nothing"], {}, "nothing of that name"), (["Opened", "--chart"], {}, "--chart"), (["Opened", "--data", "x"], {}, "--data"),
                                  (["Opened", "--tenant", "rival"], {}, "may not read"), (["Opened"], {"key": self.key}, "may not read"),
                                  (["Opened"], {"server": "127.0.0.1:80"}, "http://HOST"), (["Opened"], {"server": "http://127.0.0.1:1"}, "no answer"),
                                  (["Opened"], {"server": "https://127.0.0.1:%d" % self.port}, "no answer"), (["Opened", "--key-file", "/none"], {}, "/none"),
                                  (["Opened"], {"key": "a\nb"}, "blanks")):
            self.assertIn(said, self.far(*asked, status=1, **more), (asked, more))
        self.assertIn("--key-file", self.quipu("query", "Opened", "--key-file", "x", status=2))

    def test_what_is_no_server_of_quipu_is_told_so(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            other.settimeout(30)
            asking = subprocess.Popen([serve_case.OPTIONS.quipu, "query", "Opened", "--server", "http://127.0.0.1:%d" % other.getsockname()[1]],
                                      env={**os.environ, "QUIPU_KEY": "k"}, stderr=subprocess.PIPE, text=True)
            connection, _ = other.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n")
            connection.close()
            self.assertIn("status 302", asking.communicate(timeout=30)[1])
            self.assertEqual(asking.returncode, 1)

    def test_https_is_asked_where_the_certificate_is_good(self):
        if not shutil.which("openssl"):
            self.skipTest("there is no openssl to make certificates with")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], cwd=self.here, check=True, capture_output=True)
        self.start("--tls-cert", "cert.pem", "--tls-key", "key.pem")
        asked, here = ["Opened", "--in", "2026-03"], "https://localhost:%d" % self.port
        said = self.far(*asked, status=1, server=here, SSL_CERT_FILE=str(self.here / "cert.pem"))
        self.assertIn("nothing is counted yet", said)
        self.assertIn("no answer", self.far(*asked, status=1, server=here), "nobody vouches for it")
        self.assertIn("no answer", self.far(*asked, status=1, server="https://127.0.0.1:%d" % self.port, SSL_CERT_FILE=str(self.here / "cert.pem")), "another name")


if __name__ == "__main__":
    serve_case.main()
