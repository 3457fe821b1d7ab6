"""ffmpeg's command lines, as pure functions, and one `run`. It knows what is asked of ffmpeg, not why.

Every command reads one local file as untrusted: only the file protocol, only the probed demuxer, bounded pictures.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from heaters.errors import MediaError, StoreError
from heaters.media import child
from heaters.media.ffmpeg_log import Log
from heaters.media.probe import Probe

ANALYSIS_WIDTH, ANALYSIS_HEIGHT = 48, 27
ANALYSIS_FRAME_BYTES = ANALYSIS_WIDTH * ANALYSIS_HEIGHT * 3
MAX_PIXELS = 2**26  # 8K is half of this
MIN_TIMESCALE = 10_000  # as ffmpeg's MP4 muxer: coarser ones are doubled until they reach this
# Keeps every time stamp, makes what is not strictly rising rise by one tick, the same way in every branch and command.
REPAIR = "setpts='if(isnan(PREV_OUTPTS),max(PTS,0),max(PTS,PREV_OUTPTS+1))'"
KEEP_TIMES = ("-fps_mode", "passthrough", "-enc_time_base", "demux")
# Gaps of the sound become silence, and it starts at 0: a player then needs no edit list to stay in sync.
FILL_GAPS = "aresample=async=1:first_pts=0"

OnProgress = Callable[[int, float], None]  # frames written so far, seconds of the timeline reached


@functools.cache
def binary() -> str:
    """The ffmpeg that ships with imageio-ffmpeg (or IMAGEIO_FFMPEG_EXE)."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def timescale(time_base: Fraction) -> int:
    """Ticks per second of an MP4 track that can hold every multiple of `time_base` exactly."""
    scale = time_base.denominator
    while scale < MIN_TIMESCALE:
        scale *= 2
    return scale


def read_file(source: Path, probe: Probe, *, threads: int, before: Sequence[str] = ()) -> list[str]:
    """Arguments that open `source`. `before` are further input options, such as a seek."""
    return [
        *("-protocol_whitelist", "file", "-format_whitelist", probe.container),
        *("-threads", str(threads), "-max_pixels", str(MAX_PIXELS), "-max_error_rate", "1"),
        *before,
        *("-i", f"file:{source.absolute()}"),
    ]


def write_analysis(out: Path, pts_log: Path, probe: Probe) -> list[str]:
    """One output: every decoded frame as raw 48×27 RGB, and a line `pts demuxed_pts time_base` for each.

    The scaler is ffmpeg's default (bicubic), so the bytes equal those of `ffmpeg -s 48x27 -pix_fmt rgb24`.
    """
    return [
        *("-map", f"0:{probe.video_stream_index}", *KEEP_TIMES),
        *("-vf", f"{REPAIR},scale={ANALYSIS_WIDTH}:{ANALYSIS_HEIGHT},format=rgb24"),
        *("-c:v", "rawvideo", "-stats_enc_pre:v", str(pts_log), "-stats_enc_pre_fmt:v", "{pts} {ptsi} {tb}"),
        *("-f", "rawvideo", f"file:{out}"),
    ]


def write_mp4(out: Path, ticks_per_second: int) -> list[str]:
    """The end of an MP4 output: index first, times exact, no metadata of the source."""
    return [
        *("-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart"),
        # The edit list that delays a late first frame counts in the movie's ticks; at the default 1000 it would round.
        *("-video_track_timescale", str(ticks_per_second), "-movie_timescale", str(ticks_per_second)),
        *("-f", "mp4", f"file:{out}"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How H.264 and AAC are written. `keyframe_every` 0 leaves the choice to x264."""

    preset: str
    crf: int
    keyframe_every: int
    audio_bitrate: str


def encode(encoding: Encoding, *, threads: int, has_audio: bool) -> list[str]:
    """Arguments of the encoders."""
    intra = ("-g", str(encoding.keyframe_every)) if encoding.keyframe_every else ()
    sound = ("-c:a", "aac", "-b:a", encoding.audio_bitrate, "-ac", "2") if has_audio else ()
    return [
        *("-c:v", "libx264", "-preset", encoding.preset, "-crf", str(encoding.crf), *intra),
        *("-pix_fmt", "yuv420p", "-threads", str(threads), *KEEP_TIMES, *sound),
    ]


def write_proxy(
    out: Path, probe: Probe, encoding: Encoding, *, width: int, height: int, threads: int, has_audio: bool
) -> list[str]:
    """One output: the review proxy, `width` × `height` square pixels, with sound where there is any."""
    sound = ["-map", f"0:{probe.audio_stream_index}", "-af", FILL_GAPS] if has_audio else []
    return [
        *("-map", f"0:{probe.video_stream_index}", "-vf", f"{REPAIR},scale={width}:{height},setsar=1,format=yuv420p"),
        *sound,
        *encode(encoding, threads=threads, has_audio=has_audio),
        *write_mp4(out, timescale(probe.time_base)),
    ]


def run(
    arguments: Sequence[str], *, timeout_seconds: float, memory_bytes: int, on_progress: OnProgress | None = None
) -> tuple[Log, child.Finished]:
    """Run ffmpeg to its end; its log, digested, and its costs.

    Raises MediaError with ffmpeg's own words when it fails, StoreError when the disk is full, and what `child.run`
    raises. A damaged file is no failure as long as something decodes: see `Log.damage`.
    """
    log = Log(on_progress)
    finished = child.run(
        [
            *(binary(), "-hide_banner", "-nostdin", "-nostats", "-y", "-loglevel", "level+verbose"),
            *("-progress", "pipe:1", *arguments),
        ],
        timeout_seconds=timeout_seconds,
        memory_bytes=memory_bytes,
        on_line=log.take_progress,
        on_error_line=log.take,
    )
    if finished.returncode != 0:
        evidence = log.evidence() or finished.stderr_tail
        if "No space left on device" in evidence or "Disk quota exceeded" in evidence:
            raise StoreError(f"the disk is full\n{evidence}")
        raise MediaError(f"ffmpeg failed (exit status {finished.returncode})\n{evidence}")
    return log, finished
