"""How near stills are to their source, and what they cost: the sample track against the review proxy.

    python benchmarks/samples.py FOLDER [--films 12] [--write]

FOLDER holds real films. Of each: the mean difference from the source's own frame (levels of 255, RGB) of a still out of
the proxy (JPEG at quality 90, as stills were made before there were sample tracks) and of a sample, each at its own
size and beside what JPEG at quality 90 of the source itself has there; the bytes of the track against that JPEG's; and
CPU-seconds of `prepare` with a proxy and without, against a bare decode.
"""

import argparse
import datetime
import io
import resource
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from results import machine, table, write_section
from watched import cpu_seconds

from heaters.errors import HeatersError
from heaters.media import ffmpeg
from heaters.media.analysis import REPAIR
from heaters.media.frames import FrameReader, jpeg
from heaters.media.prepare import Prepared, prepare
from heaters.media.probe import Probe, probe
from heaters.media.proxy import proxy_size
from heaters.media.samples import SampleTrack, choose_samples, sample_size

QUALITY = 90
FILMS = {".mp4", ".webm", ".avi", ".mkv", ".mov"}
Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of one film. Differences are mean levels of 255, `ratio` is of bytes, others CPU seconds."""

    name: str
    samples: int
    proxy: float
    proxy_jpeg: float
    sample: float
    sample_jpeg: float
    ratio: float
    kilobytes: float
    decode: float
    alone: float
    with_proxy: float


def sampled(path: Path, of: Probe, count: int, size: tuple[int, int]) -> Pictures:
    """The sampled frames of the source at a size, scaled carefully: uint8 [n, height, width, 3]."""
    scale = f"scale={size[0]}:{size[1]}:flags=bicubic+accurate_rnd+full_chroma_int,format=rgb24"
    done = subprocess.run(
        [
            *(ffmpeg.binary(), "-v", "error", "-nostdin"),
            *ffmpeg.read_file(path, of, threads=2),
            *("-map", f"0:{of.video_stream_index}", "-fps_mode", "passthrough"),
            *("-vf", f"{REPAIR},{choose_samples(of)},{scale}", "-f", "rawvideo", "-"),
        ],
        capture_output=True,
        check=True,
    )
    return np.frombuffer(done.stdout, np.uint8).reshape(count, size[1], size[0], 3)


def off(made: list[Pictures], source: Pictures) -> float:
    """The mean difference in levels."""
    pairs = zip(made, source, strict=True)
    return statistics.fmean(float(np.abs(a.astype(np.int16) - b).mean()) for a, b in pairs)


def picture(data: bytes) -> Pictures:
    """A JPEG as pixels."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def measure(path: Path, folder: Path) -> Measured:
    """Everything about one film."""
    of = probe(path)
    costs: dict[bool, tuple[float, Prepared]] = {}
    for with_proxy in (False, True):
        begun = cpu_seconds(resource.RUSAGE_CHILDREN)
        made = prepare(path, folder, of, threads=2, timeout_seconds=600, with_proxy=with_proxy)
        costs[with_proxy] = cpu_seconds(resource.RUSAGE_CHILDREN) - begun, made
    begun = cpu_seconds(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [
            *(ffmpeg.binary(), "-v", "error", "-nostdin", *ffmpeg.read_file(path, of, threads=2)),
            *("-map", f"0:{of.video_stream_index}", "-f", "null", "-"),
        ],
        check=True,
        capture_output=True,
    )
    decode = cpu_seconds(resource.RUSAGE_CHILDREN) - begun
    made = costs[True][1]
    assert made.proxy is not None
    with SampleTrack(made.samples) as track, FrameReader(made.proxy) as reader:
        wanted = track.frames.tolist()
        samples = [track.read(frame).jpeg for frame in wanted]
        stills = [picture(jpeg(reader.read([frame])[0], QUALITY)) for frame in wanted]
    small = sampled(path, of, len(wanted), sample_size(of.width, of.height))
    large = sampled(path, of, len(wanted), proxy_size(of.width, of.height))
    of_small = [jpeg(frame, QUALITY) for frame in small]
    return Measured(
        name=path.stem,
        samples=len(wanted),
        proxy=off(stills, large),
        proxy_jpeg=off([picture(jpeg(frame, QUALITY)) for frame in large], large),
        sample=off([picture(data) for data in samples], small),
        sample_jpeg=off([picture(data) for data in of_small], small),
        ratio=sum(map(len, samples)) / sum(map(len, of_small)),
        kilobytes=sum(map(len, samples)) / len(samples) / 1000,
        decode=decode,
        alone=costs[False][0],
        with_proxy=costs[True][0],
    )


def shown(found: list[Measured]) -> str:
    """The table and what it says."""
    head = [
        *("film", "samples", "proxy still", "JPEG there", "sample", "JPEG there", "bytes ÷ JPEG", "kB"),
        *("decode, CPU s", "prepare", "with proxy"),
    ]
    rows = [
        [
            *(one.name, str(one.samples), f"{one.proxy:.2f}", f"{one.proxy_jpeg:.2f}", f"{one.sample:.2f}"),
            *(f"{one.sample_jpeg:.2f}", f"{one.ratio:.2f}", f"{one.kilobytes:.1f}", f"{one.decode:.2f}"),
            *(f"{one.alone:.2f}", f"{one.with_proxy:.2f}"),
        ]
        for one in found
    ]
    decode, alone, whole = (sum(getattr(one, name) for one in found) for name in ("decode", "alone", "with_proxy"))
    return (
        f"{table(head, rows)}\nDifferences from the source, mean over the films: proxy stills "
        f"{statistics.fmean(one.proxy for one in found):.2f} levels (largest {max(one.proxy for one in found):.2f}), "
        f"samples {statistics.fmean(one.sample for one in found):.2f} (largest "
        f"{max(one.sample for one in found):.2f}). A sample is at most "
        f"**{max(one.sample / one.sample_jpeg for one in found):.2f} times** as far off as JPEG of the source, in at "
        f"most **{max(one.ratio for one in found):.2f} times** its bytes. `prepare` takes "
        f"**{alone / decode:.2f} times** the CPU-seconds of the bare decode, with a proxy {whole / decode:.2f} times.\n"
    )


def main() -> None:
    """Parse, measure, print, and write when asked."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, help="real films")
    options.add_argument("--films", type=int, default=12, help="the first so many by name")
    options.add_argument("--write", action="store_true", help="put the table into benchmarks/RESULTS.md")
    chosen = options.parse_args()
    found = []
    for path in sorted(p for p in chosen.folder.iterdir() if p.suffix in FILMS)[: chosen.films]:
        with tempfile.TemporaryDirectory() as name:
            try:
                found.append(measure(path, Path(name)))
            except (HeatersError, ValueError) as error:
                print(f"{path.name} is left out: {error}", flush=True)
            else:
                print(found[-1], flush=True)
    text = f"{machine()}, {datetime.date.today()}: `python benchmarks/samples.py FOLDER`, real films.\n\n{shown(found)}"
    print("\n" + text)
    if chosen.write:
        write_section("Stills", text)


if __name__ == "__main__":
    main()
