"""States stand once in SQL and once in Python: they are the same, in the same order."""

import re
from enum import StrEnum
from importlib import resources

import pytest

from heaters.core.edits import DECISIONS
from heaters.core.pipeline import PIPELINE
from heaters.core.review import RULES
from heaters.core.states import ClipState, CutKind, ReviewAction, RunStatus, VideoState
from heaters.core.stills import StillOrigin

SCHEMA = resources.files("heaters.store").joinpath("schema.sql").read_text(encoding="utf-8")
PAIRS: dict[str, type[StrEnum]] = {
    "video_state": VideoState,
    "clip_state": ClipState,
    "run_status": RunStatus,
    "cut_kind": CutKind,
    "still_origin": StillOrigin,
    "review_action": ReviewAction,
}


def enums_in_sql() -> dict[str, list[str]]:
    found = re.findall(r"create type (\w+) as enum \(([^)]*)\)", SCHEMA)
    return {name: re.findall(r"'(\w+)'", values) for name, values in found}


def test_every_enum_has_its_pair() -> None:
    assert set(enums_in_sql()) == set(PAIRS)


@pytest.mark.parametrize("name", PAIRS)
def test_sql_and_python_list_the_same_states(name: str) -> None:
    assert enums_in_sql()[name] == [str(member) for member in PAIRS[name]]


def test_every_state_of_a_video_is_reached_by_a_stage() -> None:
    assert [VideoState.NEW, *(stage.milestone for stage in PIPELINE if stage.milestone)] == list(VideoState)


def test_every_state_of_a_clip_is_a_decision_or_an_end_of_it() -> None:
    assert {ClipState.PENDING_REVIEW, *DECISIONS.values(), ClipState.RETIRED} == set(ClipState)


def test_every_review_action_has_a_rule_or_reverses_one() -> None:
    # A recut is of a whole video: its rule is `core/recut.py`.
    assert {*RULES, ReviewAction.RECUT, ReviewAction.UNDO, ReviewAction.REDO} == set(ReviewAction)
