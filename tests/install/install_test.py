#!/usr/bin/env python3
"""Installs a build as people do, and uses what was installed.

    install_test.py --build build/test [unittest arguments]

The package is installed into a Debian 12 root that debootstrap makes, if this user and machine may
make one. In any case it is unpacked into an empty folder with the libraries that it names, and runs there.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
MIRROR = os.environ.get("QUIPU_DEBIAN_MIRROR", "http://deb.debian.org/debian")
DEBOOTSTRAP_S, INSTALL_S = 300, 400


def run(*command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)


class Installing(unittest.TestCase):
    build = None   # set by main()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="quipu-install-")
        self.addCleanup(self.folder.cleanup)
        self.here = Path(self.folder.name)

    def good(self, *command, **more):
        done = run(*command, **more)
        self.assertEqual(done.returncode, 0, "%s\n%s%s" % (command, done.stdout, done.stderr))
        return done.stdout

    def package(self):
        """The Debian package, made anew in a folder of the test's own."""
        if not shutil.which("cpack") or not shutil.which("dpkg-shlibdeps"):
            self.skipTest("not installed: cpack and dpkg-shlibdeps (dpkg-dev)")
        self.good("cpack", "-G", "DEB", "--config", self.build / "CPackConfig.cmake", "-B", self.here / "package")
        packages = list((self.here / "package").glob("*.deb"))
        self.assertEqual(len(packages), 1)
        return packages[0]

    def commands(self, program):
        """The commands that help lists."""
        part = self.good(program, "--help").split("Subcommands:")[1].split("\n\n")[0]
        return re.findall(r"(?m)^  ([a-z]+) ", part)


class Installed(Installing):
    def test_an_installed_program_has_manuals_completions_and_papers(self):
        prefix = self.here / "usr"
        self.good("cmake", "--install", self.build, "--prefix", prefix)
        program = prefix / "bin/quipu"
        commands = self.commands(program)
        self.assertIn("query", commands)
        self.assertTrue(self.good(program, "version").startswith("quipu "))
        pages = {p.name for p in (prefix / "share/man/man1").iterdir()}
        self.assertEqual(pages, {"quipu.1"} | {"quipu-%s.1" % c for c in commands})
        for name in ("bash-completion/completions/quipu", "zsh/vendor-completions/_quipu", "fish/vendor_completions.d/quipu.fish", "doc/quipu/README.md",
                     "doc/quipu/copyright", "doc/quipu/docs/plan.md", "doc/quipu/examples/email.yaml"):
            self.assertTrue((prefix / "share" / name).stat().st_size, name)
        self.good(program, "check", prefix / "share/doc/quipu/examples/email.yaml")


class Packaged(Installing):
    # Counts an example and asks it, in whatever root the program is.
    USE = ("cd /tmp && quipu version && quipu run /usr/share/doc/quipu/examples/product.yaml /usr/share/doc/quipu/examples/product.jsonl; "
           "test $? = 3 && quipu query Active --tenant w1 --calendar us --in 2026-W11 --csv")
    ANSWER = re.compile(r"(?m)^2026-03-08T00:00:00-05:00,14,4,")

    def libraries(self, program):
        return re.findall(r"(/\S+) \(0x", self.good("ldd", program))

    def test_it_names_the_packages_of_all_its_libraries(self):
        package = self.package()
        self.good("dpkg-deb", "-x", package, self.here / "root")
        depends = set(re.findall(r"([a-z0-9.+-]+)(?: \([^)]*\))?(?:, |$)", self.good("dpkg-deb", "-f", package, "Depends").strip()))
        self.assertIn("tzdata", depends)
        needed = re.findall(r"NEEDED +(\S+)", self.good("objdump", "-p", self.here / "root/usr/bin/quipu"))
        paths = {Path(p).name: p for p in self.libraries(self.here / "root/usr/bin/quipu")}
        for name in needed:
            real = os.path.realpath(paths[name]) if name in paths else None
            if real is None:
                continue   # the loader itself
            owner = run("dpkg", "-S", paths[name]).stdout or run("dpkg", "-S", real).stdout or run("dpkg", "-S", "*/" + Path(real).name).stdout
            self.assertTrue({o.split(":")[0] for o in owner.splitlines()} & depends, "%s: %s is in no package of %s" % (name, owner, depends))

    def test_unpacked_into_an_empty_root_with_its_libraries_it_runs(self):
        if os.geteuid() != 0:
            self.skipTest("chroot needs root")
        package, root = self.package(), self.here / "root"
        self.good("dpkg-deb", "-x", package, root)
        # Beside the package: the libraries it names, a shell and zones. No other file.
        shell = shutil.which("dash") or shutil.which("sh")
        for library in sorted(set(self.libraries(root / "usr/bin/quipu") + self.libraries(shell))):
            target = root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(library), target)
        (root / "bin").mkdir(exist_ok=True)
        shutil.copy(os.path.realpath(shell), root / "bin/sh")
        shutil.copytree("/usr/share/zoneinfo", root / "usr/share/zoneinfo", symlinks=True)
        (root / "tmp").mkdir()
        done = run("chroot", root, "/bin/sh", "-c", "PATH=/usr/bin:/bin; " + self.USE)
        self.assertRegex(done.stdout, self.ANSWER, done.stderr)

    def test_installed_into_a_clean_debian_root_it_runs(self):
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            self.skipTest("debootstrap is not installed, or this is not root")
        package, root = self.package(), self.here / "root"
        made = run("debootstrap", "--variant=minbase", "bookworm", root, MIRROR, timeout=DEBOOTSTRAP_S)
        if made.returncode != 0:
            self.skipTest("debootstrap makes no root here: " + (made.stdout + made.stderr).strip()[-300:])
        shutil.copy(package, root / "tmp/quipu.deb")
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            if os.path.exists(name):
                shutil.copy(name, root / name.lstrip("/"))
        for proxy in Path("/etc/apt/apt.conf.d").glob("*prox*"):
            shutil.copy(proxy, root / "etc/apt/apt.conf.d")
        ready = run("chroot", root, "apt-get", "-q", "update", timeout=INSTALL_S)
        if ready.returncode != 0:
            self.skipTest("no packages can be fetched in the root: " + ready.stderr[-300:])
        self.good("chroot", root, "apt-get", "-qy", "--no-install-recommends", "install", "/tmp/quipu.deb", timeout=INSTALL_S, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        done = run("chroot", root, "/bin/sh", "-c", self.USE)
        self.assertRegex(done.stdout, self.ANSWER, done.stderr)
        # And it goes away again.
        self.good("chroot", root, "dpkg", "-r", "quipu")
        self.assertFalse((root / "usr/bin/quipu").exists())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="the build's folder")
    arguments, rest = parser.parse_known_args()
    Installing.build = Path(arguments.build).resolve()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
