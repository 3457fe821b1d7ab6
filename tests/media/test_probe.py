"""Facts of files, and refusals that say what the file looks like."""

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import barcode
import pytest
from media_files import BROKEN
from PIL import Image

from heaters.errors import ChildDied, MediaError, StoreError
from heaters.media.probe import probe


def test_facts_of_an_ordinary_video(source) -> None:
    facts = source("b_frames").probe
    assert facts.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert (facts.codec, facts.audio_codec, facts.has_audio) == ("h264", "aac", True)
    assert (facts.width, facts.height, facts.rotation) == (96, 64, 0)
    assert (facts.pixel_format, facts.bit_depth) == ("yuv420p", 8)
    assert (facts.frame_rate, facts.time_base) == (Fraction(25), Fraction(1, 12800))
    assert (facts.start_seconds, facts.duration_seconds) == (0, 2)
    assert facts.size_bytes == source("b_frames").path.stat().st_size
    assert facts.intra_packets is None  # B frames


@pytest.mark.parametrize(("name", "rotation"), [("turned_90", 270), ("turned_180", 180), ("turned_270", 90)])
def test_sides_are_as_displayed(source, name: str, rotation: int) -> None:
    facts = source(name).probe
    assert facts.rotation == rotation  # clockwise; ffmpeg's option counts the other way
    assert (facts.coded_width, facts.coded_height) == (96, 64)
    assert (facts.width, facts.height) == ((96, 64) if rotation == 180 else (64, 96))


def test_pixel_aspect_ratio_widens(source) -> None:
    facts = source("wide_pixels").probe
    assert facts.sample_aspect_ratio == Fraction(4, 3)
    assert (facts.width, facts.height) == (128, 64)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ntsc", {"frame_rate": Fraction(30000, 1001), "time_base": Fraction(1, 30000)}),
        ("film", {"frame_rate": Fraction(24000, 1001)}),
        ("hevc_open_gop", {"codec": "hevc", "bit_depth": 10, "pixel_format": "yuv420p10le", "has_audio": False}),
        ("full_chroma", {"pixel_format": "yuv444p"}),
        ("av1", {"codec": "av1"}),
        ("odd_sides", {"width": 97, "height": 53}),
        ("webm_without_durations", {"codec": "vp9", "stated_end_seconds": None, "audio_codec": "opus"}),
        ("audio_first", {"start_seconds": 0.317}),
        ("cover_art", {"codec": "h264", "width": 96}),
        ("edit_list", {"duration_seconds": 1.48}),
        ("one_frame", {"has_audio": False}),
    ],
)
def test_facts_of_unusual_videos(source, name: str, expected: dict[str, object]) -> None:
    facts = source(name).probe
    got = {key: getattr(facts, key) for key in expected}
    assert got == {key: pytest.approx(value) if isinstance(value, float) else value for key, value in expected.items()}


def test_the_default_stream_is_chosen_and_then_the_largest(tmp_path: Path) -> None:
    small = barcode.write(tmp_path / "small.mp4", 5, width=64, height=48)
    large = barcode.write(tmp_path / "large.mp4", 5, width=128, height=96)
    both = tmp_path / "both.mkv"
    maps = ("-map", "0", "-map", "1", "-c", "copy")
    barcode.ffmpeg("-i", small, "-i", large, *maps, "-disposition", "0", both)
    assert probe(both).width == 128
    barcode.ffmpeg("-i", small, "-i", large, *maps, "-disposition:0", "default", "-disposition:1", "0", both)
    assert probe(both).width == 64


@pytest.mark.parametrize("name", BROKEN)
def test_refusal_says_what_it_looks_like(tmp_path: Path, name: str) -> None:
    make, phrase = BROKEN[name]
    path = make(tmp_path)
    with pytest.raises(MediaError, match=phrase) as caught:
        probe(path)
    assert path.name in str(caught.value)
    assert not caught.value.retryable


def test_an_intra_only_matroska_is_no_edit_list_bomb(tmp_path: Path) -> None:
    """A cluster holds many small frames, and Matroska's index names each of them by the cluster's place."""
    path = tmp_path / "black.mkv"
    black = ("-f", "lavfi", "-i", "color=black:s=64x48:r=25:d=1")
    barcode.ffmpeg(*black, "-c:v", "libx264", "-g", "1", "-pix_fmt", "yuv420p", path)
    assert probe(path).codec == "h264"


def test_an_animated_webp_is_not_called_a_still_image(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    pictures[0].save(tmp_path / "film.webp", save_all=True, append_images=pictures[1:], duration=100)
    pictures[0].save(tmp_path / "still.webp")
    with pytest.raises(MediaError, match="an animated WebP, which cannot be decoded yet; convert it to"):
        probe(tmp_path / "film.webp")
    with pytest.raises(MediaError, match="a still image, not a video"):
        probe(tmp_path / "still.webp")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no file"):  # of this machine: another may see it
        probe(tmp_path / "missing.mp4")


@pytest.mark.parametrize("name", ["-i.mp4", "concat:a|b.mp4", "100%d ünï 'quoted'.mp4", "http:x.mp4"])
def test_odd_names_are_just_names(source, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copy(source("b_frames").path, path)
    assert probe(path).width == 96


def test_a_broken_value_cannot_exist(source) -> None:
    with pytest.raises(MediaError, match="rotation is 0, 90, 180 or 270; got 45"):
        replace(source("b_frames").probe, rotation=45)
    with pytest.raises(MediaError, match="above 0"):
        replace(source("b_frames").probe, width=0)


def test_the_child_is_held_to_its_limit(source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heaters.media.probe.MEMORY_BYTES", 48 * 2**20)
    with pytest.raises(ChildDied, match="without a reason"):
        probe(source("b_frames").path)
