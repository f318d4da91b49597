"""Takes away from a disk what its log (power_model.cpp) says was not synced.

apply(log, kept, root, rng, keep) undoes it all, newest first, and then does a random part of it again: a beginning
of each folder's changes and of what each file grew by (its last piece torn at a page now and then), and any of the
writes in place. (A file that grows out of order would show holes after a loss. ext4 does not do that, and RocksDB
refuses a manifest that has one.) keep is about the share of what is done again; 0 leaves nothing that was not
synced. unsynced(records, upto) lists what would be lost at a place of the log.
"""
import os
import shutil
from collections import defaultdict, namedtuple
from urllib.parse import unquote

PAGE = 4096
DATA = ("write", "size")
NAMES = ("name", "folder", "move", "drop", "rmdir")

Change = namedtuple("Change", "index kind fields node folder")


def read_log(path):
    """All whole records: (kind, fields)."""
    with open(path, "rb") as file:
        text = file.read()
    records = []
    for line in text.decode().split("\n"):
        kind, *fields, end = line.split(" ") if " " in line else ("", "")
        if end != ".":   # of a process that was killed while it wrote this
            continue
        records.append((kind, fields if kind in DATA else [unquote(f) for f in fields]))
    return records


def unsynced(records, upto=None):
    """Changes before record number `upto` that no sync before it covers."""
    synced, lost = set(), []
    for index in range((len(records) if upto is None else upto) - 1, -1, -1):
        kind, fields = records[index]
        if kind == "sync":
            synced.add(fields[0])
        elif kind in DATA and fields[0] not in synced:
            lost.append(Change(index, kind, fields, fields[0], None))
        elif kind in NAMES and fields[-1] not in synced:
            lost.append(Change(index, kind, fields, None, fields[-1]))
    return lost   # newest first


def node_of(path):
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return "%d:%d" % (info.st_dev, info.st_ino)


class Loss:
    def __init__(self, log, kept, root, rng):
        self.records, self.kept, self.rng = read_log(log), kept, rng
        self.held = 0
        self.files = {}   # node -> descriptor, by whatever name it is still there
        wanted = {f[0] for k, f in self.records if k in DATA}
        for folder, _, names in [*os.walk(root), *os.walk(kept)]:
            for name in names:
                path = os.path.join(folder, name)
                node = node_of(path)
                if node in wanted and node not in self.files and not os.path.islink(path):
                    self.files[node] = os.open(path, os.O_RDWR)
        self.holds = {}   # index of a change -> where what it named is held meanwhile
        self.bytes = {}   # index of a write -> what it wrote

    def close(self):
        for file in self.files.values():
            os.close(file)

    def hold(self, change):
        self.held += 1
        self.holds[change.index] = os.path.join(self.kept, "held%d" % self.held)
        return self.holds[change.index]

    # ---- newest first ----
    def undo(self, c):
        if c.kind == "write":
            offset, before, size, old = int(c.fields[1]), int(c.fields[2]), int(c.fields[3]), bytes.fromhex(c.fields[4][1:])
            file = self.files.get(c.node)
            if file is None:
                return
            self.bytes[c.index] = os.pread(file, size, offset)
            os.pwrite(file, old, offset)
            if os.fstat(file).st_size > before:
                os.ftruncate(file, before)
        elif c.kind == "size":
            file = self.files.get(c.node)
            if file is not None:
                os.ftruncate(file, int(c.fields[1]))
                os.pwrite(file, bytes.fromhex(c.fields[3][1:]), int(c.fields[2]))
        elif c.kind == "name":
            if node_of(c.fields[0]) == c.fields[1]:
                os.rename(c.fields[0], self.hold(c))
        elif c.kind == "folder":
            if node_of(c.fields[0]) == c.fields[1]:
                os.rename(c.fields[0], self.hold(c))
        elif c.kind == "move":
            source, target, node, kept = c.fields[:4]
            if node_of(target) == node and node_of(source) is None and os.path.isdir(os.path.dirname(source)):
                os.rename(target, source)
                if kept != "-":
                    os.link(kept, target)
        elif c.kind == "drop":
            if node_of(c.fields[0]) is None and c.fields[2] != "-" and os.path.isdir(os.path.dirname(c.fields[0])):
                os.link(c.fields[2], c.fields[0])
        elif c.kind == "rmdir":
            if node_of(c.fields[0]) is None and os.path.isdir(os.path.dirname(c.fields[0])):
                os.mkdir(c.fields[0], 0o700)

    # ---- oldest first ----
    def redo(self, c):
        if c.kind == "write":
            data = self.bytes.get(c.index)
            if data is None:
                return
            offset = int(c.fields[1])
            if c.index in self.last_of_file and self.rng.random() < 0.5:   # torn: up to the end of a page
                pages = range((offset // PAGE + 1) * PAGE, offset + len(data), PAGE)
                if pages:
                    data = data[:self.rng.choice(pages) - offset]
            os.pwrite(self.files[c.node], data, offset)
        elif c.kind == "size":
            if c.node in self.files:
                os.ftruncate(self.files[c.node], int(c.fields[2]))
        elif c.kind in ("name", "folder"):
            held = self.holds.get(c.index)
            if held and os.path.lexists(held) and node_of(c.fields[0]) is None and os.path.isdir(os.path.dirname(c.fields[0])):
                os.rename(held, c.fields[0])
        elif c.kind == "move":
            if node_of(c.fields[0]) == c.fields[2] and os.path.isdir(os.path.dirname(c.fields[1])):
                os.rename(c.fields[0], c.fields[1])
        elif c.kind == "drop":
            if node_of(c.fields[0]) == c.fields[1]:
                os.unlink(c.fields[0])
        elif c.kind == "rmdir":
            if os.path.isdir(c.fields[0]) and not os.listdir(c.fields[0]):
                os.rmdir(c.fields[0])


def apply(log, kept, root, rng, keep):
    """Returns how many changes were lost."""
    loss = Loss(log, kept, root, rng)
    lost = unsynced(loss.records)
    for change in lost:
        loss.undo(change)
    again = []
    in_order = defaultdict(list)
    for change in reversed(lost):
        if change.kind == "write" and int(change.fields[1]) < int(change.fields[2]):   # in place
            if rng.random() < keep:
                again.append(change)
        else:
            in_order[change.kind in NAMES, change.node or change.folder].append(change)
    for changes in in_order.values():
        if rng.random() < keep:
            again.extend(changes[:rng.randrange(len(changes) + 1)])
    loss.last_of_file = set({change.node: change.index for change in sorted(again) if change.kind == "write"}.values())
    for change in sorted(again):
        loss.redo(change)
    loss.close()
    shutil.rmtree(kept, ignore_errors=True)
    os.unlink(log)
    return len(lost) - len(again)
