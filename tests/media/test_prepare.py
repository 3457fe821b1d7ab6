"""One decode: proxy, analysis frames and PTS of every kind of source agree frame by frame, and in time."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import barcode
import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import DAMAGED
from sources import B_FRAMES, SOURCES, vfr_pts

from heaters.errors import ChildDied, MediaError, StageTimeout
from heaters.media.examine import examine
from heaters.media.prepare import prepare
from heaters.media.probe import probe
from heaters.media.proxy import PROXY_SETTINGS, is_fit_proxy, proxy_size
from heaters.media.sniff import moov_comes_first

# What the frames of a source show, where that is not 0, 1, 2, …
FIRST_NUMBER = {"edit_list": 13, "mid_gop_transport_stream": 24}
QUARTER_TURNS = {"turned_90": 1, "turned_180": 2, "turned_270": 3}
PARTIAL = {"mid_gop_transport_stream", "spliced_transport_stream", "size_change"}


@pytest.mark.parametrize("name", SOURCES)
def test_proxy_analysis_and_pts_are_the_same_frames(source, name: str) -> None:
    made = source(name)
    prepared = made.prepared
    first = FIRST_NUMBER.get(name, 0)
    assert made.numbers == list(range(first, first + prepared.frame_count))
    assert len(made.pts) == len(made.pictures) == prepared.frame_count
    readings = [barcode.read(picture) for picture in made.pictures]
    assert [reading.number for reading in readings] == made.numbers
    assert {reading.quarter_turns for reading in readings} == {QUARTER_TURNS.get(name, 0)}
    assert prepared.is_partial == (name in PARTIAL)
    assert prepared.has_audio == made.probe.has_audio
    assert not prepared.audio_dropped


@pytest.mark.parametrize("name", SOURCES)
def test_the_proxys_own_timeline_is_the_pts(source, name: str) -> None:
    made = source(name)
    prepared = made.prepared
    _, seconds = barcode.read_video(prepared.proxy)
    assert seconds == [pts * prepared.time_base for pts in made.pts]
    assert made.pts == sorted(set(made.pts))
    assert made.pts[0] >= 0
    assert prepared.end_pts > made.pts[-1]
    assert prepared.duration_seconds == float(prepared.end_pts * prepared.time_base)


@pytest.mark.parametrize("name", SOURCES)
def test_the_proxy_is_fit_for_review(source, name: str) -> None:
    made = source(name)
    facts = examine(made.prepared.proxy)
    assert is_fit_proxy(facts)
    assert facts.intra_packets == made.prepared.frame_count
    assert (facts.width, facts.height) == proxy_size(made.probe.width, made.probe.height)
    assert (facts.rotation, facts.sample_aspect_ratio) == (0, 1)
    assert moov_comes_first(made.prepared.proxy)
    assert facts.audio_codec == ("aac" if made.probe.has_audio else "")
    with av.open(str(made.prepared.proxy)) as container:
        assert len(container.streams) == 1 + made.probe.has_audio


@pytest.mark.parametrize(
    "name", ["b_frames", "odd_sides", "turned_90", "hevc_open_gop", "full_chroma", "interlaced", "vfr"]
)
def test_analysis_frames_equal_ffmpegs_own_scaling(source, name: str, tmp_path: Path) -> None:
    """The reference network's authors feed it with `ffmpeg -s 48x27 -pix_fmt rgb24`."""
    made, out = source(name), tmp_path / "reference.rgb"
    how = ("-map", "0:v:0", "-s", "48x27", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-f", "rawvideo", str(out))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(made.path), *how]
    subprocess.run(command, check=True)
    assert np.array_equal(np.fromfile(out, np.uint8), made.pictures.reshape(-1))


def test_variable_frame_rate_keeps_every_time(source) -> None:
    made = source("vfr")
    assert made.pts == vfr_pts(50)
    assert made.prepared.time_base == Fraction(1, 90000)
    assert made.prepared.is_vfr


@pytest.mark.parametrize(
    "name", ["b_frames", "film", "ntsc", "ntsc_60", "hevc_open_gop", "webm_without_durations", "flash"]
)
def test_rounded_time_stamps_are_still_a_constant_rate(source, name: str) -> None:
    assert not source(name).prepared.is_vfr


def test_the_first_frame_may_come_after_the_start(source) -> None:
    made = source("audio_first")
    assert made.pts[0] * made.prepared.time_base == Fraction(317, 1000)
    assert made.pts[1] * made.prepared.time_base == Fraction(357, 1000)


def test_equal_time_stamps_are_moved_apart_by_a_tick_and_counted(source) -> None:
    made = source("equal_pts")
    assert made.prepared.repaired_pts == 3
    assert made.pts[4:13] == [160, 200, 201, 280, 320, 360, 400, 401, 402]
    assert source("b_frames").prepared.repaired_pts == 0


def test_a_single_frame_lasts_as_long_as_its_rate_says(source) -> None:
    made = source("one_frame").prepared
    assert (made.frame_count, made.duration_seconds) == (1, 0.04)


# name → how much later the sound is than the pictures in the source, seconds
SOUND = {"b_frames": 0.0, "edit_list": 0.0, "late_start": 0.0, "audio_first": -0.317, "video_first": 0.4}


@pytest.mark.parametrize("name", SOUND)
def test_sound_stays_in_sync(source, name: str) -> None:
    made = source(name)
    sound = barcode.read_sound(made.prepared.proxy)[: 2 * barcode.SAMPLE_RATE]
    at_frame_0 = made.numbers[0] / 25 - SOUND[name]
    start = at_frame_0 - float(made.pts[0] * made.prepared.time_base)
    skip = max(0.0, -start) + 0.1  # silence before the sound begins
    tone = sound[round(skip * barcode.SAMPLE_RATE) :]
    assert abs(barcode.desync_seconds(tone, start + skip)) <= 0.002


def test_a_fit_proxy_is_reused_as_it_is(source, tmp_path: Path) -> None:
    fit = source("b_frames").prepared.proxy
    again = prepare(fit, tmp_path, probe(fit), threads=2, timeout_seconds=60)
    assert again.reused
    assert again.proxy == fit
    assert again.compression_ratio == 1
    assert not (tmp_path / "proxy.mp4").exists()
    assert np.load(again.pts).tolist() == source("b_frames").pts
    assert (again.end_pts, again.has_audio) == (source("b_frames").prepared.end_pts, True)


def test_an_intra_file_that_is_not_quite_fit_is_encoded(tmp_path: Path) -> None:
    intra = {"preset": "ultrafast", "g": "1"}
    no_index_first = barcode.write(tmp_path / "a.mp4", 10, options=intra)
    assert not is_fit_proxy(probe(no_index_first))
    full_chroma = barcode.write(
        tmp_path / "b.mp4", 10, options=intra, pix_fmt="yuv444p", container_options={"movflags": "faststart"}
    )
    assert not is_fit_proxy(probe(full_chroma))
    assert not prepare(full_chroma, tmp_path, probe(full_chroma), threads=1, timeout_seconds=60).reused


@pytest.mark.parametrize("name", DAMAGED)
def test_the_decodable_part_of_a_damaged_source_is_kept(name: str, tmp_path: Path) -> None:
    path = DAMAGED[name](tmp_path)
    made = prepare(path, tmp_path, probe(path), threads=2, timeout_seconds=60)
    pts = np.load(made.pts)
    assert 10 < made.frame_count == len(pts) == made.analysis.stat().st_size // 3888
    assert np.all(np.diff(pts) > 0)
    if name != "short_ts":  # a transport stream never says how long it is
        assert made.is_partial
        assert made.partial_reason
    with av.open(str(made.proxy)) as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) == made.frame_count


