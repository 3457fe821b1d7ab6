"""The sample track: the frames that the rule names, by number, near to the source, and read at random."""

import io
import zipfile
from fractions import Fraction
from pathlib import Path

import barcode
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sources import SOURCES

from heaters.errors import IntegrityError, MediaError
from heaters.media.prepare import prepare
from heaters.media.probe import probe
from heaters.media.samples import LONG_SIDE, SampleTrack, pack, sample_frames, sample_size


@pytest.mark.parametrize("name", SOURCES)
def test_a_track_has_exactly_the_frames_of_the_rule(source, name: str) -> None:
    made = source(name)
    expected = sample_frames(np.array(made.pts), made.prepared.time_base)
    with SampleTrack(made.prepared.samples) as track:
        assert track.frames.tolist() == expected.tolist()
        assert made.prepared.sample_count == len(expected)
        pictures = [np.asarray(track.read(frame).picture()) for frame in track.frames.tolist()]
    assert [barcode.read(picture).number for picture in pictures] == [made.numbers[frame] for frame in expected]
    sizes = [sample_size(*made.prepared.shapes.size(frame, frame + 1)) for frame in expected.tolist()]
    assert [picture.shape for picture in pictures] == [(height, width, 3) for width, height in sizes]


@pytest.mark.parametrize("name", ["b_frames", "vfr", "late_start", "hevc_open_gop", "odd_sides", "size_change"])
def test_without_a_proxy_all_else_is_the_same(source, name: str, tmp_path: Path) -> None:
    made = source(name)
    alone = prepare(made.path, tmp_path, made.probe, threads=2, timeout_seconds=60, with_proxy=False)
    assert (alone.proxy, alone.compression_ratio, alone.reused) == (None, None, False)
    assert not (tmp_path / "proxy.mp4").exists()
    for part in ("samples", "analysis", "pts"):
        assert getattr(alone, part).read_bytes() == getattr(made.prepared, part).read_bytes(), part
    assert (alone.end_pts, alone.has_audio, alone.frame_count) == (
        *(made.prepared.end_pts, made.prepared.has_audio),
        made.prepared.frame_count,
    )


def test_sound_is_known_without_a_proxy(source, tmp_path: Path) -> None:
    path = source("b_frames").path
    facts = probe(path)
    made = prepare(path, tmp_path, facts, threads=1, timeout_seconds=60, with_proxy=False)
    assert (made.has_audio, made.audio_dropped) == (True, "")


@given(
    st.lists(st.integers(1, 200_000), min_size=1, max_size=200),
    st.sampled_from([Fraction(1, 90000), Fraction(1, 1000), Fraction(1001, 30000), Fraction(1, 12800)]),
)
def test_every_half_second_with_frames_has_its_first(steps: list[int], time_base: Fraction) -> None:
    pts = np.cumsum(steps) - steps[0]
    chosen = sample_frames(pts, time_base)
    slots = [int(2 * at * time_base) for at in pts.tolist()]
    assert chosen.tolist() == [slots.index(slot) for slot in sorted(set(slots))]


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_sides(width: int, height: int) -> None:
    made = sample_size(width, height)
    assert 1 <= max(made) == min(LONG_SIDE, max(width, height))
    assert min(made) >= 1


def test_the_same_pictures_are_the_same_bytes_and_missing_ones_are_said(tmp_path: Path) -> None:
    pts, tick = np.array([0, 10, 20]), Fraction(1, 10)
    jpegs = [(0, b"\xff\xd8a"), (10, b"\xff\xd8b"), (15, b"one too many"), (20, b"\xff\xd8c")]
    for name in ("one", "two"):
        assert pack(tmp_path / name, jpegs, pts, tick) == 3
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with zipfile.ZipFile(tmp_path / "one") as file:
        assert file.namelist() == ["000000000.jpg", "000000001.jpg", "000000002.jpg"]
    with pytest.raises(MediaError, match="3 frames have 3 samples; 1 came"):
        pack(tmp_path / "three", [jpegs[0], jpegs[3]], pts, tick)


def test_what_is_no_track_or_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "track"
    path.write_bytes(b"no zip")
    with pytest.raises(IntegrityError, match="track is no sample track"):
        SampleTrack(path)
    pack(path, [(0, b"\xff\xd8" + bytes(100))], np.array([0]), Fraction(1))
    data = bytearray(path.read_bytes())
    data[80] ^= 1
    path.write_bytes(bytes(data))
    with SampleTrack(path) as track:
        for frame in (0, 1):
            with pytest.raises(IntegrityError, match=f"frame {frame} of track cannot be read"):
                track.read(frame)


def test_colours_are_those_of_the_source(tmp_path: Path) -> None:
    """Blue, in a film marked as BT.709: the same blue in JPEG, whose matrix is BT.601."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[..., 2] = 200
    path = tmp_path / "blue.mp4"
    Image.fromarray(picture).save(tmp_path / "blue.png")
    to_bt709 = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", "-color_range", "tv")
    barcode.ffmpeg("-loop", "1", "-i", tmp_path / "blue.png", *to_bt709, "-t", "1", "-pix_fmt", "yuv420p", path)
    made = prepare(path, tmp_path, probe(path), threads=1, timeout_seconds=60, with_proxy=False)
    with SampleTrack(made.samples) as track:
        shown = np.asarray(Image.open(io.BytesIO(track.read(0).jpeg)).convert("RGB")).astype(int)
    assert np.abs(shown - picture).mean() < 2.5
