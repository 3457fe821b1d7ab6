"""The timecode that files state: in tracks, headers and tags, drop-frame too."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import barcode
import pytest

from heaters.media.probe import probe

NTSC = "30000/1001"
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "4", "-pix_fmt", "yuv422p")


def write(path: Path, rate: str, *options: str, size: str = "320x240") -> Path:
    source = ("-f", "lavfi", "-i", f"testsrc=d=0.5:r={rate}:s={size}")
    barcode.ffmpeg(*source, *options, path)
    return path


@pytest.mark.parametrize(
    ("name", "rate", "options", "size", "timecode", "counted"),
    [
        ("tmcd.mov", NTSC, ("-timecode", "14:09:42;10"), "320x240", "14:09:42;10", Fraction(30000, 1001)),
        ("non_drop.mov", NTSC, ("-timecode", "14:09:42:10"), "320x240", "14:09:42:10", Fraction(30000, 1001)),
        ("tmcd.mp4", "25", ("-timecode", "01:02:03:04"), "320x240", "01:02:03:04", Fraction(25)),
        ("sixty.mov", "60000/1001", ("-timecode", "01:00:00;58"), "320x240", "01:00:00;58", Fraction(60000, 1001)),
        ("op1a.mxf", "25", (*MPEG2, "-timecode", "10:00:00:00"), "320x240", "10:00:00:00", None),
        ("tape.gxf", "25", ("-c:v", "mpeg2video", "-pix_fmt", "yuv420p", "-timecode", "01:02:03:04"), "720x576",
         "01:02:03:04", None),
        ("tape.dv", "25", ("-c:v", "dvvideo", "-pix_fmt", "yuv420p", "-timecode", "01:02:03:04"), "720x576",
         "01:02:03:04", None),
        ("tag.mkv", NTSC, ("-metadata", "timecode=01:00:00;28"), "320x240", "01:00:00;28", None),
        ("stream_tag.mkv", "25", ("-metadata:s:v", "TIMECODE=01:00:00:20"), "320x240", "01:00:00:20", None),
        ("tag.avi", "25", ("-c:v", "mpeg4", "-metadata", "timecode=01:00:00:20"), "320x240", "01:00:00:20", None),
        ("point.mkv", NTSC, ("-metadata", "timecode=01:00:00.28"), "320x240", "01:00:00;28", None),
        ("none.mp4", "25", (), "320x240", "", None),
        ("nonsense.mkv", "25", ("-metadata", "timecode=tomorrow"), "320x240", "", None),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and ":" not in value else "",
)  # fmt: skip
def test_timecodes(
    tmp_path: Path, name: str, rate: str, options: Sequence[str], size: str, timecode: str, counted: Fraction | None
) -> None:
    found = probe(write(tmp_path / name, rate, *options, size=size))
    assert (found.timecode, found.timecode_rate) == (timecode, counted)


def test_the_streams_own_counts_before_the_containers(tmp_path: Path) -> None:
    tags = ("-metadata", "timecode=02:00:00:00", "-metadata:s:v", "timecode=01:00:00:00")
    found = probe(write(tmp_path / "both.mkv", "25", *tags))
    assert (found.stream_timecode, found.format_timecode) == ("01:00:00:00", "02:00:00:00")
    assert found.timecode == "01:00:00:00"