def test_sound_that_does_not_decode_costs_no_picture(tmp_path: Path) -> None:
    made = barcode.write(
        tmp_path / "fine.mkv",
        25,
        options=B_FRAMES,
        tone_seconds=1,
        tone_codec="flac",
        time_base=Fraction(1, 1000),
        pts=[40 * n for n in range(25)],
    )
    data = bytearray(made.read_bytes())
    at = 0
    while (at := data.find(b"\xff\xf8", at)) >= 0:  # the sync word of each FLAC frame
        data[at : at + 6] = bytes(6)
        at += 6
    path = tmp_path / "mute.mkv"
    path.write_bytes(bytes(data))
    facts = probe(path)
    assert facts.has_audio
    prepared = prepare(path, tmp_path, facts, threads=1, timeout_seconds=60)
    assert prepared.frame_count == 25
    assert barcode.read_video(prepared.proxy)[0] == list(range(25))


def test_progress_is_told(source, tmp_path: Path) -> None:
    told: list[tuple[int, float]] = []
    path = source("b_frames").path
    prepare(path, tmp_path, probe(path), threads=1, timeout_seconds=60, on_progress=lambda *at: told.append(at))
    assert told[-1][0] == 50
    assert told[-1][1] == pytest.approx(2, abs=0.1)


def test_a_timeout_ends_it(source, tmp_path: Path) -> None:
    with pytest.raises(StageTimeout):
        prepare(source("vfr").path, tmp_path, source("vfr").probe, threads=1, timeout_seconds=0.01)


def test_too_little_memory_says_what_is_known(source, tmp_path: Path) -> None:
    made = source("b_frames")
    with pytest.raises((ChildDied, MediaError), match=r"(exit status|SIG\w+).*resident"):
        prepare(made.path, tmp_path, made.probe, threads=1, timeout_seconds=60, memory_bytes=150 * 2**20)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_proxy_sides(width: int, height: int) -> None:
    proxy_width, proxy_height = proxy_size(width, height)
    assert proxy_width % 2 == proxy_height % 2 == 0
    assert proxy_width <= max(min(1280, width), 2)
    assert proxy_height <= max(min(720, height), 2)
    if proxy_width > 40 and proxy_height > 40:
        assert proxy_width / proxy_height == pytest.approx(width / height, rel=0.05)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [((1920, 1080), (1280, 720)), ((1080, 1920), (404, 720)), ((3840, 1600), (1280, 532)), ((97, 53), (96, 52))],
)
def test_proxy_sides_of_known_pictures(sides: tuple[int, int], expected: tuple[int, int]) -> None:
    assert proxy_size(*sides) == expected


def test_the_settings_name_what_the_output_depends_on() -> None:
    assert {"preset", "crf", "max_width", "max_height", "version"} <= PROXY_SETTINGS.keys()


def test_a_film_of_mostly_damaged_frames_is_refused_and_counted(tmp_path: Path) -> None:
    path = DAMAGED["flipped_mkv"](tmp_path)
    made = prepare(path, tmp_path, examine(path), threads=2, timeout_seconds=60)
    assert made.is_partial
    assert made.concealed > 0
    with pytest.raises(MediaError, match=r"\d+ of \d+ frames are damaged: .* at most 10% may be \(HEATERS_MOST_DAMAGE"):
        prepare(path, tmp_path, examine(path), threads=2, timeout_seconds=60, most_damage=0.1)
