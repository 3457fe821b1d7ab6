"""Fetch, probe, prepare, detect and export one file by the product's functions, in this process, without a database.

Decoders and encoders run in the product's children as ever; their peak memory is noted on the way.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import StageError
from heaters.media import child
from heaters.media.cutting import Exported
from heaters.media.fetch import FetchLimits, fetch
from heaters.media.prepare import Prepared, prepare
from heaters.media.probe import Probe, probe
from heaters.media.profiles import profile
from heaters.media.samples import SampleTrack
from heaters.models.detectors import Detector, Footage
from heaters.models.raw_frames import RawFrames
from heaters.settings import Settings
from heaters.stages.detect import kernel, rules_of

LIMIT_SECONDS = 300.0
THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An exported clip `[start_frame, end_frame)` of a profile."""

    profile: str
    start_frame: int
    end_frame: int
    path: Path
    made: Exported


@dataclass(slots=True, kw_only=True)
class Ran:
    """What became of a file; what it did not come to is None or empty. `refused`: why it ended early."""

    refused: str = ""
    probe: Probe | None = None
    prepared: Prepared | None = None
    cuts: tuple[int, ...] = ()
    clips: list[Clip] = field(default_factory=list)
    still: Path | None = None
    seconds: float = 0.0
    peak_bytes: int = 0  # of the largest child


def run(source: str, folder: Path, settings: Settings, detector: Detector, profiles: Sequence[str]) -> Ran:
    """Bring a source through all of it; every clip is exported by each profile. Files come into `folder`."""
    ran = Ran()
    begun = time.monotonic()
    with _peaks(ran):
        try:
            _run(ran, source, folder, settings, detector, profiles)
        except StageError as error:
            ran.refused = f"{type(error).__name__}: {error}"
    ran.seconds = time.monotonic() - begun
    return ran


def _run(ran: Ran, source: str, folder: Path, settings: Settings, detector: Detector, profiles: Sequence[str]) -> None:
    limits = FetchLimits(max_bytes=2**34, timeout_seconds=LIMIT_SECONDS, allow_private_hosts=True)
    master = fetch(source, folder, limits=limits).path
    ran.probe = probe(master)
    made = prepare(master, folder, ran.probe, threads=THREADS, timeout_seconds=LIMIT_SECONDS)
    ran.prepared = made
    table = table_of(made)
    frames = RawFrames(made.analysis, made.frame_count)
    (seen,) = detector.look([Footage(frames=frames, table=table)], THREADS)
    cuts, clips = kernel(seen, table, rules_of(settings))
    ran.cuts = tuple(cut["frame"] for cut in cuts)
    with SampleTrack(made.samples) as track:
        ran.still = folder / "still.jpg"
        ran.still.write_bytes(track.read(int(track.frames[0])).jpeg)
    for name in profiles:
        ran.clips += [_export(name, clip, master, folder, made) for clip in clips]


def table_of(made: Prepared) -> PtsTable:
    """When each frame is shown."""
    base = TimeBase(num=made.time_base.numerator, den=made.time_base.denominator)
    return PtsTable.of(np.load(made.pts).tolist(), base, made.end_pts)


def _export(name: str, clip: dict[str, int], master: Path, folder: Path, made: Prepared) -> Clip:
    how = profile(name)
    source = made.proxy if how.from_proxy else master
    assert source is not None
    start, end = clip["start_frame"], clip["end_frame"]
    pictures = np.memmap(made.analysis, np.uint8, "r", shape=(made.frame_count, 27, 48, 3))[start:end]
    out = folder / f"{name}-{start}.mp4"
    exported = how.export(
        source,
        out,
        start_pts=clip["start_pts"],
        end_pts=clip["end_pts"],
        time_base=Fraction(made.time_base),
        frame_count=end - start,
        has_audio=made.has_audio,
        threads=THREADS,
        timeout_seconds=LIMIT_SECONDS,
        pictures=pictures,
        shapes=made.shapes.within(start, end) if made.shapes.changes else None,
    )
    return Clip(profile=name, start_frame=start, end_frame=end, path=out, made=exported)


@contextmanager
def _peaks(ran: Ran) -> Iterator[None]:
    """Note the largest resident peak of the product's children."""
    real = child.run

    def watched(*arguments: object, **options: object) -> child.Finished:
        finished = real(*arguments, **options)  # type: ignore[arg-type]
        ran.peak_bytes = max(ran.peak_bytes, finished.peak_bytes)
        return finished

    child.run = watched
    try:
        yield
    finally:
        child.run = real


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The files of a folder at an address of this machine, for sources that are fetched."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
