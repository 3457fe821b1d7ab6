"""The sample reel: its truth as a table, its frames, and the film itself."""

import itertools
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from heaters.errors import ConfigError, MediaError, RuleError
from heaters.sample import Reel, Shot, Transition, TrueCut, build, build_sample, pictures, render, sound
from heaters.sample.reel import load_truth, truth_path
from heaters.sample.script import FRAME_RATE, SCRIPT, View, lay_out, script


def test_the_truth_is_the_same_for_the_same_seed() -> None:
    assert lay_out(script(0)) == lay_out(SCRIPT)
    assert lay_out(script(7)) == lay_out(script(7))
    assert lay_out(script(7)) != lay_out(script(8))
    assert Counter(take.label for take in script(7)) == Counter(take.label for take in SCRIPT)


@pytest.mark.parametrize("seed", range(5))
def test_shots_tile_the_reel_and_transitions_do_not_touch(seed: int) -> None:
    cuts, shots = lay_out(script(seed))
    assert shots[0].start_frame == 0
    assert all(a.end_frame == b.start_frame for a, b in itertools.pairwise(shots))
    assert [cut.frame for cut in cuts] == [shot.start_frame for shot in shots[1:]]
    assert all(a.end_frame < b.start_frame for a, b in itertools.pairwise(cuts))
    assert 45 <= shots[-1].end_frame / FRAME_RATE <= 75
    assert {cut.kind for cut in cuts} == set(Transition)
    assert all((cut.start_frame + cut.end_frame) / 2 == cut.frame for cut in cuts)


def test_a_cut_outside_its_span_fails() -> None:
    with pytest.raises(RuleError):
        TrueCut(frame=10, start_frame=11, end_frame=20, kind=Transition.DISSOLVE)
    with pytest.raises(RuleError):
        TrueCut(frame=10, start_frame=10, end_frame=10, kind=Transition.FADE)
    with pytest.raises(RuleError):
        Reel(
            path=Path("x.mp4"),
            frame_count=10,
            frame_rate=FRAME_RATE,
            cuts=(),
            shots=(Shot(start_frame=0, end_frame=9, label="short"),),
        )


def test_windows_have_the_films_shape_and_lie_inside() -> None:
    for size in [(256, 256), (377, 600), (1920, 1080), (2000, 300)]:
        for zoom, x, y in itertools.product((1.0, 1.3), (0.0, 0.4, 1.0), (0.0, 1.0)):
            left, top, right, bottom = render.window(size, View(zoom=zoom, x=x, y=y))
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]
            assert (right - left) / (bottom - top) == pytest.approx(16 / 9)


def test_a_view_outside_the_picture_fails() -> None:
    with pytest.raises(RuleError):
        View(zoom=0.9, x=0, y=0)
    with pytest.raises(RuleError):
        View(zoom=1, x=1.1, y=0)


def luma(frame: bytes) -> np.ndarray:
    plane = np.frombuffer(frame, dtype=np.uint8, count=render.WIDTH * render.HEIGHT)
    return plane.reshape(render.HEIGHT, render.WIDTH).astype(int)


def test_a_dissolve_shows_both_shots_in_exactly_its_span() -> None:
    # With the camera at rest, every step is the dissolve's.
    takes = (
        replace(SCRIPT[1], frames=15, ends=SCRIPT[1].begins),
        replace(SCRIPT[2], frames=15, ends=SCRIPT[2].begins, enters=Transition.DISSOLVE, enters_frames=6),
    )
    cuts, _ = lay_out(takes)
    alone = [luma(frame) for frame in render.frames((takes[0],), ())]
    mixed = [luma(frame) for frame in render.frames(takes, cuts)]
    assert (cuts[0].start_frame, cuts[0].frame, cuts[0].end_frame) == (12, 15, 18)
    assert len(mixed) == 30
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(mixed)]
    assert [frame for frame, step in enumerate(steps, start=1) if step > 0] == [12, 13, 14, 15, 16, 17, 18]
    assert np.abs(alone[0] - mixed[0]).mean() == 0


