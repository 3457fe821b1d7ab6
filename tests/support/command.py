"""Runs the `heaters` command as a person does: a process of its own, its output and exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON: nothing else may be in it."""
        assert self.out, f"no answer, exit code {self.code}: {self.err}"
        return json.loads(self.out)


class Heaters:
    """The command with an environment of its own. `more` adds or replaces variables for one call."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEATERS_", "RAY_ADDRESS"))}
        self.environment = {**kept, **environment}

    def start(self, *arguments: str | Path, **more: str) -> "subprocess.Popen[str]":
        """Start a command without waiting for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "heaters.cli.main", *map(str, arguments)],
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str | Path, timeout_seconds: float = 240, **more: str) -> Answer:
        """Run a command to its end."""
        process = self.start(*arguments, **more)
        try:
            out, err = process.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate(timeout=30)
            asked = " ".join(map(str, arguments))
            raise AssertionError(
                f"heaters {asked} did not end in {timeout_seconds:g} s; it said {out[-2000:]!r} and {err[-4000:]!r}"
            ) from None
        return Answer(code=process.returncode, out=out, err=err)
