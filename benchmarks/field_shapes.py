"""Field cases of pictures that are shown otherwise than they are decoded, or change their shape; see field_made.py."""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from shaped import BAR, crop_matroska

Film = Callable[..., Path]
H264 = ("-c:v", "libx264", "-crf", "12", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "0", "-c:a", "aac")
SQUARE = "480:270"
# First frame, width, height; the cuts are at 50 and 100.
SIZES = ([0, 480, 270], [60, 240, 136], [100, 270, 480])
FLIPS = ([0, 384, 288], [50, 512, 288], [100, 384, 288])
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2")


def make(out: Path, film: Film, ffmpeg: Callable[..., None], truth: Callable[..., None]) -> None:
    """Write the cases into `out`, with what `field_made` draws, runs and says of files."""
    bars = f"pad=iw+{2 * BAR}:ih:{BAR}:0:lime"
    tmp = out / "tmp_shape.mkv"
    crop_matroska(film(tmp, 25, *H264, "-vf", bars))
    ffmpeg("-i", tmp, "-c", "copy", out / "z_clap.mp4")
    truth("z_clap.mp4", dar=SQUARE)

    # A phone's film: crop, turn and pixels twice as wide as high. Matroska states the shape of the cropped picture.
    film(out / "tmp_phone.mkv", 25, *H264, "-vf", f"scale=240:270,transpose=cclock,setsar=1/2,{bars}")
    ffmpeg("-i", out / "tmp_phone.mkv", "-aspect", "135:240", "-c", "copy", tmp)
    crop_matroska(tmp)
    for suffix in ("mp4", "mkv"):
        ffmpeg("-display_rotation:v", "-90", "-i", tmp, "-c", "copy", out / f"z_phone.{suffix}")
        truth(f"z_phone.{suffix}", dar=SQUARE)

    film(tmp, 25, *H264, "-vf", "hflip")
    ffmpeg("-display_hflip:v", "-i", tmp, "-c", "copy", out / "z_mirrored.mp4")
    truth("z_mirrored.mp4", dar=SQUARE)

    film(tmp, 25, *H264)
    sizes = [(start, f"scale={width}:{height},setsar=1", H264[:-2]) for start, width, height in SIZES]
    (out / "z_sizes.ts").write_bytes(_joined(tmp, sizes, "mpegts", ffmpeg))
    truth("z_sizes.ts", shapes=SIZES, flashes=[])
    flips = [(start, f"scale=352:288,setdar={width}/{height}", MPEG2) for start, width, height in FLIPS]
    (out / "tmp_flips.m2v").write_bytes(_joined(tmp, flips, "mpeg2video", ffmpeg))
    ffmpeg(
        "-fflags", "+genpts", "-r", "25", "-i", out / "tmp_flips.m2v", "-c", "copy", "-f", "vob", out / "z_flips.vob"
    )
    truth("z_flips.vob", shapes=FLIPS, flashes=[])
    for path in out.glob("tmp_*"):
        path.unlink()


def _joined(film: Path, parts: list[tuple[int, str, tuple[str, ...]]], form: str, ffmpeg: Callable[..., None]) -> bytes:
    """The film in parts, each from a frame on with filters and an encoder, one behind the other."""
    made, part = b"", film.with_name("tmp_part")
    for (start, filters, encoder), end in zip(parts, [start for start, _, _ in parts[1:]] + [10**6], strict=True):
        chosen = f"trim=start_frame={start}:end_frame={end},setpts=PTS-STARTPTS,{filters}"
        later = ("-output_ts_offset", str(1 + start / 25), "-muxdelay", "0")
        ffmpeg("-i", film, "-an", "-vf", chosen, *encoder, *later, "-f", form, part)
        made += part.read_bytes()
    return made
