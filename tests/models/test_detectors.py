"""The detectors behind one interface: what each finds, and what each needs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaters.core.layout import Evidence, Layout, Rules
from heaters.core.states import CutKind
from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import ConfigError
from heaters.models import scenedetect_scores
from heaters.models.detectors import DETECTORS, Footage, build, stride_frames
from heaters.models.raw_frames import RawFrames
from heaters.models.windows import Frames, Source
from heaters.settings import DETECTORS as NAMES
from heaters.settings import Settings

MILLISECONDS = TimeBase(num=1, den=1000)


def table(count: int) -> PtsTable:
    return PtsTable.of(range(0, 40 * count, 40), MILLISECONDS, 40 * count)


def shots(*lengths: int, seed: int = 3) -> Frames:
    """Shots of noise that drifts a little: every cut is a jump in colour."""
    dice = np.random.default_rng(seed)
    frames = []
    for length in lengths:
        base = dice.integers(0, 256, (1, 1, 3)) * np.ones((27, 48, 1)) * 0.7
        frames += [np.clip(base + i % 3 + dice.integers(0, 6, (27, 48, 3)), 0, 255) for i in range(length)]
    return np.stack(frames).astype(np.uint8)


def look(name: str, frames: Source, pts: PtsTable | None = None, **settings: float) -> Evidence:
    detector = build(Settings(detector=name, **settings))  # type: ignore[arg-type]
    (seen,) = detector.look([Footage(frames=frames, table=pts or table(len(frames)))], 1)
    return seen


def test_every_name_of_the_settings_is_a_detector() -> None:
    assert tuple(DETECTORS) == NAMES


@pytest.mark.parametrize("name", ["content", "adaptive"])
def test_pyscenedetect_finds_jumps_where_the_new_shot_begins(name: str) -> None:
    pytest.importorskip("scenedetect")
    frames = shots(30, 25, 40, 12)
    seen = look(name, frames)
    cuts = Layout(seen, table(len(frames)), Rules()).whole()
    assert [cut.frame for cut in cuts] == [30, 55, 95]
    assert {cut.kind for cut in cuts} == {CutKind.HARD}


@pytest.mark.parametrize("name", ["content", "adaptive"])
def test_half_is_the_librarys_own_threshold(name: str) -> None:
    """Frame by frame, what lies above 0.5 is what PySceneDetect takes for a cut, its minimum length apart."""
    scenedetect = pytest.importorskip("scenedetect")
    from scenedetect.detectors import AdaptiveDetector, ContentDetector

    dice = np.random.default_rng(1)
    frames = np.concatenate([shots(9, 8, 7, seed=seed) for seed in range(6)])
    frames[::11] = dice.integers(0, 256, (len(frames[::11]), 27, 48, 3))
    detector = {"content": ContentDetector, "adaptive": AdaptiveDetector}[name](min_scene_len=1)
    theirs = set()
    for number, frame in enumerate(frames):
        found = detector.process_frame(scenedetect.FrameTimecode(number, fps=25.0), frame[..., ::-1].copy())
        theirs |= {cut.frame_num for cut in found}
    ours = {frame + 1 for frame, value in enumerate(look(name, frames).single) if value > 0.5}
    assert theirs
    assert theirs == ours


def test_pyscenedetect_reads_frames_from_a_file(tmp_path: Path) -> None:
    pytest.importorskip("scenedetect")
    frames = shots(300, 280)
    frames.tofile(tmp_path / "a.rgb")
    assert look("content", RawFrames(tmp_path / "a.rgb", 580)) == look("content", frames)


def test_a_library_that_is_not_there_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scenedetect", None)
    with pytest.raises(ConfigError, match=r"HEATERS_DETECTOR=adaptive needs PySceneDetect.*heaters\[scenedetect\]"):
        build(Settings(detector="adaptive"))
    with pytest.raises(ConfigError, match="HEATERS_DETECTOR=content"):
        scenedetect_scores.likelihoods("content", shots(5))


def test_stride_is_measured_in_time() -> None:
    """Ten seconds at 25 per second, then ten at 2."""
    ticks = [*range(100, 10_100, 40), *range(10_100, 20_100, 500)]
    vfr = PtsTable.of(ticks, MILLISECONDS, 20_100)
    assert [ticks[frame] - 100 for frame in stride_frames(vfr, 5)] == [5000, 10_000, 15_000]
    assert [ticks[frame] - 100 for frame in stride_frames(vfr, 4)] == [4000, 8000, 12_000, 16_000]
    assert stride_frames(vfr, 0.1)[-1] == len(ticks) - 1
    seen = look("stride", np.zeros((len(ticks), 27, 48, 3), np.uint8), vfr, stride_seconds=5)
    assert [cut.frame for cut in Layout(seen, vfr, Rules()).whole()] == [125, 250, 260]


def test_a_time_stamp_of_a_thousand_years_is_one_stride() -> None:
    absurd = PtsTable.of([0, 40, 10**13 * 3, 10**13 * 3 + 40], MILLISECONDS, 10**13 * 3 + 80)
    assert stride_frames(absurd, 0.1) == [2]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=80), st.sampled_from([0.1, 1, 2.5, 10]))
def test_strides_are_as_long_as_the_frames_allow(steps: list[int], seconds: float) -> None:
    ticks = [7]
    for step in steps:
        ticks.append(ticks[-1] + step)
    frames = stride_frames(PtsTable.of(ticks[:-1], MILLISECONDS, ticks[-1]), seconds)
    for frame in frames:
        passed = int((ticks[frame] - 7) / (seconds * 1000)) * seconds * 1000
        assert ticks[frame - 1] - 7 < passed, "the first frame at or after a multiple of the stride"
    assert not frames or frames[0] > 0


@pytest.mark.parametrize("name", ["stride", "content", "adaptive"])
def test_torch_is_imported_only_for_the_detector_that_needs_it(name: str) -> None:
    if name != "stride":
        pytest.importorskip("scenedetect")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from heaters.settings import Settings\n"
        "from heaters.stages.detect import Worker\n"
        f"Worker(Settings(detector={name!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
