"""Bar-coded films whose picture is shown otherwise than it is decoded: cropped, turned, mirrored, with wide pixels."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import barcode
from PIL import Image

WIDTH, HEIGHT, BAR = 96, 64, 24  # a cropped film has bars of so many columns at both sides that are not to be shown
CROP = struct.pack(">HBBHBB", 0x54CC, 0x81, BAR, 0x54DD, 0x81, BAR)  # Matroska: PixelCropLeft, PixelCropRight
PATH_TO_VIDEO = (b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0")  # Segment, Tracks, TrackEntry, Video


def film(
    folder: Path,
    suffix: str,
    *,
    codec_aspect: Fraction | None = None,
    container_aspect: Fraction | None = None,
    is_cropped: bool = False,
    before: Sequence[str] = (),
    frames: int = 30,
) -> Path:
    """A film of 96 × 64 that is shown so, with these pixel aspect ratios; `before` are options of ffmpeg such as
    `-display_rotation 90`. A crop is stated by the container: Matroska's elements, MP4's box `clap`.
    """
    plain = barcode.write(folder / "plain.mkv", frames, codec="ffv1")
    bars = f"pad={WIDTH + 2 * BAR}:{HEIGHT}:{BAR}:0:lime," if is_cropped else ""
    shape = f"setsar={codec_aspect or 0}:max=1000"
    h264 = ("-c:v", "libx264", "-crf", "12", "-g", "12", "-pix_fmt", "yuv420p")
    coded, stated, out = folder / "coded.mkv", folder / "stated.mkv", folder / f"film.{suffix}"
    barcode.ffmpeg("-i", plain, "-vf", f"{bars}{shape}", *h264, coded)
    aspect = container_aspect or codec_aspect
    # Matroska states the shape of the cropped picture.
    sides = f"{WIDTH * aspect.numerator}:{HEIGHT * aspect.denominator}" if aspect else ""
    barcode.ffmpeg("-i", coded, *(("-aspect", sides) if aspect else ()), "-c", "copy", stated)
    if is_cropped:
        crop_matroska(stated)
    barcode.ffmpeg(*before, "-i", stated, "-c", "copy", out)
    return out


def crop_matroska(path: Path) -> None:
    """State a crop of BAR columns at both sides in a Matroska file; all elements round it become so much longer."""
    data, at, sizes = bytearray(path.read_bytes()), 0, []
    for wanted in PATH_TO_VIDEO:
        while True:
            ident = bytes(data[at : at + 9 - data[at].bit_length()])
            place = at + len(ident)
            length = 9 - data[place].bit_length()
            at = place + length
            if ident == wanted:
                sizes.append((place, length))
                break
            at += int.from_bytes(data[place:at], "big") & (1 << 7 * length) - 1
    for place, length in sizes:
        size = int.from_bytes(data[place : place + length], "big") + len(CROP)
        data[place : place + length] = size.to_bytes(length, "big")
    data[at:at] = CROP
    path.write_bytes(data)


def shown(path: Path) -> float:
    """Width / height as a player shows a video or a JPEG, by PyAV and by the file's own aspect and turn."""
    if path.suffix == ".jpg":
        with Image.open(path) as picture:
            return picture.width / picture.height
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        aspect = frame.width * float(container.streams.video[0].sample_aspect_ratio or 1) / frame.height
        return 1 / aspect if frame.rotation % 180 else aspect


SIZES = ((96, 64), (192, 128), (64, 96))  # of `changing`, for PART frames each
PART = 20


def changing(folder: Path) -> Path:
    """A recording of a call: its picture becomes larger, and then the phone is turned."""
    parts = []
    for number, (width, height) in enumerate(SIZES):
        options = {"preset": "veryfast", "crf": "12", "bf": "0", "g": "12"}
        first = number * PART
        path = folder / f"{number}.mp4"
        made = barcode.write(path, PART, width=width, height=height, options=options, first_number=first)
        parts.append(folder / f"{number}.ts")
        barcode.ffmpeg("-i", made, "-c", "copy", "-output_ts_offset", f"{1 + first / 25}", parts[-1])
    out = folder / "changing.ts"
    out.write_bytes(b"".join(part.read_bytes() for part in parts))
    return out


FLIPS = ((128, 96), (171, 96), (128, 96))  # 4:3, 16:9, 4:3


def flipping(folder: Path, suffix: str = "vob") -> Path:
    """A recording of broadcasts in MPEG-2: all pictures have one size, and those of the middle part are to be wider."""
    made = b""
    for number, (width, _) in enumerate(FLIPS):
        path, part = folder / f"{number}.mkv", folder / f"{number}.m2v"
        barcode.write(path, PART, width=88, height=96, codec="ffv1", first_number=number * PART)
        aspect = "16:9" if width > FLIPS[0][0] else "4:3"
        barcode.ffmpeg("-i", path, "-aspect", aspect, "-c:v", "mpeg2video", "-q:v", "2", "-bf", "2", part)
        made += part.read_bytes()
    (folder / "all.m2v").write_bytes(made)
    out = folder / f"flipping.{suffix}"
    barcode.ffmpeg("-fflags", "+genpts", "-r", "25", "-i", folder / "all.m2v", "-c", "copy", out)
    return out


def inside(picture: barcode.Picture, size: tuple[int, int]) -> barcode.Picture:
    """What lies between the bars of a picture into which one of another `size` is fitted."""
    height, width = picture.shape[:2]
    share = min(width / size[0], height / size[1])
    across, down = round(size[0] * share), round(size[1] * share)
    left, top = (width - across) // 2, (height - down) // 2
    assert picture[:, : max(left - 2, 0)].max(initial=0) < 20
    assert picture[: max(top - 2, 0)].max(initial=0) < 20
    return picture[top : top + down, left : left + across]
