"""A command under watch: what it took, what its processes held, and how busy the machine was meanwhile."""

import os
import resource
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look: when (`time.time`), resident bytes of the process tree, busy share of all CPUs since the last one."""

    at: float
    resident_bytes: int
    busy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One command as a whole: wall seconds, CPU seconds of all its processes, what it printed, and a sample every so
    often.
    """

    seconds: float
    cpu_seconds: float
    out: str
    samples: list[Sample]

    @property
    def peak_bytes(self) -> int:
        """The most resident bytes of its process tree."""
        return max((sample.resident_bytes for sample in self.samples), default=0)


def measure(command: list[str], environment: dict[str, str], *, every_seconds: float = 0.2) -> Measured:
    """Run a command and watch its tree. Shared pages count once per process, so memory is an upper bound.

    Raises SystemExit where it fails.
    """
    begun = time.monotonic()
    group = Group()
    enter = [sys.executable, "-c", ENTER, str(group.members), *command]
    process = subprocess.Popen(enter, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    samples: list[Sample] = []
    ended = threading.Event()
    psutil.cpu_percent()  # the first answer is of no interval

    def watch() -> None:
        while not ended.wait(every_seconds):
            try:
                root = psutil.Process(process.pid)
                tree = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            resident = sum(_resident(one) for one in tree)
            samples.append(Sample(at=time.time(), resident_bytes=resident, busy=psutil.cpu_percent() / 100))

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, _ = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{command} failed with {process.returncode}")
    seconds = time.monotonic() - begun
    return Measured(seconds=seconds, cpu_seconds=group.end(), out=out, samples=samples)


# Puts itself into a control group and becomes the command: a hook of Popen would need a fork of this process.
ENTER = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); os.execvp(sys.argv[2], sys.argv[2:])"


class Group:
    """A control group of Linux, which counts the CPU time of all processes that a command starts, daemons included.

    Times of reaped children do not: Ray lets the system reap its workers, and their times are in nobody's sum.
    """

    def __init__(self) -> None:
        """Raises SystemExit where groups cannot be made: it takes Linux and root."""
        for root, self._counter in ((CGROUPS / "cpuacct", "cpuacct.usage"), (CGROUPS, "cpu.stat")):
            folder = root / f"heaters-{os.getpid()}-{uuid.uuid4().hex[:6]}"
            try:
                folder.mkdir()
            except OSError:
                continue
            if (folder / self._counter).exists():
                self._folder = folder
                return
            folder.rmdir()
        raise SystemExit(f"CPU seconds of a command are counted by a control group; none can be made in {CGROUPS}")

    @property
    def members(self) -> Path:
        return self._folder / "cgroup.procs"

    def end(self) -> float:
        """CPU seconds of all that were ever in it. Servers that a command leaves behind end a moment later."""
        until = time.monotonic() + GRACE_SECONDS
        while self.members.read_text() and time.monotonic() < until:
            time.sleep(0.1)
        text = (self._folder / self._counter).read_text()
        with suppress(OSError):  # somebody is in it still
            self._folder.rmdir()
        return int(text.split()[1]) / 1e6 if self._counter == "cpu.stat" else int(text) / 1e9


def cpu_seconds(*who: int) -> float:
    """CPU seconds of this process and of its children that have ended, or of one of the two as `resource` names it."""
    used = [resource.getrusage(one) for one in who or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
