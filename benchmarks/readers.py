"""Frame readers beside each other: the reads of the pipeline and of who trains on its clips.

    python benchmarks/readers.py [--rounds 3] [--write] [FILM…]

Each reader opens a review proxy (every frame a key frame) and the film itself, and reads five scattered frames, as
stills are read; 32 frames in sequence, as a reviewer steps; 16 clips of 16 frames, every second one, at random places,
as a loader reads. Milliseconds, the least of the rounds. Every picture is compared with a plain decode from the
beginning. Without FILM: 12 seconds of 1080p as `benchmarks/prepare.py` makes them.
"""

import argparse
import datetime
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
from prepare import source
from results import machine, table, write_section

from heaters.errors import ConfigError, HeatersError
from heaters.media import ffmpeg
from heaters.media.frames import Pictures
from heaters.media.readers import READERS, Frames, open_frames

Reads = Sequence[Sequence[int]]


def plans(count: int) -> dict[str, Reads]:
    """The frames that each kind of reading asks for, of a film with `count` frames: calls, by the kind's name."""
    chance = random.Random(1)
    places = [chance.randrange(count - 32) for _ in range(16)]
    start = count // 3
    return {
        "5 scattered": [sorted(chance.sample(range(count), 5))],
        "32 in sequence": [[number] for number in range(start, start + 32)],
        "16 clips of 16": [list(range(place, place + 32, 2)) for place in places],
    }


def truth(path: Path, wanted: set[int]) -> dict[int, Pictures]:
    """The wanted pictures by a decode from the first frame on."""
    with av.open(str(path)) as container:
        frames = enumerate(container.decode(video=0))
        return {number: frame.to_ndarray(format="rgb24") for number, frame in frames if number in wanted}


def milliseconds(opened: Callable[[], Frames], reads: Reads, rounds: int) -> tuple[float, list[Pictures]]:
    """The least time to open the film and read all groups, and the pictures."""
    least, pictures = float("inf"), list[Pictures]()
    for _ in range(rounds):
        begun = time.perf_counter()
        with opened() as frames:
            pictures = [frames.read(group) for group in reads]
        least = min(least, (time.perf_counter() - begun) * 1000)
    return least, pictures


def wrong(pictures: Sequence[Pictures], reads: Reads, right: dict[int, Pictures]) -> str:
    """How many pictures are other frames, and the largest difference of a right one (colours are converted anew)."""
    pairs = [
        (picture, right[number])
        for group, many in zip(reads, pictures, strict=True)
        for number, picture in zip(group, many, strict=True)
    ]
    means = [float(np.abs(picture.astype(np.int16) - other).mean()) for picture, other in pairs]
    return f"{sum(mean > 1 for mean in means)} wrong, {max(means):.2f}"


def compare(path: Path, name: str, rounds: int) -> list[list[str]]:
    """A row for each reader and plan."""
    with open_frames(path, intra=False) as frames:
        reads = plans(len(frames))
    right = truth(path, {number for groups in reads.values() for group in groups for number in group})
    rows = []
    for reader in READERS:
        for plan, groups in reads.items():
            try:
                took, pictures = milliseconds(lambda: open_frames(path, reader, intra=False), groups, rounds)  # noqa: B023
            except ConfigError:
                rows.append([name, reader, plan, "not installed", ""])
                break
            except HeatersError as error:
                rows.append([name, reader, plan, "refused", str(error)[:80]])
                continue
            rows.append([name, reader, plan, f"{took:.0f}", wrong(pictures, groups, right)])
            print(*rows[-1], sep=" | ", flush=True)
    return rows


def proxy_of(path: Path, folder: Path) -> Path:
    """The film at most 1280×720, every frame a key frame."""
    made = folder / f"{path.stem}-proxy.mp4"
    size = "scale='min(1280,iw)':-2"
    command = [ffmpeg.binary(), "-v", "error", "-y", "-i", path, "-an", "-vf", size, "-fps_mode", "passthrough"]
    subprocess.run([*command, *("-c:v", "libx264", "-preset", "superfast", "-crf", "28", "-g", "1"), made], check=True)
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in options.films or [source(folder, 12)]:
            rows += compare(proxy_of(path, folder), f"proxy of {path.name}", options.rounds)
            rows += compare(path, path.name, options.rounds)
    text = (
        f"{machine()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: `python benchmarks/readers.py`; one thread, "
        f"opening in every figure, the least of {options.rounds}; differences of pictures as the mean of 255.\n\n"
        + table(["film", "reader", "reads", "ms", "against a plain decode"], rows)
    )
    print(text)
    if options.write:
        write_section("Frame readers", text)


if __name__ == "__main__":
    main()
