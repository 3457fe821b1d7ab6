"""A command under watch: what it took, what its processes held, and how busy the machine was meanwhile."""

import ctypes
import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass

import psutil


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


PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
GRACE_SECONDS = 5.0  # for the servers that a command leaves behind to end


def measure(command: list[str], environment: dict[str, str], *, every_seconds: float = 0.2) -> Measured:
    """Run a command and watch its tree. Shared pages count once per process, so memory is an upper bound.

    Raises SystemExit where it fails.
    """
    # Daemons that the command leaves behind become this process's children, so that their CPU time is counted.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = _children_seconds()
    begun = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
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
    _reap(GRACE_SECONDS)
    return Measured(seconds=seconds, cpu_seconds=_children_seconds() - before, out=out, samples=samples)


def _reap(seconds: float) -> None:
    """Collect what the command left behind and ends within so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.1)


def _children_seconds() -> float:
    """CPU seconds of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
