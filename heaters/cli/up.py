"""`heaters up`: everything on this machine, each part a process of its own, one Ctrl-C for all."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from heaters.cli.output import Output
from heaters.cli.session import opened
from heaters.errors import ConfigError, HeatersError
from heaters.stopping import stopped_by_signals

# A part that fails within this time of its start will fail again at once.
SETTLED_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 30.0
TICK_SECONDS = 0.2
# The runner gives back what it holds, the UI lets the last decision through.
GOODBYE_SECONDS = 30.0
WRONG = 2  # the exit code for wrong settings: starting again cannot help

Say = Callable[[str], None]


class Part:
    """One process: started again when it ends by itself, with a longer pause each time it does so early."""

    def __init__(self, name: str, command: Sequence[str], say: Say) -> None:
        self.name = name
        self._command = command
        self._say = say
        self._process: subprocess.Popen[str] | None = None
        self._started_at = 0.0
        self._pause_seconds = 1.0
        self._start_at = 0.0

    def tend(self) -> int | None:
        """Start it when it does not run and its pause is over. An exit code when it cannot run at all, else None."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self._start()
            return None
        code = self._process.poll()
        if code is None:
            if now - self._started_at > SETTLED_SECONDS:
                self._pause_seconds = 1.0
            return None
        self._process = None
        if code == WRONG:
            return code
        self._start_at = now + self._pause_seconds
        self._say(f"{self.name} ended with code {code}; it starts again in {self._pause_seconds:g} s")
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        return None

    def tell(self, number: int) -> None:
        """Send a signal if it runs."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _start(self) -> None:
        launcher = str(Path(__file__).with_name("tied.py"))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", launcher, str(os.getpid()), *self._command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # the terminal's Ctrl-C reaches us alone; we tell them, in order
        )
        self._started_at = time.monotonic()
        threading.Thread(target=self._relay, args=(self._process,), daemon=True).start()

    def _relay(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if line.strip():
                    self._say(f"{self.name:<5} {line.rstrip()}")


def up_command(
    serve: Annotated[bool, typer.Option("--serve", help="Also the HTTP endpoint for other services.")] = False,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Approve every clip without a person.")] = False,
) -> None:
    """Run everything on this machine: the pipeline, the UI and, if asked for, the endpoint. Ctrl-C stops all."""
    output = Output(as_json=False)
    for package, extra in (("gradio", "ui"), *([("deployments", "serve")] if serve else [])):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(f"`heaters up` needs {package}: pip install 'heaters[{extra}]'")
    with opened():
        pass  # the database is there and current before the parts ask for it at once
    parts = [
        Part("run", ["run", "--forever", *(["--auto-approve"] if auto_approve else [])], output.say),
        Part("ui", ["ui"], output.say),
        *([Part("serve", ["serve"], output.say)] if serve else []),
    ]
    supervise(parts, output.say)


def supervise(parts: Sequence[Part], say: Say) -> None:
    """Tend the parts until SIGINT or SIGTERM; then stop them all. Raises HeatersError when one cannot run."""
    stop = threading.Event()
    with stopped_by_signals(stop.set):
        try:
            while not stop.is_set():
                for part in parts:
                    if part.tend() is not None:
                        raise HeatersError(f"{part.name} cannot run with these settings; see above")
                stop.wait(TICK_SECONDS)
            say("stopping…")
        finally:
            _end(parts, say)


def _end(parts: Sequence[Part], say: Say) -> None:
    """Ask politely, then less so."""
    for number, seconds in ((signal.SIGINT, GOODBYE_SECONDS), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        left = [part for part in parts if not part.wait(0)]
        if not left:
            break
        for part in left:
            part.tell(number)
        deadline = time.monotonic() + seconds
        for part in left:
            if not part.wait(deadline - time.monotonic()):
                say(f"{part.name} does not end by itself")
