"""Run a program as a child that cannot outlive, out-eat or hang its parent. It does not know what the program does.

A hostile or broken file may make a decoder loop, allocate without end or crash. The child takes that, not the worker.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from heaters.errors import ChildDied, MediaError, StageTimeout
from heaters.machine import available_bytes, plain_environment, resident_peak_bytes

LAUNCHER = Path(__file__).with_name("launch.py")
TAIL_LINES = 40  # enough for a decoder's last words; a damaged file can write millions of lines
LINE_BYTES = 65536  # a longer line is cut
TICK_SECONDS = 0.1  # how often a silent child is looked at
# What glibc, ffmpeg, x264 and Python say when an allocation is refused.
OUT_OF_MEMORY = (
    "Cannot allocate memory",
    "MemoryError",
    "bad_alloc",
    "malloc of size",
    "out of memory",
)
# What they say when the machine has no room for another thread or process.
OUT_OF_TASKS = ("can't start new thread", "Resource temporarily unavailable")

Line = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A child that ended by itself. `peak_bytes` is its resident peak, sampled; 0 where that cannot be known."""

    returncode: int
    stderr_tail: str
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def known(self) -> str:
        """How it ended and what it used, for an error message."""
        end = f"exit status {self.returncode}"
        if self.returncode < 0:
            end = _signal_name(-self.returncode)
        peak = f"{self.peak_bytes / 2**20:.0f} MiB resident at most" if self.peak_bytes else "resident peak unknown"
        return f"{end}, {peak}, after {self.wall_seconds:.1f} s"


def died(name: str, finished: Finished) -> ChildDied:
    """The error of a child that ended without saying why."""
    return ChildDied(f"{name} ended without a reason ({finished.known})\n{finished.stderr_tail}".rstrip())


def run(
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    memory_bytes: int,
    on_line: Line | None = None,
    on_error_line: Line | None = None,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run `argv` to its end and return how it ended, whatever its exit status.

    The child has its own session, no core file, at most `memory_bytes` of address space, and dies with the calling
    thread (Linux). It has nothing secret of our environment, or the `environment` given.
    Standard output goes line by line to `on_line`, standard error to `on_error_line` and the tail.
    Raises StageTimeout (the whole group is killed), ChildDied (ended by a signal, its own or another's; or the machine
    had no memory for it), MediaError (it needs more memory than its limit, which the machine had). Whatever `on_line`
    raises ends the child and passes through.
    """
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(memory_bytes)]
    started = time.monotonic()
    process = subprocess.Popen(
        [*launcher, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if on_line else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=plain_environment() if environment is None else environment,
    )
    tail: deque[str] = deque(maxlen=TAIL_LINES)

    def take_error(line: str) -> None:
        tail.append(line)
        if on_error_line:
            on_error_line(line)

    peak_bytes = 0
    try:
        peak_bytes = _attend(process, on_line, take_error, started + timeout_seconds)
    except TimeoutError:
        raise StageTimeout(f"{argv[0]} took longer than {timeout_seconds:g} s\n{_text(tail)}".rstrip()) from None
    finally:
        cpu_seconds = _reap(process)
    finished = Finished(
        returncode=process.returncode,
        stderr_tail=_text(tail),
        wall_seconds=time.monotonic() - started,
        cpu_seconds=cpu_seconds,
        peak_bytes=peak_bytes,
    )
    _refuse_crash(Path(argv[0]).name, finished, memory_bytes)
    return finished


def _attend(process: subprocess.Popen[bytes], on_line: Line | None, on_error_line: Line, deadline: float) -> int:
    """Read both pipes until the child has ended; the resident peak in bytes. Raises TimeoutError at `deadline`."""
    peak_bytes = 0
    with selectors.DefaultSelector() as selector:
        for pipe, take in ((process.stdout, on_line), (process.stderr, on_error_line)):
            if pipe is not None and take is not None:
                selector.register(pipe, selectors.EVENT_READ, _Lines(pipe, take))
        while selector.get_map() or not _has_ended(process.pid):
            if time.monotonic() >= deadline:
                raise TimeoutError
            if not selector.get_map():
                time.sleep(TICK_SECONDS / 10)
                continue
            ready = selector.select(TICK_SECONDS)
            for key, _ in ready:
                if not key.data.read():
                    selector.unregister(key.fileobj)
            peak_bytes = max(peak_bytes, resident_peak_bytes(process.pid))
            if not ready and _has_ended(process.pid):
                break  # a stray grandchild holds the pipe open
    return peak_bytes


class _Lines:
    """Cuts what comes out of a pipe into lines."""

    def __init__(self, pipe: IO[bytes], take: Line) -> None:
        self._pipe, self._take, self._rest = pipe, take, b""

    def read(self) -> bool:
        """Hand on the complete lines that have arrived; False at the end."""
        data = os.read(self._pipe.fileno(), LINE_BYTES)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data or len(self._rest) > LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            if line:
                self._take(line[:LINE_BYTES].decode(errors="replace").rstrip("\r"))
        return bool(data)


def _has_ended(pid: int) -> bool:
    # WNOWAIT leaves the child unreaped, so that its id (and group id) cannot be given to another process meanwhile.
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _reap(process: subprocess.Popen[bytes]) -> float:
    """Kill what is left of the child's group, collect the child and return its CPU seconds."""
    with suppress(ProcessLookupError, PermissionError):  # gone already; macOS says EPERM for a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    return usage.ru_utime + usage.ru_stime


def _refuse_crash(name: str, finished: Finished, memory_bytes: int) -> None:
    """A decoder that crashes may do so because memory was short: only a limit of ours that is reached is a reason."""
    evidence = finished.stderr_tail
    if finished.returncode != 0 and any(sign in evidence for sign in OUT_OF_MEMORY):
        if available_bytes() < memory_bytes:
            raise ChildDied(f"{name} got no more memory from this machine ({finished.known})\n{evidence}")
        limit = f"its limit of {memory_bytes / 2**20:.0f} MiB"
        raise MediaError(f"{name} needs more memory than {limit} ({finished.known})\n{evidence}")
    if finished.returncode < 0 or (finished.returncode and any(sign in evidence for sign in OUT_OF_TASKS)):
        raise died(name, finished)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _text(tail: deque[str]) -> str:
    return "\n".join(tail)
