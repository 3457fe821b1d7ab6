"""Finds processes that this test session started, to kill them. Never touches anything else on the machine."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path


def descendants(pid: int | None = None) -> Iterator[tuple[int, str]]:
    """(pid, command line) of every descendant of a process; of the test session itself if none is given."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    mine = {pid or os.getpid()}
    while more := {child for child, parent in parents.items() if parent in mine} - mine:
        mine |= more
    for child in sorted(mine - {pid or os.getpid()}):
        try:
            yield (
                child,
                (Path("/proc") / str(child) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"),
            )
        except OSError:
            continue


def is_task(command: str) -> bool:
    """A Ray worker that is in a call of ours."""
    return command.startswith(("ray::_call", "ray::_Resident.call"))


def is_ffmpeg(command: str) -> bool:
    """A child that decodes or encodes."""
    return "ffmpeg-linux" in command.split(" ")[0]


def kill_one(matches: Callable[[str], bool], *, timeout_seconds: float = 60) -> str:
    """Wait for one of our descendants whose command line matches, kill -9 it; returns the command line."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        for pid, command in descendants():
            if matches(command):
                os.kill(pid, signal.SIGKILL)
                return command
        time.sleep(0.005)
    raise AssertionError("no such process appeared")