def test_a_fade_is_black_in_its_middle_and_nowhere_else() -> None:
    takes = (replace(SCRIPT[4], frames=12), replace(SCRIPT[5], frames=12, enters=Transition.FADE, enters_frames=8))
    cuts, _ = lay_out(takes)
    means = [luma(frame).mean() for frame in render.frames(takes, cuts)]
    assert [frame for frame, mean in enumerate(means) if mean < 16.5] == [cuts[0].frame - 1, cuts[0].frame]
    assert means[cuts[0].start_frame - 1] > means[cuts[0].start_frame] > means[cuts[0].start_frame + 1]


def test_chords_change_at_the_cuts() -> None:
    cuts, shots = lay_out(SCRIPT)
    heard = sound.samples(cuts, shots[-1].end_frame)
    assert len(heard) == shots[-1].end_frame * sound.RATE_HZ / FRAME_RATE
    assert 1000 < np.abs(heard).max() < 4000  # quiet, and not silent

    def pitch_hz(frame: int) -> float:
        begin = int(frame * sound.RATE_HZ / FRAME_RATE)
        return float(np.abs(np.fft.rfft(heard[begin : begin + 9600])).argmax() * sound.RATE_HZ / 9600)

    for cut in cuts:
        assert pitch_hz(cut.start_frame - 8) != pitch_hz(cut.end_frame + 3)


def test_missing_pictures_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(pictures.SOURCES, "lion", ("no_such_package", "images", "lion.jpg"))
    with pytest.raises(ConfigError, match=r"no_such_package.*pip install 'heaters\[dev\]'"):
        build_sample(tmp_path / "reel.mp4")
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="could not write the sample reel"):
        build._encode(iter([b"x"]), tmp_path / "none.wav", tmp_path / "none" / "film.mp4")


@pytest.fixture(scope="module")
def reel(tmp_path_factory: pytest.TempPathFactory) -> Reel:
    """A reel of all takes, each cut down to 24 frames and with the camera at rest: quick to build, easy to measure."""
    takes = tuple(replace(take, frames=24, ends=take.begins) for take in SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "script", lambda _seed: takes)
        return build_sample(tmp_path_factory.mktemp("sample") / "reel.mp4")


def test_the_film_changes_where_the_truth_says(reel: Reel) -> None:
    with av.open(str(reel.path)) as container:
        stream = container.streams.video[0]
        facts = (stream.width, stream.height, stream.average_rate, stream.codec_context.name)
        assert facts == (1280, 720, reel.frame_rate, "h264")
        small = [frame.reformat(64, 36, "gray").to_ndarray().astype(int) for frame in container.decode(stream)]
    assert len(small) == reel.frame_count
    with av.open(str(reel.path)) as container:
        stream = container.streams.audio[0]
        heard_seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(stream))
    assert heard_seconds == pytest.approx(reel.frame_count / reel.frame_rate, abs=0.05)
    steps = [0.0, *(float(np.abs(b - a).mean()) for a, b in itertools.pairwise(small))]
    spans = {f for cut in reel.cuts for f in range(cut.start_frame, cut.end_frame + 1)}
    still = max(step for frame, step in enumerate(steps) if frame not in spans)
    for cut in reel.cuts:
        if cut.kind is Transition.HARD:
            assert steps[cut.frame] > 2 * still, cut
            assert steps[cut.frame] == max(steps[cut.frame - 5 : cut.frame + 6]), cut


def test_what_is_there_is_not_built_again(reel: Reel, monkeypatch: pytest.MonkeyPatch) -> None:
    before = reel.path.stat().st_mtime_ns
    assert build_sample(reel.path) == reel
    assert reel.path.stat().st_mtime_ns == before
    assert load_truth(reel.path, version="another") is None
    whole = truth_path(reel.path).read_text()
    for spoiled in (whole[:100], whole.replace('"size_bytes": ', '"size_bytes": 1')):
        truth_path(reel.path).write_text(spoiled)
        assert load_truth(reel.path, version=f"{build.BUILDER}-0") is None
    truth_path(reel.path).write_text(whole)


def test_the_command_prints_the_cuts(reel: Reel) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "heaters.sample", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    done = run(str(reel.path))
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(reel.cuts) + 1
    assert run().returncode == 2
    assert run("film.avi").returncode == 2
