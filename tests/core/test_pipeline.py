"""The pipeline table is consistent: its rows chain by changes, and each row says all that a machine needs."""

from dataclasses import replace

import pytest

from heaters.core.pipeline import OF_VIDEOS, PIPELINE, STAGES, By, Change, Stage, Subject, announced, machine_stages
from heaters.core.states import VideoState
from heaters.errors import RuleError
from heaters.settings import Settings


def test_each_row_takes_what_a_row_before_it_gives() -> None:
    given = {Change.NEW, Change.WATCHED}  # by submitting, by opening a video
    for stage in PIPELINE:
        assert stage.takes in given, f"nothing before {stage.name} gives {stage.takes}"
        again = stage.gives is Change.DECISION and stage.is_urgent  # files that waited for a proxy
        assert again or stage.gives not in given, f"{stage.gives} must be given by one row alone"
        given.add(stage.gives)
    assert given == set(Change)


def test_a_row_of_videos_takes_what_has_the_name_of_the_state_before_its_milestone() -> None:
    """`due_video` and status read the state of a video from the change that a row takes."""
    states = list(VideoState)
    rows = [stage for stage in PIPELINE if stage.milestone]
    for before, stage in zip(states, rows, strict=False):
        assert VideoState(stage.takes) is before
        assert stage.milestone is states[states.index(before) + 1]
    assert {stage.takes for stage in PIPELINE if stage.subject is Subject.VIDEO} == OF_VIDEOS


def test_announced_is_what_somebody_reads() -> None:
    assert {stage.takes for stage in PIPELINE} <= announced()
    assert Change.FACTS in announced(), "approval by a rule follows it"
    assert not announced() & {Change.VECTORS, Change.FILES, Change.SPACE}, "nobody reads these"


def test_names_are_unique_and_needs_name_an_earlier_stage() -> None:
    names = [stage.name for stage in PIPELINE]
    assert list(STAGES) == names
    for place, stage in enumerate(PIPELINE):
        assert stage.does.endswith(".")
        if stage.needs:
            needed = STAGES[stage.needs]
            assert stage.needs in names[:place]
            assert needed.variant, "only a stage with variants can be needed"
            assert stage.takes is needed.gives, "it is due as soon as what it needs is there"


def test_machine_stages_are_all_but_people_s() -> None:
    assert [stage.name for stage in machine_stages()] == [
        "download", "prepare", "detect", "keyframes", "facts", "embed", "proxy", "export",
    ]  # fmt: skip


def test_what_describes_a_clip_comes_before_the_decision_and_its_file_after() -> None:
    names = [stage.name for stage in PIPELINE]
    assert names.index("embed") < names.index("review") < names.index("export")
    describing = {stage.name for stage in PIPELINE[: names.index("review")] if stage.subject is Subject.CLIP}
    assert all(STAGES[name].takes is not Change.DECISION for name in describing)
    assert STAGES["export"].takes is STAGES["archive"].takes is Change.DECISION


def test_every_variant_names_a_setting() -> None:
    for stage in PIPELINE:
        assert bool(Settings().variant(stage.variant)) == bool(stage.variant)


@pytest.mark.parametrize(
    "change",
    [
        {"attempts": 0},
        {"timeout_seconds": 0},
        {"batch": 0},
        {"gpus": 1.5},
        {"gpus": -1},
        {"milestone": VideoState.CUT},
    ],
)
def test_a_bad_row_cannot_exist(change: dict[str, object]) -> None:
    with pytest.raises(RuleError):
        replace(STAGES["export"], **change)  # type: ignore[arg-type]


def test_a_milestone_is_a_video_s() -> None:
    with pytest.raises(RuleError, match="only stages of videos give a milestone; got cut, export"):
        replace(STAGES["export"], milestone=VideoState.CUT)


def test_urgent_is_what_people_wait_for() -> None:
    assert [stage.name for stage in PIPELINE if stage.is_urgent] == ["proxy"]


def test_a_person_s_row_needs_no_timeout() -> None:
    assert STAGES["review"].timeout_seconds == 0
    assert [stage.name for stage in PIPELINE if stage.by is By.PERSON] == ["review"]
    assert isinstance(STAGES["review"], Stage)
