"""A command under watch: what it took, what its processes held, and how busy the machine was meanwhile."""

import os
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
    """One command as a whole: wall seconds, what it printed, and a sample every so often."""

    seconds: float
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
    return Measured(seconds=time.monotonic() - begun, out=out, samples=samples)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
