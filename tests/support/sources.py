"""Every kind of source the product must take, as tiny bar-coded files.

`SOURCES[name](folder)` writes a video whose frame n shows n (from 0 unless said there).
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import barcode
import numpy as np

Factory = Callable[[Path], Path]

NTSC, FILM, NTSC_60 = Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60000, 1001)
B_FRAMES = {"preset": "veryfast", "crf": "26", "bf": "3", "g": "24", "sc_threshold": "0"}


def vfr_pts(frames: int, *, seed: int = 7) -> list[int]:
    """Time stamps in 1/90000 s with steps between 5 ms and 100 ms."""
    steps = np.random.default_rng(seed).integers(450, 9000, frames)
    return [0, *np.cumsum(steps)[:-1].tolist()]


def b_frames(folder: Path) -> Path:
    return barcode.write(folder / "b_frames.mp4", 50, options=B_FRAMES, tone_seconds=2)


def remux(source: Path, name: str, *before: str, after: tuple[str, ...] = ()) -> Path:
    out = source.with_name(name)
    barcode.ffmpeg(*before, "-i", source, "-map", "0", "-c", "copy", *after, out)
    return out


def vfr(folder: Path) -> Path:
    path = folder / "vfr.mp4"
    return barcode.write(path, pts=vfr_pts(50), time_base=Fraction(1, 90000), options=B_FRAMES, tone_seconds=2.5)


def webm_without_durations(folder: Path) -> Path:
    made = barcode.write(folder / "whole.webm", 30, rate=NTSC, codec="libvpx-vp9", tone_seconds=1, tone_codec="libopus")
    return remux(made, "live.webm", after=("-live", "1"))


def hevc_open_gop(folder: Path) -> Path:
    options = {
        "preset": "fast",
        "crf": "24",
        "x265-params": "log-level=none:keyint=12:min-keyint=12:open-gop=1:bframes=3",
    }
    return barcode.write(folder / "hevc10.mkv", 48, rate=FILM, codec="libx265", pix_fmt="yuv420p10le", options=options)


def edit_list(folder: Path) -> Path:
    """Cut without re-encoding in the middle of a group of pictures: frames 13 to 49 of 50 are shown."""
    return remux(b_frames(folder), "edit_list.mp4", "-ss", "0.52")


def late_start(folder: Path) -> Path:
    return remux(b_frames(folder), "late.ts", after=("-output_ts_offset", "7.3"))


def audio_first(folder: Path) -> Path:
    made, out = b_frames(folder), folder / "audio_first.mkv"
    pictures = ("-itsoffset", "0.317", "-i", str(made))
    barcode.ffmpeg("-i", made, *pictures, "-map", "1:v", "-map", "0:a", "-c", "copy", out)
    return out


def video_first(folder: Path) -> Path:
    made, out = b_frames(folder), folder / "video_first.mp4"
    barcode.ffmpeg("-i", made, "-itsoffset", "0.4", "-i", made, "-map", "0:v", "-map", "1:a", "-c", "copy", out)
    return out


def mid_gop_transport_stream(folder: Path) -> Path:
    """A recording that starts between two key frames: frames 24 to 49 of 50 decode."""
    whole = remux(b_frames(folder), "whole.ts", after=("-muxdelay", "0"))
    out = folder / "mid_gop.ts"
    out.write_bytes(whole.read_bytes()[188 * 20 :])
    return out


def spliced_transport_stream(folder: Path) -> Path:
    """Two recordings, one after the other in one file: the clock jumps back in the middle."""
    first = remux(barcode.write(folder / "1.mp4", 25, options=B_FRAMES, tone_seconds=1), "1.ts")
    second = remux(barcode.write(folder / "2.mp4", 25, options=B_FRAMES, tone_seconds=1, first_number=25), "2.ts")
    out = folder / "spliced.ts"
    out.write_bytes(first.read_bytes() + second.read_bytes())
    return out


def size_change(folder: Path) -> Path:
    """The picture's size changes in mid-stream."""
    first = remux(barcode.write(folder / "1.mp4", 20, options=B_FRAMES), "1.ts", after=("-output_ts_offset", "1"))
    second = barcode.write(folder / "2.mp4", 20, width=192, height=128, options=B_FRAMES, first_number=20)
    out = folder / "size_change.ts"
    after = remux(second, "2.ts", after=("-output_ts_offset", "1.8"))
    out.write_bytes(first.read_bytes() + after.read_bytes())
    return out


