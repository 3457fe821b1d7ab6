"""ffmpeg's command lines, and running it."""

import os
import signal
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from processes import descendants, is_ffmpeg

from heaters.errors import ChildDied, MediaError, RuleError, StoreError
from heaters.media import ffmpeg
from heaters.media.ffmpeg import Encoding, Span
from heaters.media.probe import Probe

FACTS = Probe(
    container="matroska,webm", codec="vp9", width=1920, height=1080, coded_width=1920, coded_height=1080,
    sample_aspect_ratio=Fraction(1), rotation=0, pixel_format="yuv420p", bit_depth=8, frame_rate=Fraction(25),
    time_base=Fraction(1, 1000), start_seconds=0, duration_seconds=10, stated_end_seconds=None, video_stream_index=2,
    sound_indices=(1,), audio_codec="opus", size_bytes=1, intra_packets=None, is_faststart=False,
)  # fmt: skip
FAST = Encoding(preset="veryfast", crf=18, keyframe_every=0, audio_bitrate="192k")
SPAN = Span(start_pts=5000, end_pts=7000, time_base=Fraction(1, 1000), frames=50)
SOURCE, OUT = Path("/videos/a b.webm"), Path("/tmp/out.mp4")


def following(arguments: list[str], option: str) -> list[str]:
    """What follows each occurrence of `option`."""
    return [after for before, after in pairwise(arguments) if before == option]


def cut(**how: object) -> list[str]:
    options: dict[str, object] = {"seek_margin_seconds": 1.0, "threads": 3, "has_audio": True, "looks": None, **how}
    return ffmpeg.cut(SOURCE, OUT, FACTS, SPAN, FAST, **options)  # type: ignore[arg-type]


def test_the_source_is_read_as_untrusted() -> None:
    arguments = ffmpeg.read_file(SOURCE, FACTS, threads=3)
    assert following(arguments, "-i") == ["file:/videos/a b.webm"]
    assert following(arguments, "-protocol_whitelist") == ["file"]
    assert following(arguments, "-format_whitelist") == ["matroska,webm"]
    assert following(arguments, "-threads") == ["3"]
    assert "-max_pixels" in arguments


def test_the_proxy_is_all_intra_with_its_index_first() -> None:
    intra = replace(FAST, keyframe_every=1)
    arguments = ffmpeg.write_proxy(OUT, FACTS, intra, width=1280, height=720, threads=2, has_audio=True)
    assert following(arguments, "-map") == ["0:2", "0:1"]
    assert following(arguments, "-g") == ["1"]
    assert following(arguments, "-fps_mode") == ["passthrough"]
    assert following(arguments, "-enc_time_base:v") == ["demux"]
    assert following(arguments, "-movflags") == ["+faststart"]
    assert following(arguments, "-video_track_timescale") == following(arguments, "-movie_timescale") == ["16000"]
    assert arguments[-1] == "file:/tmp/out.mp4"
    assert "pad=1280:720:(ow-iw)/2:(oh-ih)/2:eval=frame,setsar=1" in following(arguments, "-vf")[0]
    silent = ffmpeg.write_proxy(OUT, FACTS, intra, width=1280, height=720, threads=2, has_audio=False)
    assert following(silent, "-map") == ["0:2"]
    assert "-c:a" not in silent


def test_a_cut_by_the_index_seeks_early_and_trims_by_integers() -> None:
    arguments = cut()
    assert {"-copyts", "-start_at_zero", "-noaccurate_seek"} <= set(arguments)
    assert following(arguments, "-ss") == ["4.000000"]
    assert arguments.index("-ss") < arguments.index("-i")
    assert "trim=start_pts=5000:end_pts=7000,setpts=PTS-5000" in following(arguments, "-vf")[0]
    assert "atrim=start=5000000us:end=7000000us" in following(arguments, "-af")[0]
    assert "-g" not in arguments


