"""Exported clips hold exactly their frames, at their times, with their sound, whatever the source."""

from fractions import Fraction
from pathlib import Path

import av
import barcode
import pytest
from media_files import DAMAGED
from prepared_source import Source, make
from sources import SOURCES

from heaters.core import keys
from heaters.errors import MediaError, RuleError, StageTimeout
from heaters.media.cutting import Exported, copy_proxy, export_clip
from heaters.media.examine import examine
from heaters.media.profiles import profile as profile_of
from heaters.media.target import ENCODERS, Target
from heaters.settings import EXPORT_CODECS, EXPORT_PROFILES

# Neither states a time stamp for every packet, or may be entered anywhere: only pictures prove a seek right.
LINEAR_WITHOUT_PICTURES = {
    "avi", "flash", "animation", "bare_stream", "interlaced", "late_start", "mid_gop_transport_stream",
    "spliced_transport_stream", "size_change",
}  # fmt: skip


PROFILES = ("encode", "proxy")


def export(made: Source, out: Path, start: int, end: int, *, profile: str = "encode", **how: object) -> Exported:
    """Export frames `[start, end)` of a prepared source."""
    options: dict[str, object] = {"has_audio": made.prepared.has_audio, "threads": 2, "timeout_seconds": 60, **how}
    origin = made.path if profile == "encode" else made.prepared.proxy
    return profile_of(profile).export(
        origin, out, **made.bounds(start, end) | options, time_base=made.prepared.time_base
    )


def check(made: Source, out: Path, start: int, end: int) -> None:
    """The file's decoded pictures are the clip's frames, each at its time."""
    numbers, seconds = barcode.read_video(out)
    assert numbers == made.numbers[start:end]
    assert seconds == [Fraction(pts - made.pts[start]) * made.prepared.time_base for pts in made.pts[start:end]]


