"""A cut names one picture, everywhere: frame index, PTS, the proxy's frame, the first frame of the exported clip.

The truth is read from the source itself by another decoder, which knows nothing of what `prepare` made of it.
"""

from fractions import Fraction
from pathlib import Path

import av
import barcode
import numpy as np
import pytest
from prepared_source import Source

from heaters.core.layout import Evidence, Rules
from heaters.core.timebase import PtsTable, TimeBase
from heaters.media.frames import FrameReader
from heaters.media.profiles import profile as profile_of
from heaters.stages import detect

# The kinds that go wrong elsewhere. Name → where the first picture shown lies, in seconds after the container's start.
TABLE = {
    "vfr": 0,
    "b_frames": 0,
    "film": 0,  # 23.976
    "ntsc": 0,  # 29.97
    "ntsc_60": 0,  # 59.94, in Matroska's milliseconds
    "edit_list": 0,
    "late_start": None,  # the container starts at 7.3 s, its sound a little before its pictures
    "audio_first": Fraction(317, 1000),
    "video_first": 0,
    "turned_90": 0,
    "turned_180": 0,
    "turned_270": 0,
    "interlaced": 0,
    "hevc_open_gop": 0,
    "webm_without_durations": 0,
    "odd_sides": 0,
    "mid_gop_transport_stream": None,  # what cannot be decoded comes first, at a time of its own
}


def true_times(path: Path) -> dict[int, Fraction]:
    """When each picture is shown, by its number, in seconds after the container's start: what PyAV decodes."""
    numbers, seconds = barcode.read_video(path)
    with av.open(str(path)) as container:
        start = Fraction(container.start_time or 0, av.time_base)
    return {number: time - start for number, time in zip(numbers, seconds, strict=True)}


def cut_rows(made: Source, frames: list[int]) -> tuple[list[dict], list[dict]]:
    """What detection writes for a source whose network is sure of cuts at `frames`."""
    count = len(made.pts)
    base = TimeBase(num=made.prepared.time_base.numerator, den=made.prepared.time_base.denominator)
    single = np.zeros(count)
    single[[frame - 1 for frame in frames]] = 0.9
    cuts, clips = detect.kernel(
        Evidence.of(single.tolist()), PtsTable.of(made.pts, base, made.prepared.end_pts), Rules()
    )
    return list(cuts), list(clips)


@pytest.mark.parametrize("name", TABLE)
def test_frame_pts_proxy_and_export_are_the_same_picture(source, name: str, tmp_path: Path) -> None:
    made: Source = source(name)
    base, count = made.prepared.time_base, made.prepared.frame_count
    wanted = [count // 4, count // 2, count - 2]
    cuts, clips = cut_rows(made, wanted)
    assert [cut["frame"] for cut in cuts] == wanted
    true, first = true_times(made.path), TABLE[name]
    assert first is None or true[made.numbers[0]] == pytest.approx(float(first), abs=0.0011)
    tick = max(base, Fraction(1, av.time_base))  # the container's start is kept in microseconds
    for cut in cuts:
        number = made.numbers[cut["frame"]]
        assert abs(cut["pts"] * base - true[number]) <= tick, "the time of a cut is that of the source's own picture"
        (picture,) = FrameReader(made.prepared.proxy).read([cut["frame"]])
        assert barcode.read(picture).number == number, "the proxy's frame of that index is that picture"
        assert barcode.read(made.pictures[cut["frame"]]).number == number, "and so is the analysis frame"
    assert [clip["start_frame"] for clip in clips[1:]] == wanted
    assert [clip["start_pts"] for clip in clips[1:]] == [cut["pts"] for cut in cuts]
    clip = clips[1]
    start, end = clip["start_frame"], clip["end_frame"]
    how = {"time_base": base, "has_audio": made.prepared.has_audio, "threads": 1, "timeout_seconds": 60}
    for profile, origin in (("copy", made.path), ("encode", made.path), ("proxy", made.prepared.proxy)):
        out = tmp_path / f"{profile}.mp4"
        span = {"start_pts": clip["start_pts"], "end_pts": clip["end_pts"], "frame_count": end - start}
        profile_of(profile).export(origin, out, **span, **how, pictures=made.pictures[start:end])
        numbers, seconds = barcode.read_video(out)
        assert numbers == made.numbers[start:end], "the file holds the clip's pictures"
        after = [Fraction(made.pts[frame] - clip["start_pts"]) * base for frame in range(start, end)]
        assert seconds == after, "each as long after the cut as in the source"


def test_a_rate_guessed_from_the_average_would_be_wrong(source) -> None:
    """The peers' `index / average rate` misses this source's cuts by more than a frame."""
    made: Source = source("vfr")
    average = len(made.pts) / (made.prepared.end_pts * made.prepared.time_base)
    cuts, _ = cut_rows(made, [10, 25, 40])
    off = [abs(float(cut["pts"] * made.prepared.time_base - cut["frame"] / average)) for cut in cuts]
    assert max(off) > 0.05
