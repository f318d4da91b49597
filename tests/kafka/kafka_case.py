"""A Kafka broker of a test's own, and the programs that put records into it and read them.

The broker comes as jars, fetched once by Maven into build/kafka-broker. Where java, Maven or the
network is missing, the tests that need it are skipped, and say so.
"""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
VERSION = "4.4.0"
JARS = SOURCE / "build" / "kafka-broker" / ("lib-" + VERSION)
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>quipu.tests</groupId><artifactId>kafka-broker</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>%s</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
""" % VERSION
PROPERTIES = """process.roles=broker,controller
node.id=1
listeners=BROKER://127.0.0.1:{port},CTRL://127.0.0.1:{control},SECURE://127.0.0.1:{secure}
advertised.listeners=BROKER://127.0.0.1:{port},SECURE://127.0.0.1:{secure}
listener.security.protocol.map=BROKER:PLAINTEXT,CTRL:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={folder}/server.pem
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
  user_quipu="pass-word";
inter.broker.listener.name=BROKER
controller.listener.names=CTRL
controller.quorum.voters=1@127.0.0.1:{control}
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""
START_S, PATIENCE_S = 60, 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch_jars():
    """The broker's jars; skips the test that asks where they cannot be had."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None and not (program == "mvn" and JARS.is_dir()):
            raise unittest.SkipTest("no %s here: tests with a real Kafka broker are skipped" % program)
    JARS.parent.mkdir(parents=True, exist_ok=True)
    with open(JARS.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if JARS.is_dir():
            return
        (JARS.parent / "pom.xml").write_text(POM)
        unfinished = JARS.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        done = subprocess.run(
            ["mvn", "-B", "-q", "-f", str(JARS.parent / "pom.xml"),
             "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
             "-DoutputDirectory=%s" % unfinished, "-DincludeScope=runtime"],
            capture_output=True, text=True)
        if done.returncode != 0 or not unfinished.is_dir():
            raise unittest.SkipTest("Maven cannot fetch Kafka's broker: tests with a real one are skipped: "
                                    + (done.stdout + done.stderr)[-300:])
        unfinished.rename(JARS)


def make_certificate(folder):
    """Files of a certificate for 127.0.0.1 that signs itself, and of its key."""
    certificate, key = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    return certificate, key


class Broker:
    def __init__(self, quick_start=True):
        """quick_start: it starts sooner and is slower then."""
        fetch_jars()
        self.quick_start = quick_start
        self.folder = tempfile.mkdtemp(prefix="quipu-kafka-")
        self.port = free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.process = None
        self.properties = Path(self.folder) / "server.properties"
        secure = free_port()
        self.secure_address = "127.0.0.1:%d" % secure   # TLS, and SASL's PLAIN: quipu, pass-word
        self.properties.write_text(PROPERTIES.format(port=self.port, control=free_port(), secure=secure,
                                                     folder=self.folder))
        self.certificate, key = make_certificate(self.folder)
        (Path(self.folder) / "server.pem").write_text(key.read_text() + self.certificate.read_text())
        subprocess.run(self.java() + ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg",
                                      "-c", str(self.properties)], check=True, capture_output=True)
        self.start()

    def java(self):
        return ["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", str(JARS / "*"), "-Xms128m",
                "-Xmx512m", "-XX:+UseG1GC", "-Xshare:auto", *(["-XX:TieredStopAtLevel=1"] if self.quick_start else [])]

    def start(self):
        with open(Path(self.folder) / "log", "a") as log:
            self.process = subprocess.Popen(self.java() + ["kafka.Kafka", str(self.properties)], stdout=log,
                                            stderr=log)
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError("the broker does not start: " + (Path(self.folder) / "log").read_text()[-2000:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def escaped(text):
    """A field of kafka_tool's commands: of bytes, a text, or none."""
    if text is None:
        return "\\N"
    if isinstance(text, bytes):
        return "".join("\\x%02x" % byte for byte in text)
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


class KafkaCase(unittest.TestCase):
    """One broker for all tests of a class; each has topics of its own."""
    tool = None   # programs, set by main()
    reader = None
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker()
        cls.addClassCleanup(cls.broker.close)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="quipu-kafka-test-")
        self.addCleanup(folder.cleanup)
        self.here = Path(folder.name)
        self.topic = self.id().split(".")[-1].replace("test_", "")[:60]

    def do(self, *commands, settings=()):
        """Commands of kafka_tool, each a tuple of fields; gives what it said."""
        text = "".join("\t".join(map(str, command)) + "\n" for command in commands)
        arguments = [self.tool, self.broker.address]
        for setting in settings:
            arguments += ["--set", setting]
        done = subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def make(self, partitions=1, topic=None, *config):
        self.do(("topic", topic or self.topic, partitions, *config))

    def put(self, *records, topic=None, settings=()):
        """Records (partition, value[, key[, timestamp[, headers]]]), acknowledged."""
        commands = []
        for partition, value, *more in records:
            key, timestamp, headers = (list(more) + [None, 0, {}][len(more):])
            commands.append(("put", topic or self.topic, partition, escaped(value), escaped(key), timestamp,
                             *("%s=%s" % (name, escaped(text)) for name, text in headers.items())))
        self.do(*commands, ("flush",), settings=settings)

    def many(self, first, count, size=200, partitions=4, settings=()):
        self.do(("many", self.topic, first, count, size, partitions), ("flush",), settings=settings)

    def start_reader(self, *arguments, topics=None):
        return subprocess.Popen([self.reader, self.broker.address, *(topics or [self.topic]), "--out",
                                 str(self.here / "out"), "--state", str(self.here / "state"), *map(str, arguments)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def read(self, *arguments, status=0, topics=None):
        """Reads on to the end; gives all that was read since the first time, or the error."""
        process = self.start_reader(*arguments, topics=topics)
        out, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, status, out + err)
        return self.events() if status == 0 else err

    def events(self):
        """(topic, partition, offset, text) of each event in the reader's file."""
        found = []
        for line in (self.here / "out").read_text().splitlines():
            event = json.loads(line)
            topic, partition = event["part"].split("/")[1:]
            found.append((topic, int(partition), event["offset"], event["text"]))
        return found

    def ids(self):
        return [json.loads(text)["id"] for _, _, _, text in self.events()]

    def assert_each_once(self, numbers):
        ids = self.ids()
        self.assertEqual(len(ids), len(set(ids)), "some came twice")
        self.assertEqual(set(ids), {str(n) for n in numbers})

    def wait_until(self, holds, what):
        end = time.monotonic() + PATIENCE_S
        while not holds():
            self.assertLess(time.monotonic(), end, "waited in vain until " + what)
            time.sleep(0.05)