def test_a_linear_cut_keeps_the_time_stamps_of_prepare() -> None:
    arguments = cut(seek_margin_seconds=None)
    assert not {"-copyts", "-start_at_zero", "-ss"} & set(arguments)
    assert following(arguments, "-vf")[0].startswith(ffmpeg.REPAIR)


def test_a_seek_is_never_before_the_start() -> None:
    assert following(cut(seek_margin_seconds=9.0), "-ss") == ["0.000000"]


def test_pictures_for_comparison_come_from_the_same_trim() -> None:
    arguments = cut(looks=Path("/tmp/looks.rgb"))
    assert arguments[-1] == "file:/tmp/looks.rgb"
    first, second = following(arguments, "-vf")
    assert first.split(",format")[0] == second.split(",scale")[0]


def test_a_copy_selects_packets_by_integers() -> None:
    arguments = ffmpeg.copy(SOURCE, OUT, FACTS, SPAN, has_audio=True)
    assert following(arguments, "-c") == ["copy"]
    assert following(arguments, "-bsf:v") == ["noise=drop='lt(pts,5000)+gte(pts,7000)',setts=ts=TS-5000"]
    assert following(arguments, "-ss") == ["4.500000"]
    assert following(arguments, "-to") == ["7.500000"]


@pytest.mark.parametrize(
    ("base", "scale"),
    [(Fraction(1, 1000), 16000), (Fraction(1, 25), 12800), (Fraction(1001, 30000), 30000), (Fraction(1, 90000), 90000)],
)
def test_timescale_holds_every_tick(base: Fraction, scale: int) -> None:
    assert ffmpeg.timescale(base) == scale
    assert (base * scale).denominator == 1


def test_a_span_in_other_ticks_is_exact_or_refused() -> None:
    assert SPAN.in_ticks(Fraction(1, 16000)).start_pts == 80_000
    with pytest.raises(MediaError, match="cannot hold"):
        replace(SPAN, start_pts=5001).in_ticks(Fraction(1, 500))
    with pytest.raises(RuleError, match="start < end"):
        replace(SPAN, end_pts=5000)


def test_the_binary_has_what_is_asked_of_it() -> None:
    for listing, names in (
        ("-encoders", ("libx264", "aac")),
        ("-filters", ("trim", "atrim", "setpts", "asetpts", "aresample", "scale", "setsar", "crop")),
        ("-bsfs", ("noise", "setts")),
    ):
        said = subprocess.run([ffmpeg.binary(), "-hide_banner", listing], capture_output=True, text=True, check=True)
        assert set(names) <= set(said.stdout.split())


def test_a_failure_carries_ffmpegs_own_words(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(MediaError, match=r"ffmpeg failed \(exit status \d+, .*\)\n(.|\n)*Invalid data"):
        ffmpeg.run(["-i", str(tmp_path / "text.mp4"), "-f", "null", "-"], timeout_seconds=20, memory_bytes=2**31)


def test_a_missing_file_is_no_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        ffmpeg.run(["-i", str(tmp_path / "missing.mp4"), "-f", "null", "-"], timeout_seconds=20, memory_bytes=2**31)


def test_an_ffmpeg_that_is_stopped_is_no_fault_of_the_file() -> None:
    def stop(_: int, __: float) -> None:
        for pid in [pid for pid, command in descendants() if is_ffmpeg(command)]:
            os.kill(pid, signal.SIGTERM)

    endless = ["-re", "-f", "lavfi", "-i", "testsrc=d=60", "-f", "null", "-"]
    with pytest.raises(ChildDied, match=r"exit status 255(.|\n)*received signal 15"):
        ffmpeg.run(endless, timeout_seconds=20, memory_bytes=2**31, on_progress=stop)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_no_fault_of_the_file() -> None:
    arguments = ["-f", "lavfi", "-i", "testsrc=d=1", "-c:v", "rawvideo", "-f", "rawvideo", "file:/dev/full"]
    with pytest.raises(StoreError, match="disk is full") as caught:
        ffmpeg.run(arguments, timeout_seconds=20, memory_bytes=2**31)
    assert caught.value.retryable
