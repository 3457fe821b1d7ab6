"""Copy a clip out of its master: plan, extract, encode the rest, join, verify. Files in, one file out."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heaters.errors import MediaError
from heaters.media import ffmpeg
from heaters.media.ffmpeg import ANALYSIS_FRAME_BYTES, Span
from heaters.media.likeness import Pictures, levels_off
from heaters.media.probe import Probe
from heaters.media.splice import match
from heaters.media.splice.asking import Asked, ask, extracted, job_of
from heaters.media.splice.extract import Extracted, Job
from heaters.media.splice.join import Parts, join
from heaters.media.splice.match import Piece
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.track import read_track

# Copied frames are decoded as `prepare` decoded them; another build of ffmpeg may scale them down with other rounding.
SAME_LEVELS = 0.5
# Frames encoded at CRF 18 are only like the master's. Whether they are the right ones is checked before, by those that
# went into the encoder; this finds what an encoder or a decoder does wrong. As `cutting.SAME_PICTURE_LEVELS`.
LIKE_LEVELS = 4.0

PARTS = ("copied.mp4", "copied.mp4.json", "head.mp4", "head.rgb", "tail.mp4", "tail.rgb", "sound.m4a", "all.rgb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One clip to copy out of its master, with what the children may take. `pictures`: uint8 [frames, 27, 48, 3]."""

    source: Path
    out: Path
    probe: Probe
    span: Span
    has_audio: bool
    audio_bitrate: str
    threads: int
    timeout_seconds: float
    memory_bytes: int
    pictures: Pictures
    asked: Asked | None = None  # what the child said of `job`, where it was asked before

    @property
    def job(self) -> Job:
        """What the child is asked."""
        return job_of(self.source, self.part("copied.mp4"), self.probe, self.span, has_audio=self.has_audio)

    def part(self, name: str) -> Path:
        """A file beside the result, for the time of the work."""
        return self.out.with_name(f"{self.out.name}.{name}")


def copy_out(work: Work) -> int:
    """Write the clip to `work.out`, packets copied as far as they can be; how many frames were copied.

    Raises NotCopied where a rule is against it (`out` may be there and is worthless), StageTimeout, StoreError (disk
    full) and WorkerLost.
    """
    deadline = time.monotonic() + work.timeout_seconds
    try:
        return _copy_out(work, lambda: max(deadline - time.monotonic(), 0.001))
    except MediaError as error:
        raise NotCopied(Rule.READ, str(error)) from error
    finally:
        parts = [work.part(name) for name in PARTS]
        for path in [*parts, *([work.asked.copied] if work.asked else [])]:
            path.unlink(missing_ok=True)


def _copy_out(work: Work, left: Callable[[], float]) -> int:
    def run(arguments: list[str]) -> None:
        ffmpeg.run(arguments, timeout_seconds=left(), memory_bytes=work.memory_bytes)

    span, pictures = work.span, work.pictures
    ticks = match.in_ticks(span)
    asked = work.asked or ask([work.job], timeout_seconds=left())[0]
    made = extracted(asked.answer)
    pieces = _pieces(work, made)
    sound = work.part("sound.m4a") if work.has_audio else None
    if pieces or sound:
        video = match.encoder(made.codec, work.probe, made.free_id) if pieces else []
        run(
            match.command(
                work.source,
                work.probe,
                span,
                list(pieces.values()),
                video=video,
                sound=sound,
                audio_bitrate=work.audio_bitrate,
                threads=work.threads,
            )
        )
    parts = Parts(copied=asked.copied, sound=sound, **{name: piece.out for name, piece in pieces.items()})
    join(work.out, parts, made, start_pts=span.start_pts, end_pts=span.end_pts, time_base=span.time_base, ticks=ticks)
    _check_times(work.out, made, span)
    head, tail = len(made.head), len(made.tail)
    for name, at in (("head", slice(0, head)), ("tail", slice(span.frames - tail, span.frames))):
        if name in pieces:
            _check_pictures(pieces[name].looks, pictures[at], SAME_LEVELS)
    run(match.verify(work.out, work.part("all.rgb"), work.threads))
    limits = np.full(span.frames, SAME_LEVELS)
    limits[:head] = limits[span.frames - tail :] = LIKE_LEVELS
    _check_pictures(work.part("all.rgb"), pictures, limits)
    return len(made.pts)


def _pieces(work: Work, made: Extracted) -> dict[str, Piece]:
    """What is to be encoded, by name."""
    ends = {"head": (made.head, min(made.pts)), "tail": (made.tail, work.span.end_pts)}
    return {
        name: Piece(
            span=replace(work.span, start_pts=pts[0], end_pts=end_pts, frames=len(pts)),
            out=work.part(f"{name}.mp4"),
            looks=work.part(f"{name}.rgb"),
        )
        for name, (pts, end_pts) in ends.items()
        if pts
    }


def _check_times(out: Path, made: Extracted, span: Span) -> None:
    """Every frame lies at the time that `prepare` found. Raises NotCopied."""
    track = read_track(out)
    expected = np.sort(np.array((*made.head, *made.pts, *made.tail), np.int64)) - span.start_pts
    ratio = span.time_base / track.time_base
    if len(track.pts) != span.frames or not np.array_equal(track.pts * ratio.denominator, expected * ratio.numerator):
        raise NotCopied(Rule.VERIFICATION, f"{span.frames} frames were expected, {len(track.pts)} came, or elsewhere")


def _check_pictures(looks: Path, pictures: Pictures, most_levels: float | NDArray[np.float64]) -> None:
    """Every picture is that of `prepare`, but for `most_levels` (mean of 255; one number, or one a frame)."""
    made = np.fromfile(looks, np.uint8)
    levels = levels_off(made, pictures)
    if levels is None:
        found = made.size / ANALYSIS_FRAME_BYTES
        raise NotCopied(Rule.VERIFICATION, f"{len(pictures)} pictures were expected, {found:g} came")
    if np.any(levels > most_levels):
        worst = int((levels - most_levels).argmax())
        raise NotCopied(Rule.VERIFICATION, f"frame {worst} differs from the prepared one by {levels[worst]:.1f} levels")
