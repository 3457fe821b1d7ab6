"""Rules that no film of `films.FILMS` breaks, on what they look at."""

from fractions import Fraction
from pathlib import Path

import av
import barcode
import pytest

from heaters.media.splice.job import Job
from heaters.media.splice.plan import Kind, Packet, plan
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.splice.stream import Stream, refuse

FLV_HEADER_BYTES = 13
KEY = "0123456789abcdef" * 2


def job(time_base: Fraction) -> Job:
    return Job(
        source="film.mp4", out="clip.mp4", container="mov,mp4", stream_index=0, used_indices=(0,), start_pts=0,
        end_pts=1, time_base=str(time_base), frames=1, pixel_format="yuv420p", frame_rate="25", rotation=0, sound="",
        threads=1,
    )  # fmt: skip


def first_refused(path: Path) -> tuple[int, NotCopied]:
    """The place of the first packet that is refused, and why."""
    with av.open(str(path)) as container:
        place = 0
        try:
            Stream.of(container.streams.video[0])
            for place, packet in enumerate(container.demux(video=0)):
                refuse(packet, place)
        except NotCopied as refusal:
            return place, refusal
    raise AssertionError("nothing is refused")


def test_a_track_counts_in_the_masters_ticks() -> None:
    assert job(Fraction(1, 90_000)).ticks == 90_000
    assert job(Fraction(1001, 30_000)).ticks == 30_000


@pytest.mark.parametrize("time_base", [Fraction(1, 2**31), Fraction(1, 10**10)])
def test_times_that_no_track_holds(time_base: Fraction) -> None:
    with pytest.raises(NotCopied) as refusal:
        _ = job(time_base).ticks
    assert refusal.value.rule is Rule.TIME_BASE


def test_an_encrypted_stream(tmp_path: Path) -> None:
    plain = barcode.write(tmp_path / "plain.mp4", 12)
    path = tmp_path / "encrypted.mp4"
    how = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY)
    barcode.ffmpeg("-i", plain, "-c", "copy", *how, path)
    place, refusal = first_refused(path)
    assert (place, refusal.rule) == (0, Rule.ENCRYPTED)


def test_a_key_frame_that_an_edit_list_hides() -> None:
    packets = [
        Packet(pts=0, kind=Kind.KEY),
        Packet(pts=1, kind=Kind.OTHER),
        Packet(pts=2, kind=Kind.KEY, is_shown=False),
        Packet(pts=3, kind=Kind.OTHER),
    ]
    with pytest.raises(NotCopied) as refusal:
        plan(packets, start_pts=1, end_pts=4, frames=2)
    assert refusal.value.rule is Rule.EDIT_LIST


def test_a_header_that_changes_near_the_clip(tmp_path: Path) -> None:
    """Two sizes one after the other: the demuxer hands on the second header beside a packet."""
    parts = []
    for width in (160, 320):
        film = barcode.write(tmp_path / f"{width}.mp4", 25, width=width, height=96)
        barcode.ffmpeg("-i", film, "-c", "copy", tmp_path / f"{width}.flv")
        parts.append((tmp_path / f"{width}.flv").read_bytes())
    (tmp_path / "both.flv").write_bytes(parts[0] + parts[1][FLV_HEADER_BYTES:])
    place, refusal = first_refused(tmp_path / "both.flv")
    assert (place, refusal.rule) == (25, Rule.DESCRIPTIONS)
