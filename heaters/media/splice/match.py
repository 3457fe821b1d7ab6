"""ffmpeg's command for the frames of a clip that are not copied, encoded like the master, and for its sound. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from heaters.media import ffmpeg
from heaters.media.ffmpeg import INDEXED_CONTAINERS, KEEP_TIMES, REPAIR, SEEK_MARGIN_SECONDS, TO_ANALYSIS, Span
from heaters.media.probe import Probe
from heaters.media.splice.rules import NotCopied, Rule

CRF, PRESET = 18, "veryfast"
NEVER = "9999"  # frames between key frames: the first is the only one, which is what the file says
# The pixel formats that both the codec's decoder gives and its encoder takes as they are.
PIXEL_FORMATS = {
    "h264": frozenset(
        {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray"}
        | {"yuv420p10le", "yuv422p10le", "yuv444p10le", "gray10le"}
    ),
    "hevc": frozenset(
        {"yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"}
        | {"yuv420p12le", "yuv422p12le", "yuv444p12le", "gray", "gray10le", "gray12le"}
    ),
}


# What ffmpeg does by itself where it is not told to leave pictures as they are coded.
TURNS = {0: "", 90: ",transpose=clock", 180: ",hflip,vflip", 270: ",transpose=cclock"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Frames to encode into `out`, and their 48×27 pictures into `looks`. No frame of it is reordered."""

    span: Span
    out: Path
    looks: Path


def encoder(codec: str, probe: Probe, free_id: int) -> list[str]:
    """The encoder's options. Parameter sets of H.264 are numbered `free_id`, so that they lie beside the master's.

    They state the master's rate: FFmpeg up to 6 takes the length of a frame from there, and with it torchcodec.
    Raises NotCopied where there is no encoder for such pictures.
    """
    pixel_format, frame_rate = probe.pixel_format, probe.frame_rate
    if pixel_format not in PIXEL_FORMATS.get(codec, frozenset()):
        raise NotCopied(Rule.CODEC, f"{codec} of {pixel_format}")
    if codec == "h264":
        own = ["-c:v", "libx264", "-x264-params", f"sps-id={free_id}:open-gop=0:scenecut=0"]
        stated = f"h264_metadata=tick_rate={2 * frame_rate}"  # a tick is a field
    else:
        own = ["-c:v", "libx265", "-x265-params", "log-level=none:open-gop=0:repeat-headers=1:scenecut=0"]
        stated = f"hevc_metadata=tick_rate={frame_rate}"
    return [
        *(*own, "-preset", PRESET, "-crf", str(CRF), "-bf", "0", "-g", NEVER),
        *("-pix_fmt", pixel_format, *KEEP_TIMES, "-bsf:v", stated),
    ]


def command(
    source: Path,
    probe: Probe,
    span: Span,
    pieces: Sequence[Piece],
    *,
    video: Sequence[str],
    sound: Path | None,
    audio_bitrate: str,
    threads: int,
) -> list[str]:
    """Each piece is read from a key frame before it; the sound of `span` from before its start."""
    # Of a transport stream the times depend on which streams are in use: one input for all, as `prepare` has it.
    is_shared = sound is not None and not probe.container.startswith(INDEXED_CONTAINERS)
    reads = _read(source, probe, span, threads) if is_shared else []
    writes: list[str] = []
    for number, piece in enumerate(pieces):
        place = 0 if is_shared else number
        reads += [] if is_shared else _read(source, probe, piece.span, threads)
        chosen = f"{REPAIR},trim=start_pts={piece.span.start_pts}:end_pts={piece.span.end_pts},setpts=PTS-STARTPTS"
        index = f"{place}:{probe.video_stream_index}"
        writes += ["-map", index, "-vf", chosen, *video, "-threads", str(threads), "-f", "mp4", f"file:{piece.out}"]
        writes += ["-map", index, "-vf", f"{chosen}{TURNS[probe.rotation]},{TO_ANALYSIS}", *KEEP_TIMES]
        writes += ["-c:v", "rawvideo", "-f", "rawvideo", f"file:{piece.looks}"]
    if sound is not None:
        reads += [] if is_shared else _read(source, probe, span, threads)
        writes += ffmpeg.sound_of(probe, span, number=0 if is_shared else len(pieces))
        writes += [*ffmpeg.aac(audio_bitrate), "-map_metadata", "-1", "-f", "mp4", f"file:{sound}"]
    return ["-copyts", "-start_at_zero", *reads, *writes]


def _read(source: Path, probe: Probe, span: Span, threads: int) -> list[str]:
    """Pictures are not turned: those that are copied are not either, the player turns both."""
    begin = max(float(span.seconds(span.start_pts)) - SEEK_MARGIN_SECONDS, 0)
    before = ("-noautorotate", "-noaccurate_seek", "-ss", f"{begin:.6f}")
    return ffmpeg.read_file(source, probe, threads=threads, before=before)


def verify(out: Path, looks: Path, threads: int) -> list[str]:
    """Decode a finished file as `prepare` does, into 48×27 pictures."""
    return [
        *("-threads", str(threads), "-protocol_whitelist", "file", "-i", f"file:{out.absolute()}"),
        *("-map", "0:v:0", *KEEP_TIMES, "-vf", f"{REPAIR},{TO_ANALYSIS}"),
        *("-c:v", "rawvideo", "-f", "rawvideo", f"file:{looks}"),
    ]


def in_ticks(span: Span) -> int:
    """Ticks per second of the clip's track. Raises NotCopied where no MP4 track holds its times exactly."""
    scale = ffmpeg.timescale(span.time_base)
    if (span.time_base * scale).denominator != 1 or scale >= 2**31:
        raise NotCopied(Rule.TIME_BASE, f"times in {Fraction(span.time_base)} s")
    return scale
