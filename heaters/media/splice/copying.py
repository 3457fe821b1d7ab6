"""Copy a clip out of its master: plan, extract, encode the rest, join, verify. Files in, one file out."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heaters.errors import MediaError
from heaters.media import child, ffmpeg
from heaters.media.ffmpeg import ANALYSIS_FRAME_BYTES, Span
from heaters.media.probe import Probe, package_environment
from heaters.media.splice import match
from heaters.media.splice.extract import Extracted, Job
from heaters.media.splice.join import Parts, join
from heaters.media.splice.match import Piece
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.track import read_track

EXTRACT_MEMORY_BYTES = 2 * 2**30  # address space; packets are read one by one
# Copied frames are decoded as `prepare` decoded them; another build of ffmpeg may scale them down with other rounding.
SAME_LEVELS = 0.5
# Frames encoded at CRF 18 are like the master's: on 32 real films at most 1.9 mean levels of 255 apart.
LIKE_LEVELS = 4.0

Pictures = NDArray[np.uint8]


def copy_out(
    source: Path,
    out: Path,
    probe: Probe,
    span: Span,
    *,
    has_audio: bool,
    audio_bitrate: str,
    threads: int,
    timeout_seconds: float,
    memory_bytes: int,
    pictures: Pictures,
) -> int:
    """Write the clip `span` to `out`, packets copied as far as they can be; how many frames were copied.

    `pictures`: uint8 [frames, 27, 48, 3], those that `prepare` saw.

    Raises NotCopied where a rule is against it (`out` may be there and is worthless), StageTimeout, StoreError (disk
    full) and WorkerLost.
    """
    deadline = time.monotonic() + timeout_seconds

    def left() -> float:
        return max(deadline - time.monotonic(), 0.001)

    def run(arguments: list[str]) -> None:
        ffmpeg.run(arguments, timeout_seconds=left(), memory_bytes=memory_bytes)

    folder = out.parent
    ticks = match.in_ticks(span)
    names = ("copied.mp4", "head.mp4", "head.rgb", "tail.mp4", "tail.rgb", "sound.m4a", "all.rgb")
    files = {name: folder / f"{out.name}.{name}" for name in names}
    try:
        made = _extract(source, files["copied.mp4"], probe, span, has_audio=has_audio, timeout_seconds=left())
        pieces = _pieces(made, span, files)
        sound = files["sound.m4a"] if has_audio else None
        video = match.encoder(made.codec, probe.pixel_format, made.free_id, probe.frame_rate) if pieces else []
        if pieces or sound:
            run(
                match.command(
                    source,
                    probe,
                    span,
                    list(pieces.values()),
                    video=video,
                    sound=sound,
                    audio_bitrate=audio_bitrate,
                    threads=threads,
                )
            )
        parts = Parts(
            copied=files["copied.mp4"],
            head=pieces["head"].out if "head" in pieces else None,
            tail=pieces["tail"].out if "tail" in pieces else None,
            sound=sound,
        )
        join(out, parts, made, start_pts=span.start_pts, end_pts=span.end_pts, time_base=span.time_base, ticks=ticks)
        _check_times(out, made, span)
        head, tail = len(made.head), len(made.tail)
        for name, at in (("head", slice(0, head)), ("tail", slice(span.frames - tail, span.frames))):
            if name in pieces:
                _check_pictures(pieces[name].looks, pictures[at], SAME_LEVELS)
        run(match.verify(out, files["all.rgb"], threads))
        limits = np.full(span.frames, SAME_LEVELS)
        limits[:head] = limits[span.frames - tail :] = LIKE_LEVELS
        _check_pictures(files["all.rgb"], pictures, limits)
    except MediaError as error:
        raise NotCopied(Rule.READ, str(error)) from error
    finally:
        for path in files.values():
            path.unlink(missing_ok=True)
    return len(made.pts)


def _extract(
    source: Path, out: Path, probe: Probe, span: Span, *, has_audio: bool, timeout_seconds: float
) -> Extracted:
    sound = (probe.audio_stream_index,) if has_audio and probe.audio_stream_index is not None else ()
    job = Job(
        source=str(source.absolute()),
        out=str(out),
        container=probe.container,
        stream_index=probe.video_stream_index,
        used_indices=(probe.video_stream_index, *sound),
        start_pts=span.start_pts,
        end_pts=span.end_pts,
        time_base=str(span.time_base),
        frames=span.frames,
    )
    lines: list[str] = []
    finished = child.run(
        [sys.executable, "-P", "-m", "heaters.media.splice.extract", json.dumps(asdict(job))],
        timeout_seconds=timeout_seconds,
        memory_bytes=EXTRACT_MEMORY_BYTES,
        on_line=lines.append,
        environment=package_environment(),
    )
    if finished.returncode != 0 or not lines:
        raise ffmpeg.failure("the packets could not be copied", finished.stderr_tail)
    answer: dict[str, Any] = json.loads(lines[-1])
    if "rule" in answer:
        raise NotCopied(Rule(answer["rule"]), answer["evidence"])
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in answer.items()}
    return Extracted(**known)


def _pieces(made: Extracted, span: Span, files: dict[str, Path]) -> dict[str, Piece]:
    """What is to be encoded, by name."""
    ends = {"head": (made.head, min(made.pts)), "tail": (made.tail, span.end_pts)}
    return {
        name: Piece(
            span=Span(start_pts=pts[0], end_pts=end_pts, time_base=span.time_base, frames=len(pts)),
            out=files[f"{name}.mp4"],
            looks=files[f"{name}.rgb"],
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
    if made.size != pictures.size:
        found = made.size / ANALYSIS_FRAME_BYTES
        raise NotCopied(Rule.VERIFICATION, f"{len(pictures)} pictures were expected, {found:g} came")
    frames = made.reshape(len(pictures), -1).astype(np.int16)
    levels = np.abs(frames - pictures.reshape(len(pictures), -1)).mean(axis=1)
    if np.any(levels > most_levels):
        worst = int((levels - most_levels).argmax())
        raise NotCopied(Rule.VERIFICATION, f"frame {worst} differs from the prepared one by {levels[worst]:.1f} levels")
