"""ffmpeg's words: which mean damage, which do not."""

import pytest

from heaters.media.ffmpeg_log import Log


@pytest.mark.parametrize(
    "line",
    [
        "[h264 @ 0x7f68d8003400] [error] error while decoding MB 3 2, bytestream -17",
        "[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] [error] Error submitting packet to decoder: Invalid data found",
        "[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] [warning] corrupt decoded frame",
        "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5] [error] stream 0, offset 0x1234: partial file",
        "[matroska,webm @ 0x5] [error] File ended prematurely",
        "[in#0/mpegts @ 0x5] [warning] Packet corrupt (stream = 0, dts = 277200).",
    ],
)
def test_damage(line: str) -> None:
    log = Log()
    log.take(line)
    assert log.damage
    assert "0x" not in log.damage or "offset 0x1234" in log.damage


@pytest.mark.parametrize(
    "line",
    [
        "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5] [error] Referenced QT chapter track not found",
        "[aist#0:1/aac @ 0x1] [dec:aac @ 0x2] [error] Error submitting packet to decoder: Invalid data found",
        "[aac @ 0x2] [error] channel element 1.0 is not allocated",
        "[h264 @ 0x2] [verbose] Reinit context to 96x64, pix_fmt: yuv420p",
        "[swscaler @ 0x2] [warning] deprecated pixel format used, make sure you did set range correctly",
        "[libx264 @ 0x2] [warning] non-strictly-monotonic PTS",
        "[info] Stream mapping:",
    ],
)
def test_no_damage(line: str) -> None:
    log = Log()
    log.take(line)
    assert log.damage == ""


def test_counts_of_the_summary() -> None:
    log = Log()
    log.take(
        "[in#0/mov @ 0x5] [verbose]   Input stream #0:0 (video): 50 packets read (2013 bytes); "
        "48 frames decoded; 2 decode errors; "
    )
    assert (log.packets_read, log.frames_decoded, log.decode_errors) == (50, 48, 2)
    assert "2 decoder message(s)" in log.damage


def test_a_million_lines_keep_only_a_few() -> None:
    log = Log()
    for number in range(100_000):
        log.take(f"[h264 @ 0x1] [error] error {number}")
    assert log.damage.startswith("100000 decoder message(s), the first: [h264] error 0")
    assert len(log.evidence().splitlines()) == 12


def test_progress_is_read_and_oddities_are_not() -> None:
    told: list[tuple[int, float]] = []
    log = Log(lambda frames, seconds: told.append((frames, seconds)))
    for line in ("frame=25", "fps=0.0", "out_time_us=N/A", "out_time_us=1000000", "out_time_us=-5", "progress=end", ""):
        log.take_progress(line)
    assert told == [(25, 1.0), (25, 0.0)]


def test_frames_that_the_decoder_made_up_are_counted_also_where_lines_repeat() -> None:
    log = Log()
    for line in (
        "[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] [warning] corrupt decoded frame",
        "    Last message repeated 4 times",
        "[h264 @ 0x2] [error] no frame!",
        "    Last message repeated 7 times",
        "[aist#0:1/aac @ 0x1] [dec:aac @ 0x2] [warning] corrupt decoded frame",
        "[vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] [warning] corrupt decoded frame",
        "[in#0/mov @ 0x3] [verbose]   Input stream #0:0 (video): 20 packets read (9 bytes); "
        "16 frames decoded; 4 decode errors; ",
    ):
        log.take(line)
    assert (log.concealed, log.decode_errors) == (6, 4)
    assert log.lost_share == (6 + 4) / (16 + 4)
