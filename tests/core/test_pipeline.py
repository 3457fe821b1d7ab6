"""The pipeline table is consistent: its rows chain, and backfill reaches exactly the later states."""

from dataclasses import replace

import pytest

from heaters.core.pipeline import PIPELINE, STAGES, By, Subject, eligible_states, machine_stages
from heaters.core.states import ClipState, VideoState
from heaters.errors import RuleError
from heaters.settings import Settings


def test_rows_chain_within_each_subject() -> None:
    for subject, first in ((Subject.VIDEO, VideoState.NEW), (Subject.CLIP, ClipState.PENDING_REVIEW)):
        at: VideoState | ClipState = first
        for stage in PIPELINE:
            if stage.subject is subject and stage.by is not By.OPERATOR:
                assert stage.takes is at, f"{stage.name} must take what the stage before it gives"
                at = stage.gives


def test_names_are_unique_and_needs_name_an_earlier_stage() -> None:
    names = [stage.name for stage in PIPELINE]
    assert list(STAGES) == names
    for place, stage in enumerate(PIPELINE):
        assert stage.does.endswith(".")
        assert not stage.needs or stage.needs in names[:place]
        if stage.needs:
            assert STAGES[stage.needs].variant, "only a stage with variants can be needed"


def test_states_belong_to_the_stage_s_subject() -> None:
    for stage in PIPELINE:
        kind = VideoState if stage.subject is Subject.VIDEO else ClipState
        assert isinstance(stage.takes, kind)
        assert isinstance(stage.gives, kind)


def test_machine_stages_are_all_but_people_s() -> None:
    assert [stage.name for stage in machine_stages()] == [
        "download", "prepare", "detect", "export", "keyframes", "facts", "embed",
    ]  # fmt: skip


def test_every_variant_names_a_setting() -> None:
    for stage in PIPELINE:
        assert bool(Settings().variant(stage.variant)) == bool(stage.variant)


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("download", (VideoState.NEW,)),
        ("export", (ClipState.REVIEW_APPROVED,)),
        ("keyframes", (ClipState.EXPORTED, ClipState.KEYFRAMED, ClipState.EMBEDDED)),
        ("facts", (ClipState.KEYFRAMED, ClipState.EMBEDDED)),
        ("embed", (ClipState.KEYFRAMED, ClipState.EMBEDDED)),
        ("archive", (ClipState.REVIEW_ARCHIVED,)),
    ],
)
def test_eligible_states(name: str, states: tuple[VideoState | ClipState, ...]) -> None:
    assert eligible_states(STAGES[name]) == states


@pytest.mark.parametrize("change", [{"attempts": 0}, {"timeout_seconds": 0}, {"batch": 0}, {"gpus": 1.5}, {"gpus": -1}])
def test_a_bad_row_cannot_exist(change: dict[str, float]) -> None:
    with pytest.raises(RuleError):
        replace(STAGES["export"], **change)  # type: ignore[arg-type]


def test_a_person_s_row_needs_no_timeout() -> None:
    assert STAGES["review"].timeout_seconds == 0
