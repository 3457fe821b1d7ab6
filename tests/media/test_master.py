"""What is read from a master: frames by their time stamps, checked by their looks, and stretches of its sound."""

import io
from fractions import Fraction
from pathlib import Path

import barcode
import numpy as np
import pytest
from PIL import Image
from prepared_source import Source
from sources import SOURCES

from heaters.errors import MediaError, RuleError
from heaters.media.listen import RATE
from heaters.media.master import Master
from heaters.media.samples import SampleTrack

SILENT_DBFS = -50.0


def master(made: Source, folder: Path) -> Master:
    return Master(path=made.path, probe=made.probe, folder=folder, has_audio=made.prepared.has_audio, threads=2)


@pytest.mark.parametrize("name", SOURCES)
def test_frames_by_their_times(source, name: str, tmp_path: Path) -> None:
    made = source(name)
    last = made.prepared.frame_count - 1
    wanted = sorted({last // 3, last // 2, last})
    times = [made.pts[frame] for frame in wanted]
    jpegs = master(made, tmp_path).frames(times, made.prepared.time_base, made.pictures[wanted])
    shown = [barcode.read(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))).number for jpeg in jpegs]
    assert shown == [made.numbers[frame] for frame in wanted]


def test_a_frame_is_the_same_as_in_the_sample_track(source, tmp_path: Path) -> None:
    made = source("b_frames")
    with SampleTrack(made.prepared.samples) as track:
        frames = track.frames.tolist()
        sampled = [track.read(frame).jpeg for frame in frames]
    times = [made.pts[frame] for frame in frames]
    assert master(made, tmp_path).frames(times, made.prepared.time_base, made.pictures[frames]) == sampled


def test_other_looks_are_refused(source, tmp_path: Path) -> None:
    made = source("b_frames")
    with pytest.raises(MediaError, match="cannot be reached"):
        master(made, tmp_path).frames([made.pts[3]], made.prepared.time_base, 255 - made.pictures[3:4])
    with pytest.raises(RuleError, match="rising times"):
        master(made, tmp_path).frames([made.pts[3]] * 2, made.prepared.time_base, made.pictures[3:5])


# As in tests/media/test_prepare.py: how much later the sound is than the pictures in the source, seconds.
SOUND = {"b_frames": 0.0, "edit_list": 0.0, "late_start": 0.0, "audio_first": -0.317, "video_first": 0.4, "flash": 0.0}


@pytest.mark.parametrize("name", SOUND)
def test_sound_is_on_the_timeline_of_the_frames(source, name: str, tmp_path: Path) -> None:
    made = source(name)
    start = 0.6
    sound = master(made, tmp_path).sound(Fraction(start), Fraction(1))
    samples = sound.samples[: round(0.3 * RATE)]
    at_frame_0 = made.numbers[0] / 25 - SOUND[name]
    shown = at_frame_0 - float(made.pts[0] * made.prepared.time_base) + start
    if name == "flash":  # its clock has whole milliseconds
        assert np.abs(samples).max() > 0.1
    else:
        finer = np.interp(np.arange(0, len(samples), RATE / barcode.SAMPLE_RATE), np.arange(len(samples)), samples)
        assert abs(barcode.desync_seconds(finer.astype(np.float32), shown)) <= 0.003
    heard = sound.heard(start, 0.9, silent_dbfs=SILENT_DBFS)
    assert heard.silence_share == 0
    assert sound.heard(50.0, 51.0, silent_dbfs=SILENT_DBFS).loudness_dbfs is None


def test_a_master_without_sound_is_said(source, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="has no sound"):
        master(source("film"), tmp_path).sound(Fraction(0), Fraction(1))
