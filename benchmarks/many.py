"""Many real files through the whole pipeline on this machine: how busy it is kept, and whether memory stays flat.

    python benchmarks/many.py [--files 200] [--write]

The files are excerpts of real footage and photos inside installed packages, each another one, in three sizes, three
codecs and 3 to 12 seconds. Prints the busy share of all CPUs from the first item's start to the last one's end, items
an hour against what the stages' own times would allow, and memory by thirds. --write puts it into RESULTS.md.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from datetime import date
from itertools import pairwise
from pathlib import Path

from film import default_sources
from history import stage_seconds, work_span
from results import machine, table, write_section
from watched import Measured, measure

from heaters import embedded
from heaters.media import ffmpeg
from heaters.media.probe import probe
from heaters.store.db import connect

SIZES = ("426:240", "640:360", "1280:720")
CODECS = (("libx264", "mp4"), ("libx265", "mkv"), ("mpeg4", "mov"))


def make(folder: Path, count: int) -> list[Path]:
    """So many files."""
    dice = random.Random(11)
    sources = default_sources(folder.parent)
    lengths = {source: probe(source).duration_seconds for source in sources}
    files = []
    for number in range(count):
        source, (codec, suffix) = dice.choice(sources), dice.choice(CODECS)
        seconds = dice.uniform(3, 12)
        start = dice.uniform(0, lengths[source] - seconds)
        files.append(folder / f"{number:04d}.{suffix}")
        picture = f"scale={SIZES[number % len(SIZES)]},setsar=1"
        # fmt: off
        ffmpeg.run(
            ["-ss", f"{start:.3f}", "-t", f"{seconds:.3f}", "-i", str(source), "-vf", picture, "-c:v", codec,
             *(("-preset", "veryfast") if codec.startswith("libx") else ("-q:v", "4")), "-c:a", "aac", str(files[-1])],
            timeout_seconds=600, memory_bytes=4 * 2**30,
        )
        # fmt: on
    return files


def report(measured: Measured, home: Path, files: int) -> str:
    """The section of RESULTS.md."""
    with connect(embedded.ensure(home)) as connection:
        stages = stage_seconds(connection)
        begun, ended = work_span(connection)
    embedded.release(home)
    inside = [sample for sample in measured.samples if begun <= sample.at <= ended]
    items = sum(row["items"] for row in stages)
    work = sum(row["seconds"] for row in stages)
    cpus = os.cpu_count() or 1
    edges = [begun + (ended - begun) * third / 3 for third in range(4)]
    held = [[s.resident_bytes / 2**30 for s in inside if low <= s.at <= high] for low, high in pairwise(edges)]
    thirds = ", ".join(f"{statistics.median(third):.2f}" for third in held)
    clips = sum(video["clips"] for video in json.loads(measured.out)["videos"])
    rows = [
        ["files, clips, items done", f"{files}, {clips}, {items:,}"],
        ["whole command, first item to last", f"{measured.seconds:.0f} s, {ended - begun:.0f} s"],
        ["**busy share of the CPUs**, first item to last", f"**{statistics.fmean(s.busy for s in inside):.3f}**"],
        ["items an hour", f"{items / (ended - begun) * 3600:,.0f}"],
        ["stages' own seconds ÷ (CPUs × seconds)", f"{work / (cpus * (ended - begun)):.2f}"],
        ["memory of all processes, median of each third", f"{thirds} GiB"],
        ["peak", f"{measured.peak_bytes / 2**30:.2f} GiB"],
        ["share of the work", ", ".join(f"{row['stage']} {row['seconds'] / work:.0%}" for row in stages)],
    ]
    return table(["what", "figure"], rows)


def main() -> None:
    """Make, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, home = Path(temporary) / "files", Path(temporary) / "home"
        folder.mkdir()
        manifest = Path(temporary) / "all.txt"
        manifest.write_text("".join(f"{file}\n" for file in make(folder, options.files)))
        command = [sys.executable, "-m", "heaters.cli.main", "run", str(manifest), "--auto-approve", "--json"]
        measured = measure(command, {"HEATERS_HOME": str(home)}, every_seconds=1.0)
        text = report(measured, home, options.files)
    print(text)
    if options.write:
        about = f"{date.today()} · {machine()} · `python benchmarks/many.py --files {options.files}`"
        write_section("Many files", f"{about}\n\n{text}")


if __name__ == "__main__":
    main()
