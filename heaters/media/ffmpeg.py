"""ffmpeg's command lines, as pure functions, and one `run`. It knows what is asked of ffmpeg, not why.

Every command reads one local file as untrusted: only the file protocol, only the probed demuxer, bounded pictures.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from heaters.core.shapes import Shapes
from heaters.errors import ConfigError, MediaError, RuleError
from heaters.media import child, sound
from heaters.media.ffmpeg_log import Log
from heaters.media.holes import close, in_file
from heaters.media.probe import Probe
from heaters.media.shape import export_filters, fit, stated_by
from heaters.media.target import USUAL, Target
from heaters.media.tee import tee
from heaters.media.unreadable import by_words

ANALYSIS_WIDTH, ANALYSIS_HEIGHT = 48, 27
ANALYSIS_FRAME_BYTES = ANALYSIS_WIDTH * ANALYSIS_HEIGHT * 3
MAX_PIXELS = 2**26  # 8K is half of this
MIN_TIMESCALE = 10_000  # as ffmpeg's MP4 muxer: coarser ones are doubled until they reach this
# Keeps every time stamp, makes what is not strictly rising rise by one tick, the same way in every branch and command.
REPAIR = "setpts='if(isnan(PREV_OUTPTS),max(PTS,0),max(PTS,PREV_OUTPTS+1))'"
TO_ANALYSIS = f"scale={ANALYSIS_WIDTH}:{ANALYSIS_HEIGHT},format=rgb24"
COPY_MARGIN_SECONDS = 0.5  # a few packets of sound
# How far before the clip decoding starts: past the leading frames of an open group of pictures, which a seek loses, and
# past a sound codec's run-in. A key frame further back is found by the seek itself.
SEEK_MARGIN_SECONDS = 1.0
# Containers that state a time stamp for each packet and can be entered anywhere. In others a seek is trusted only
# where the pictures can be compared.
INDEXED_CONTAINERS = ("mov,", "matroska,")
KEEP_TIMES = ("-fps_mode", "passthrough", "-enc_time_base:v", "demux")

STOPPED = "Exiting normally, received signal"  # ffmpeg's words when somebody else ends it


OnProgress = Callable[[int, float], None]  # frames written so far, seconds of the timeline reached


@functools.cache
def binary() -> str:
    """The ffmpeg that ships with imageio-ffmpeg; where its wheel has none, the one that package finds.

    Raises ConfigError when there is none.
    """
    # The package itself runs `ffmpeg -version` first, and remembers for good when that one child is killed.
    shipped = sorted((Path(imageio_ffmpeg.__file__).parent / "binaries").glob("ffmpeg-*"))
    if shipped:
        return str(shipped[0])
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise ConfigError(
            "no ffmpeg: pip install --force-reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE"
        ) from error


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
        *(*close(probe.holes), *before),
        *("-i", f"file:{source.absolute()}"),
    ]


def seek_before(probe: Probe, seconds: float, margin_seconds: float) -> tuple[str, ...]:
    """Input options that enter a file somewhat before a time of the film."""
    return ("-noaccurate_seek", "-ss", f"{float(in_file(probe.holes, Fraction(max(seconds - margin_seconds, 0)))):.6f}")


def write_analysis(out: Path, pts_log: Path, packet_log: Path, probe: Probe) -> list[str]:
    """One output: every decoded frame as raw 48×27 RGB, and a line `pts demuxed_pts time_base` for each.

    The scaler is ffmpeg's default (bicubic), so the bytes equal those of `ffmpeg -s 48x27 -pix_fmt rgb24`. The second
    log has a line for each as the muxer `framecrc` writes it: it alone tells how long a frame lasts.
    """
    return [
        *("-map", f"0:{probe.video_stream_index}", *KEEP_TIMES),
        *("-vf", f"{REPAIR},{TO_ANALYSIS}"),
        *("-c:v", "rawvideo", "-stats_enc_pre:v", str(pts_log), "-stats_enc_pre_fmt:v", "{pts} {ptsi} {tb}"),
        *("-f", "tee", tee(out, "rawvideo", packet_log)),
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
    """How H.264 and AAC are written. `keyframe_every` 0 leaves the choice to x264; `look_ahead` is how many frames it
    looks ahead for what later ones need (x264's mbtree), 0 what the preset says.
    """

    preset: str
    crf: float
    keyframe_every: int
    audio_bitrate: str
    look_ahead: int = 0

    @property
    def x264(self) -> str:
        """What goes beyond the preset, as x264's parameters."""
        return f"mbtree=1:rc-lookahead={self.look_ahead}" if self.look_ahead else ""


def aac(bitrate: str) -> list[str]:
    """The encoder of sound."""
    return ["-c:a", "aac", "-b:a", bitrate, "-ac", "2"]


def encode(encoding: Encoding, *, threads: int, has_audio: bool, codec: Sequence[str] = ()) -> list[str]:
    """Arguments of the encoders. `codec`: another one than H.264."""
    intra = ("-g", str(encoding.keyframe_every)) if encoding.keyframe_every else ()
    spoken = aac(encoding.audio_bitrate) if has_audio else ()
    plain = ("-c:v", "libx264", "-preset", encoding.preset, "-crf", str(encoding.crf))
    is_x264 = "libx264" in (codec or plain)
    return [
        *(codec or plain),
        *(("-x264-params", encoding.x264) if encoding.x264 and is_x264 else ()),
        *intra,
        *("-pix_fmt", "yuv420p", "-threads", str(threads), *KEEP_TIMES, *spoken),
    ]


def write_proxy(
    out: Path,
    probe: Probe,
    encoding: Encoding,
    *,
    width: int,
    height: int,
    threads: int,
    has_audio: bool,
    shapes: Shapes | None = None,
) -> list[str]:
    """One output: the review proxy, `width` × `height` square pixels, with sound where there is any. Frames of another
    shape than the first lie between bars. `shapes`: where they are known already.
    """
    heard = sound.take(probe) if has_audio else []
    sized = fit(width, height, (probe.width, probe.height), stated_by(probe, shapes))
    return [
        *("-map", f"0:{probe.video_stream_index}", "-vf", f"{REPAIR},{sized},setsar=1,format=yuv420p"),
        *heard,
        *encode(encoding, threads=threads, has_audio=has_audio),
        *write_mp4(out, timescale(probe.time_base)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A clip: the frames with `start_pts <= pts < end_pts`, in ticks of `time_base` seconds."""

    start_pts: int
    end_pts: int
    time_base: Fraction
    frames: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_pts < self.end_pts or self.frames < 1:
            raise RuleError(f"a clip is a range 0 ≤ start < end with at least one frame; got {self}")

    def in_ticks(self, time_base: Fraction) -> "Span":
        """The same span in another time base. Raises MediaError where that would round."""
        ratio = self.time_base / time_base
        start, end = self.start_pts * ratio, self.end_pts * ratio
        if start.denominator != 1 or end.denominator != 1:
            raise MediaError(f"a track in ticks of {time_base} s cannot hold times in {self.time_base} s")
        return replace(self, start_pts=int(start), end_pts=int(end), time_base=time_base)

    def seconds(self, pts: int) -> Fraction:
        """The time of `pts`."""
        return pts * self.time_base


def sound_of(probe: Probe, span: Span, *, number: int = 0) -> list[str]:
    """The film's sound of just this span, from 0 on, out of input `number`."""
    return sound.between(probe, span.seconds(span.start_pts), span.seconds(span.end_pts), number=number)


def cut(
    source: Path,
    out: Path,
    probe: Probe,
    span: Span,
    encoding: Encoding,
    *,
    seek_margin_seconds: float | None,
    threads: int,
    has_audio: bool,
    looks: Path | None,
    target: Target = USUAL,
    shapes: Shapes | None = None,
) -> list[str]:
    """Decode, keep the frames of `span`, encode. With `looks`, their 48×27 pictures are a second output. `shapes`: of
    the clip's frames, counted from its first; None where they have the probe's.

    `seek_margin_seconds` before the clip decoding starts; None: at the start of the file, exactly as `prepare` does.
    """
    start = span.seconds(span.start_pts)
    times, seek = [], []
    if seek_margin_seconds is not None:
        # Keep the time stamps as if nothing had been skipped: shifted by the container's start, not by the seek.
        times = ["-copyts", "-start_at_zero"]
        seek = [*seek_before(probe, float(start), seek_margin_seconds)]
    chosen = f"{REPAIR},trim=start_pts={span.start_pts}:end_pts={span.end_pts},setpts=PTS-{span.start_pts}"
    shaped, even = export_filters(probe, shapes, span.frames)
    pictures = (
        []
        if looks is None
        else [
            *("-map", f"0:{probe.video_stream_index}", *KEEP_TIMES, "-vf", f"{chosen},{TO_ANALYSIS}"),
            *("-c:v", "rawvideo", "-f", "rawvideo", f"file:{looks}"),
        ]
    )
    return [
        *times,
        *read_file(source, probe, threads=threads, before=seek),
        *("-map", f"0:{probe.video_stream_index}", "-noautoscale"),
        *("-vf", f"{chosen}{shaped}{target.filters()},format=yuv420p{even}"),
        *(sound_of(probe, span) if has_audio else ()),
        *encode(encoding, threads=threads, has_audio=has_audio, codec=target.encoder(encoding.preset)),
        *write_mp4(out, timescale(span.time_base)),
        *pictures,
    ]


def copy(source: Path, out: Path, probe: Probe, span: Span, *, has_audio: bool) -> list[str]:
    """Copy the packets of `span` from an all-intra file; `span` is in ticks of the file's own track."""
    start, end = span.seconds(span.start_pts), span.seconds(span.end_pts)
    heard = []
    if has_audio:
        outside = f"lte((pts+duration)*tb,{float(start):.9f})+gte(pts*tb,{float(end):.9f})"
        heard = ["-map", f"0:{probe.sound_indices[0]}", "-bsf:a"]
        heard.append(f"noise=drop='{outside}',setts=ts='TS-round({float(start):.9f}/TB)'")
    outside = f"lt(pts,{span.start_pts})+gte(pts,{span.end_pts})"
    return [
        *("-copyts",),
        *read_file(
            source,
            probe,
            threads=1,
            # Roughly to the clip, with room on both sides; the packet filters choose exactly.
            before=(
                *("-seek_timestamp", "1", "-ss", f"{max(float(start) - COPY_MARGIN_SECONDS, 0):.6f}"),
                *("-to", f"{float(end) + COPY_MARGIN_SECONDS:.6f}"),
            ),
        ),
        *("-map", f"0:{probe.video_stream_index}", "-c", "copy", "-copypriorss", "1"),
        *("-bsf:v", f"noise=drop='{outside}',setts=ts=TS-{span.start_pts}"),
        *heard,
        *write_mp4(out, timescale(span.time_base)),
    ]


def run(
    arguments: Sequence[str], *, timeout_seconds: float, memory_bytes: int, on_progress: OnProgress | None = None
) -> tuple[Log, child.Finished]:
    """Run ffmpeg to its end; its log, digested, and its costs.

    Raises MediaError with ffmpeg's own words when it fails, StoreError when the disk is full or a file is missing,
    ChildDied where it says nothing, and what `child.run` raises. A damaged file is no failure as long as something
    decodes: see `Log.damage`.
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
        evidence = log.evidence()
        if not evidence or STOPPED in finished.stderr_tail:
            raise child.died("ffmpeg", finished)
        raise by_words(f"ffmpeg failed ({finished.known})", evidence)
    return log, finished
