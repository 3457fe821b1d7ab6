"""The cost of `heaters run`: its CPU seconds against those of decoding alone, its time against a sequential script's.

    python benchmarks/pipeline.py [--runs 3] [--seconds 600] [--films FOLDER | --film FILE] [--only NAME…] [--write]

The film is ten minutes of 1080p H.264 with sound and cuts, made of real footage: of the labelled films in FOLDER, else
of those that installed packages bring. Each way of running it has a fresh library. CPU seconds are those of the command
and all its processes, database and Ray included; "decode" is ffmpeg reading every picture and nothing else, in the same
run. One way has a process beside it that keeps a core busy.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from film import build_film, default_sources, labelled_sources
from history import stage_seconds
from results import machine, table, write_section
from watched import Measured, measure

from heaters import embedded
from heaters.media import ffmpeg
from heaters.store.db import connect

HERE = Path(__file__).resolve().parent
DECODE = ("-map", "0:v:0", "-fps_mode", "passthrough", "-f", "null", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Options and settings with which `heaters run` is given the film."""

    name: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    is_beside_work: bool = False


WAYS = (
    Way(name="without exports", environment={"HEATERS_EXPORT": "none"}),
    Way(name="approved by rule, with exports", arguments=("--auto-approve",)),
    Way(name="the same beside a busy process", arguments=("--auto-approve",), is_beside_work=True),
    Way(name="with review proxies", arguments=("--auto-approve",), environment={"HEATERS_PROXIES": "always"}),
)
HEAD = ("way", "CPU s", "÷ decode", "wall s", "peak GiB", "clips", "share of the work")


@contextmanager
def busy() -> Iterator[None]:
    """A process of ordinary priority that never rests."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def run_heaters(film: Path, home: Path, way: Way) -> tuple[Measured, str]:
    """Run the film once in an empty library; returns its cost, and the share of the work that each stage had."""
    command = [sys.executable, "-m", "heaters.cli.main", "run", str(film), *way.arguments, "--json"]
    with busy() if way.is_beside_work else nullcontext():
        measured = measure(command, {**way.environment, "HEATERS_HOME": str(home)})
    with connect(embedded.ensure(home)) as connection:
        rows = stage_seconds(connection)
    embedded.release(home)
    total = sum(row["seconds"] for row in rows)
    return measured, ", ".join(f"{row['stage']} {row['seconds'] / total:.0%}" for row in rows)


def row(way: Way, film: Path, root: Path, models: Path, runs: int, decode_seconds: float) -> tuple[list[str], float]:
    """The line of a way, the run of median CPU time, and the median of its wall seconds."""
    found = []
    for number in range(runs):
        home = root / f"{way.name.replace(' ', '-')}-{number}"
        home.mkdir()
        (home / "models").symlink_to(models)  # the starter's projection is fitted once per machine
        found.append(run_heaters(film, home, way))
        print(f"{way.name}: {found[-1][0].cpu_seconds:.1f} CPU s, {found[-1][0].seconds:.1f} s", flush=True)
    measured, shares = sorted(found, key=lambda one: one[0].cpu_seconds)[len(found) // 2]
    wall = statistics.median(one.seconds for one, _ in found)
    clips = sum(video["clips"] for video in json.loads(measured.out)["videos"])
    return [
        way.name, f"{measured.cpu_seconds:.1f}", f"**{measured.cpu_seconds / decode_seconds:.2f}**", f"{wall:.1f}",
        f"{measured.peak_bytes / 2**30:.2f}", str(clips), shares,
    ], wall  # fmt: skip


def run_script(film: Path, folder: Path, models: Path) -> Measured:
    """The reference: one thing after the other."""
    folder.mkdir()
    return measure([sys.executable, str(HERE / "sequential.py"), str(folder), str(models), str(film)], {})


def script_row(plain: Measured, decode_seconds: float) -> list[str]:
    """The sequential script's line of the table."""
    return [
        "the sequential script", f"{plain.cpu_seconds:.1f}", f"{plain.cpu_seconds / decode_seconds:.2f}",
        f"{plain.seconds:.1f}", f"{plain.peak_bytes / 2**30:.2f}", plain.out.strip(), "",
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--films", type=Path, help="a folder of labelled films")
    parser.add_argument("--film", type=Path, help="a film that is ready")
    parser.add_argument("--only", nargs="*", help="ways to run, by a part of their names; 'sequential' is the script")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        models = root / "models"
        models.mkdir()
        film = options.film
        if film is None:
            sources = labelled_sources(options.films) if options.films else default_sources(root)
            film = build_film(sources, root / "film.mp4", options.seconds)
        subprocess.run([sys.executable, "-c", WARM, str(models)], check=True)
        decodes = [measure([ffmpeg.binary(), "-v", "error", "-i", str(film), *DECODE], {}) for _ in range(options.runs)]
        decode_seconds = statistics.median(one.cpu_seconds for one in decodes)
        print(f"decode: {decode_seconds:.1f} CPU s", flush=True)
        wanted = [w for w in WAYS if options.only is None or any(part in w.name for part in options.only)]
        found = {way.name: row(way, film, root, models, options.runs, decode_seconds) for way in wanted}
        lines = [line for line, _ in found.values()]
        ratios = ""
        if options.only is None or "sequential" in options.only:
            plain = run_script(film, root / "plain", models)
            lines.append(script_row(plain, decode_seconds))
            ratios = ", ".join(f"{name} {plain.seconds / wall:.2f}" for name, (_, wall) in found.items())
            ratios = f"\nWall time of the script ÷ ours: {ratios}.\n"
        text = f"Bare decoding: {decode_seconds:.1f} CPU s.\n\n{table(HEAD, lines)}{ratios}"
    print(text)
    if options.write:
        write_section("Pipeline", f"{date.today()} · {machine()} · {about(options)}\n\n{text}")


def about(options: argparse.Namespace) -> str:
    """The command and the film in a few words."""
    given = " --film FILE" if options.film else f" --films {options.films.name}" if options.films else ""
    return f"`python benchmarks/pipeline.py --runs {options.runs} --seconds {options.seconds:g}{given}`"


WARM = (
    "import sys; from pathlib import Path; from heaters.models.embedder import load_embedder; "
    "load_embedder('starter', cache=Path(sys.argv[1]))"
)


if __name__ == "__main__":
    main()
