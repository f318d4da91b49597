"""Packages that tests take from their registries, installed once into a folder beside the build."""
import fcntl
import functools
import hashlib
import shutil
import subprocess
import sys

INSTALL_S = 600


def install(folder, steps):
    """Why the packages cannot be had, in words; or nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for step in steps(folder):
        try:
            done = subprocess.run(step, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
        except (OSError, subprocess.TimeoutExpired) as e:
            return str(e)
        if done.returncode != 0:
            return (done.stderr or done.stdout)[-500:]
    (folder / "installed").touch()
    return None


@functools.cache
def installed(cache, name, description, steps):
    """The folder with these packages, made if it is not there; and why it cannot be, or nothing."""
    folder = cache / ("%s-%s" % (name, hashlib.sha256(description.read_bytes()).hexdigest()[:12]))
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / (name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return folder, None if (folder / "installed").exists() else install(folder, steps)


def python_steps(requirements):
    """A virtual environment with the packages of a file."""
    def steps(folder):
        yield [sys.executable, "-m", "venv", str(folder)]
        yield [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(requirements)]
    return steps