@pytest.mark.parametrize("name", SOURCES)
def test_a_clip_from_the_master_verified_by_its_pictures(source, name: str, tmp_path: Path) -> None:
    made, out = source(name), tmp_path / "clip.mp4"
    count = made.prepared.frame_count
    start, end = count // 3, max(2 * count // 3, count // 3 + 1)
    shapes = made.prepared.shapes.within(start, end)
    exported = export(made, out, start, end, pictures=made.pictures[start:end], shapes=shapes)
    check(made, out, start, end)
    assert exported.frames == end - start
    assert exported.bytes == out.stat().st_size
    assert exported.has_audio == made.prepared.has_audio
    assert list(tmp_path.iterdir()) == [out]
    facts = examine(out)
    assert (facts.codec, facts.pixel_format, facts.rotation, facts.is_faststart) == ("h264", "yuv420p", 0, True)
    assert facts.sample_aspect_ratio == made.probe.sample_aspect_ratio
    width, height = shapes.size(0, end - start)
    assert (facts.width, facts.height) == (exported.width, exported.height) == (width // 2 * 2, height // 2 * 2)


@pytest.mark.parametrize("name", SOURCES)
def test_the_last_frame_from_the_master_without_pictures(source, name: str, tmp_path: Path) -> None:
    made, out = source(name), tmp_path / "clip.mp4"
    count = made.prepared.frame_count
    exported = export(made, out, count - 1, count)
    check(made, out, count - 1, count)
    assert exported.seek == ("linear" if name in LINEAR_WITHOUT_PICTURES else "indexed")


@pytest.mark.parametrize("name", SOURCES)
def test_a_clip_copied_from_the_proxy(source, name: str, tmp_path: Path) -> None:
    made, out = source(name), tmp_path / "clip.mp4"
    count = made.prepared.frame_count
    start, end = count // 2, max(3 * count // 4, count // 2 + 1)
    exported = export(made, out, start, end, profile="proxy")
    check(made, out, start, end)
    assert (exported.frames, exported.has_audio) == (end - start, made.prepared.has_audio)
    assert packets(out) == packets(made.prepared.proxy)[start:end]


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("profile", ["encode", "proxy"])
@pytest.mark.parametrize("name", ["b_frames", "vfr"])
def test_neighbouring_clips_share_no_frame_and_lose_none(source, name: str, profile: str, tmp_path: Path) -> None:
    made = source(name)
    numbers = []
    for start, end in ((0, 1), (1, 24), (24, 26), (26, 50)):
        export(made, tmp_path / "clip.mp4", start, end, profile=profile)
        numbers += barcode.read_video(tmp_path / "clip.mp4")[0]
    assert numbers == list(range(50))


# name → how much later the sound is than the pictures in the source, seconds
SOUND = {"b_frames": 0.0, "edit_list": 0.0, "late_start": 0.0, "audio_first": -0.317, "video_first": 0.4}


@pytest.mark.parametrize("profile", ["encode", "proxy"])
@pytest.mark.parametrize("name", SOUND)
def test_sound_is_in_sync_and_as_long_as_the_clip(source, name: str, profile: str, tmp_path: Path) -> None:
    made, out = source(name), tmp_path / "clip.mp4"
    start, end = 11, 33
    export(made, out, start, end, profile=profile)
    sound = barcode.read_sound(out)
    assert len(sound) / barcode.SAMPLE_RATE == pytest.approx((end - start) / 25, abs=0.03)
    # The first packet after a cut has nothing to overlap with.
    skip = 0.05
    tone = sound[round(skip * barcode.SAMPLE_RATE) : -1024]
    at = made.numbers[start] / 25 - SOUND[name] + skip
    assert abs(barcode.desync_seconds(tone, at)) <= 0.002


def test_a_clip_after_the_sound_has_ended(tmp_path: Path) -> None:
    made = make(barcode.write(tmp_path / "short_sound.mp4", 50, tone_seconds=0.5))
    for profile in PROFILES:
        export(made, tmp_path / "clip.mp4", 30, 40, profile=profile)
        check(made, tmp_path / "clip.mp4", 30, 40)


def test_no_metadata_of_the_source_leaks(source, tmp_path: Path) -> None:
    path = tmp_path / "tagged.mp4"
    tags = ("-metadata", "title=Secret", "-metadata", "location=+48.1+011.5/", "-metadata:s:v", "handler_name=Secret")
    barcode.ffmpeg("-i", source("b_frames").path, "-c", "copy", *tags, path)
    assert b"Secret" in path.read_bytes()
    made = make(path)
    for profile in PROFILES:
        export(made, tmp_path / "clip.mp4", 5, 10, profile=profile)
        assert b"Secret" not in (tmp_path / "clip.mp4").read_bytes()


def test_wrong_pictures_are_noticed(source, tmp_path: Path) -> None:
    """The right number of frames, one frame too late, is still the wrong clip."""
    made = source("b_frames")
    with pytest.raises(MediaError, match="differs from the prepared one"):
        export(made, tmp_path / "clip.mp4", 10, 20, pictures=made.pictures[11:21])


@pytest.mark.parametrize("profile", ["encode", "proxy"])
def test_a_wrong_number_of_frames_is_noticed(source, profile: str, tmp_path: Path) -> None:
    made = source("b_frames")
    with pytest.raises(MediaError, match="11 frames were expected, 10 came"):
        export(made, tmp_path / "clip.mp4", 10, 20, profile=profile, frame_count=11)


def test_a_span_beyond_the_end_is_an_error(source, tmp_path: Path) -> None:
    made = source("b_frames")
    bounds = {"start_pts": 10**6, "end_pts": 10**6 + 512, "frame_count": 1, "time_base": made.prepared.time_base}
    for export_one, path in ((export_clip, made.path), (copy_proxy, made.prepared.proxy)):
        with pytest.raises(MediaError):
            export_one(path, tmp_path / "c.mp4", **bounds, has_audio=True, threads=1, timeout_seconds=60)


def test_an_empty_span_is_refused(source, tmp_path: Path) -> None:
    made = source("b_frames")
    with pytest.raises(RuleError, match="0 ≤ start < end"):
        export(made, tmp_path / "clip.mp4", 10, 10)


@pytest.mark.parametrize("name", ["flipped_mp4", "short_mkv", "flipped_hevc"])
def test_clips_of_a_damaged_master_are_those_that_were_reviewed(name: str, tmp_path: Path) -> None:
    made = make(DAMAGED[name](tmp_path), is_legible=False)
    count = made.prepared.frame_count
    for start, end in ((0, count // 2), (count // 2, count)):
        export(made, tmp_path / "clip.mp4", start, end, pictures=made.pictures[start:end])
        with av.open(str(tmp_path / "clip.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == end - start


def test_only_an_intra_file_can_be_copied_from(source, tmp_path: Path) -> None:
    made = source("b_frames")
    with pytest.raises(MediaError, match="no proxy"):
        copy_proxy(
            made.path, tmp_path / "c.mp4", **made.bounds(1, 5), time_base=made.prepared.time_base,
            has_audio=False, threads=1, timeout_seconds=60,
        )  # fmt: skip


def test_a_timeout_ends_it(source, tmp_path: Path) -> None:
    with pytest.raises(StageTimeout):
        export(source("vfr"), tmp_path / "clip.mp4", 5, 45, timeout_seconds=0.01)


def test_every_profile_of_the_settings_is_there() -> None:
    words = {keys.params(profile_of(name).settings) for name in EXPORT_PROFILES if name != "none"}
    assert len(words) == 3
    assert set(ENCODERS) == set(EXPORT_CODECS)


def test_files_of_the_old_profile_source_keep_their_names() -> None:
    assert keys.clip_export("0" * 64, 0, 40, "encode", "25efbe1c2c").endswith("/source-25efbe1c2c.mp4")


@pytest.mark.parametrize(
    ("target", "codec", "size", "count"),
    [
        (Target(crf=30), "h264", (96, 64), 24),
        (Target(codec="hevc"), "hevc", (96, 64), 24),
        (Target(codec="av1", crf=20), "av1", (96, 64), 24),
        (Target(width=48, height=48), "h264", (48, 32), 24),
        (Target(width=1280, height=720), "h264", (96, 64), 24),
        (Target(rate=Fraction(10)), "h264", (96, 64), 10),
        (Target(rate=Fraction(50)), "h264", (96, 64), 48),
    ],
)
def test_encode_writes_the_form_that_is_asked_for(
    source, target: Target, codec: str, size: tuple[int, int], count: int, tmp_path: Path
) -> None:
    made, out = source("b_frames"), tmp_path / "clip.mp4"
    exported = export(made, out, 10, 34, pictures=made.pictures[10:34], target=target)
    facts = examine(out)
    assert (facts.codec, (facts.width, facts.height)) == (codec, size)
    assert exported.frames == pytest.approx(count, abs=1)
    if not target.rate:
        check(made, out, 10, 34)
    assert keys.params(profile_of("encode", target).settings) != keys.params(profile_of("encode").settings)
