"""Export a clip: a file that holds exactly its frames `[start, end)`, encoded anew or copied from the proxy. Verified.

The clip is given by integer time stamps, the same that `prepare` wrote; no frame is found by rounding seconds.
"""

import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from heaters.core.shapes import Shapes
from heaters.errors import MediaError
from heaters.media import ffmpeg
from heaters.media.ffmpeg import ANALYSIS_FRAME_BYTES, INDEXED_CONTAINERS, SEEK_MARGIN_SECONDS, Encoding, Span
from heaters.media.likeness import Pictures, levels_off
from heaters.media.probe import probe_once
from heaters.media.shape import shown_sides
from heaters.media.target import USUAL, Target
from heaters.media.track import Track, read_track

# Measured on 30 s of 1080p, one thread, CRF 18: superfast with a look-ahead of 10 frames takes 0.66 of veryfast's time,
# its file is 7 % larger, the structural similarity 0.9958 instead of 0.9962; superfast alone is half as large again.
SOURCE = Encoding(preset="superfast", crf=18, keyframe_every=0, audio_bitrate="192k", look_ahead=10)
MEMORY_BYTES = 6 * 2**30  # address space, as for prepare
# A linear decode repeats what prepare did; only another build of ffmpeg may differ, by rounding. Mean levels of 255.
SAME_PICTURE_LEVELS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A clip's file, counted. `seek` tells how its frames were reached: indexed, or linear from the master's start."""

    frames: int
    seconds: float
    bytes: int
    seek: str
    has_audio: bool
    width: int = 0  # as displayed, in square pixels
    height: int = 0
    copied: int = 0  # frames that are packets of the master or of the proxy; the others were encoded
    rule: str = ""  # why none was copied, where copying was asked for


def export_clip(
    source: Path,
    out: Path,
    *,
    start_pts: int,
    end_pts: int,
    time_base: Fraction,
    frame_count: int,
    has_audio: bool,
    threads: int,
    timeout_seconds: float,
    pictures: Pictures | None = None,
    memory_bytes: int = MEMORY_BYTES,
    target: Target = USUAL,
    shapes: Shapes | None = None,
) -> Exported:
    """Profile `encode`: decode the master and write the frames with `start_pts <= pts < end_pts` as `target` says.

    The result starts at 0, keeps the distances between frames and the pixels' shape, is turned upright, and has the
    sound of just this span. An odd side loses its last line. `shapes`, from the clip's first frame on: with several of
    them the file has that of most frames, and the others lie between bars; None for the shape of the master's first
    frame. `pictures`, uint8 [frame_count, 27, 48, 3], are the clip's
    analysis frames: with them not only the number of frames is verified but each single one.
    Decoding starts at the index; where that leads to other frames, at the start of the file.
    Raises MediaError where the frames cannot be reached either way, StageTimeout, StoreError, WorkerLost.
    """
    span = Span(start_pts=start_pts, end_pts=end_pts, time_base=time_base, frames=frame_count)
    deadline = time.monotonic() + timeout_seconds
    facts = probe_once(source)
    has_audio = has_audio and facts.has_audio
    looks = out.with_name(out.name + ".rgb") if pictures is not None else None

    def attempt(seek: str) -> str:
        """Write `out`; why it is not the clip, empty where it is."""
        margin = SEEK_MARGIN_SECONDS if seek == "indexed" else None
        arguments = ffmpeg.cut(
            source,
            out,
            facts,
            span,
            SOURCE,
            seek_margin_seconds=margin,
            threads=threads,
            has_audio=has_audio,
            looks=looks,
            target=target,
            shapes=shapes,
        )
        ffmpeg.run(arguments, timeout_seconds=max(deadline - time.monotonic(), 0.001), memory_bytes=memory_bytes)
        track = read_track(out)
        wrong = target.differs(track, span) if target.rate else _differs(track, span)
        return wrong or _looks_differ(looks, pictures, exactly=seek == "indexed")

    trusted = facts.container.startswith(INDEXED_CONTAINERS) or pictures is not None
    try:
        for seek in ("indexed", "linear") if trusted else ("linear",):
            difference = attempt(seek)
            if not difference:
                return describe(out, seek)
    finally:
        if looks is not None:
            looks.unlink(missing_ok=True)
    raise MediaError(f"the clip's frames cannot be reached in {source.name}: {difference}")


def copy_proxy(
    source: Path,
    out: Path,
    *,
    start_pts: int,
    end_pts: int,
    time_base: Fraction,
    frame_count: int,
    has_audio: bool,
    threads: int,
    timeout_seconds: float,
    pictures: Pictures | None = None,
    memory_bytes: int = MEMORY_BYTES,
    shapes: Shapes | None = None,
) -> Exported:
    """Profile `proxy`: copy the packets of an all-intra proxy with `start_pts <= pts < end_pts`, bit for bit.

    Sound is cut at its packets (21 ms) and kept in sync by the edit list. Nothing is decoded, so `threads`,
    `pictures` and `shapes` do not matter. Raises as `export_clip`.
    """
    del threads, pictures, shapes
    span = Span(start_pts=start_pts, end_pts=end_pts, time_base=time_base, frames=frame_count)
    facts = probe_once(source)
    if facts.intra_packets is None:
        raise MediaError(f"{source.name} is no proxy: not every frame of it is a key frame")
    ffmpeg.run(
        ffmpeg.copy(source, out, facts, span.in_ticks(facts.time_base), has_audio=has_audio and facts.has_audio),
        timeout_seconds=timeout_seconds,
        memory_bytes=memory_bytes,
    )
    difference = _differs(read_track(out), span)
    if difference:
        raise MediaError(f"the clip's frames cannot be copied from {source.name}: {difference}")
    made = describe(out, "indexed")
    return replace(made, copied=made.frames)


def _differs(track: Track, span: Span) -> str:
    """Why a written track is not the span: the number of frames, or where the first and the last lie."""
    if len(track.pts) != span.frames:
        return f"{span.frames} frames were expected, {len(track.pts)} came"
    length_seconds = (span.end_pts - span.start_pts) * span.time_base
    if track.pts[0] != 0 or int(track.pts[-1]) * track.time_base >= length_seconds:
        return f"the frames lie at {track.pts[0]}…{track.pts[-1]} × {track.time_base} s of {float(length_seconds)} s"
    return ""


def _looks_differ(looks: Path | None, pictures: Pictures | None, *, exactly: bool) -> str:
    """Why the written pictures are not those that `prepare` saw."""
    if looks is None or pictures is None:
        return ""
    made = np.fromfile(looks, np.uint8)
    levels = levels_off(made, pictures)
    if levels is None:
        return f"{len(pictures)} pictures were expected, {made.size / ANALYSIS_FRAME_BYTES:g} came"
    if levels.max() <= (0 if exactly else SAME_PICTURE_LEVELS):
        return ""
    return f"frame {levels.argmax()} of the clip differs from the prepared one by {levels.max():.1f} levels"


def describe(out: Path, seek: str, track: Track | None = None, *, rotation: int = 0) -> Exported:
    """What a finished file holds; `track`: where it was read already. `rotation`: how far players turn it."""
    track = track or read_track(out)
    width, height = shown_sides(track.width, track.height, track.sample_aspect_ratio, rotation)
    end = int(track.pts[-1]) + track.last_duration
    return Exported(
        frames=len(track.pts),
        seconds=float(end * track.time_base),
        bytes=out.stat().st_size,
        width=width,
        height=height,
        seek=seek,
        has_audio=track.audio_codec != "",
    )