def equal_pts(folder: Path) -> Path:
    """Frames 5 and 6 claim the same time, and so do 10, 11 and 12."""
    pts = list(range(20))
    pts[6], pts[11], pts[12] = 5, 10, 10
    return barcode.write(folder / "equal.mkv", pts=[p * 40 for p in pts], time_base=Fraction(1, 1000), codec="ffv1")


def cover_art(folder: Path) -> Path:
    """A film with a poster, which is a larger video stream of one picture."""
    poster, film, out = cover_picture(folder), b_frames(folder), folder / "poster.mp4"
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    barcode.ffmpeg("-i", poster, "-i", film, *maps, out)
    return out


def cover_picture(folder: Path) -> Path:
    return barcode.write(folder / "cover.png", 1, width=640, height=480, codec="png", pix_fmt="rgb24")


def _turned(degrees: int) -> Factory:
    def make(folder: Path) -> Path:
        made = barcode.write(folder / "upright.mp4", 30, options=B_FRAMES, tone_seconds=1)
        return remux(made, f"turned{degrees}.mp4", "-display_rotation", str(degrees))

    return make


def av1(folder: Path) -> Path:
    """Encoded by another process: as root, libsvtav1 makes the thread that calls it real-time of the highest priority,
    and with it every process that is started from there later.
    """
    plain = barcode.write(folder / "plain.mkv", 20, codec="ffv1")
    barcode.ffmpeg("-i", plain, "-c:v", "libsvtav1", "-preset", "8", "-crf", "15", folder / "av1.mp4")
    return folder / "av1.mp4"


def _plain(name: str, frames: int, **how: object) -> Factory:
    return lambda folder: barcode.write(folder / name, frames, **how)  # type: ignore[arg-type]


SOURCES: dict[str, Factory] = {
    "b_frames": b_frames,
    "vfr": vfr,
    "film": _plain("film.mp4", 36, rate=FILM, options=B_FRAMES),
    "ntsc": _plain("ntsc.mov", 45, rate=NTSC, options=B_FRAMES, tone_seconds=1.5),
    "ntsc_60": _plain("ntsc60.mkv", 60, rate=NTSC_60, options=B_FRAMES),
    "webm_without_durations": webm_without_durations,
    "hevc_open_gop": hevc_open_gop,
    "av1": av1,
    "full_chroma": _plain("chroma.mp4", 20, pix_fmt="yuv444p", options=B_FRAMES),
    "odd_sides": _plain("odd.mkv", 20, width=97, height=53, codec="ffv1"),
    "portrait": _plain("portrait.mp4", 20, width=72, height=128, options=B_FRAMES),
    "wide_pixels": _plain("wide.mp4", 20, sample_aspect_ratio=Fraction(4, 3), options=B_FRAMES),
    "turned_90": _turned(90),
    "turned_180": _turned(180),
    "turned_270": _turned(270),
    "edit_list": edit_list,
    "late_start": late_start,
    "audio_first": audio_first,
    "video_first": video_first,
    "one_frame": _plain("one.mp4", 1),
    "one_frame_and_sound": _plain("one_sound.mp4", 1, tone_seconds=1),
    "interlaced": _plain(
        "fields.ts", 30, codec="mpeg2video", options={"flags": "+ilme+ildct", "bf": "2", "qscale": "3"}
    ),
    "avi": _plain(
        "old.avi", 30, codec="mpeg4", options={"bf": "2", "qscale": "3"}, tone_seconds=1, tone_codec="libmp3lame"
    ),
    "flash": _plain("flash.flv", 30, options=B_FRAMES, tone_seconds=1),
    "animation": _plain("small.gif", 20, codec="gif", pix_fmt="gray", rate=Fraction(20)),
    "bare_stream": _plain("bare.h264", 30, options=B_FRAMES),
    "mid_gop_transport_stream": mid_gop_transport_stream,
    "spliced_transport_stream": spliced_transport_stream,
    "size_change": size_change,
    "equal_pts": equal_pts,
    "cover_art": cover_art,
}
