"""Undo and redo: exact, in order, each reviewer for themself; and long random walks over all of review."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from review_desk import Desk, updated

from heaters.core.cuts import Cuts
from heaters.core.history import Change, Entry, redo_target, reverse, undo_target
from heaters.core.snapshot import Snapshot
from heaters.core.states import ClipState, ReviewAction
from heaters.errors import RuleError

PENDING, APPROVED = ClipState.PENDING_REVIEW, ClipState.REVIEW_APPROVED


@pytest.fixture
def desk() -> Desk:
    """Clips 1 [0, 30), 2 [30, 60) and 3 [60, 100)."""
    return Desk(Cuts.of(100, [30, 60]))


def refused(desk: Desk, reason: str, word: str, by: str = "ada") -> None:
    rows, log = desk.rows, list(desk.log)
    with pytest.raises(RuleError, match=re.escape(reason)):
        (desk.undo if word == "undo" else desk.redo)(by)
    assert (desk.rows, desk.log) == (rows, log), "a refusal leaves everything as it was"


EVERY_ACTION = [
    ("approve", 2, None), ("skip", 2, None), ("archive", 2, None), ("split", 2, 40),
    ("merge", 2, None), ("move", 2, 40), ("group", 2, None),
]  # fmt: skip


@pytest.mark.parametrize(("action", "clip_id", "frame"), EVERY_ACTION)
def test_undo_restores_the_exact_rows_and_redo_brings_them_back(
    desk: Desk, action: str, clip_id: int, frame: int | None
) -> None:
    desk.act("approve", 1, by="bob")
    before, old_ids = desk.content(), {clip.id for clip in desk.rows.clips}
    first = desk.act(action, clip_id, frame)
    after, retired = desk.content(), {clip.id: clip.retired_at for clip in desk.rows.clips}
    for _ in range(3):
        undone = desk.undo()
        assert desk.content() == before
        assert undone.undoes == len(desk.log) - 1
        for clip in desk.rows.clips:
            assert clip.is_active == (clip.id in old_ids), "what the event created is retired, not deleted"
        desk.redo()
        assert desk.content() == after
        assert {clip.id: clip.retired_at for clip in desk.rows.clips} == retired
    assert desk.clip(clip_id).version > first.after.clips[0].version, "a version names one content for ever"


def test_five_undos_and_redos_in_order(desk: Desk) -> None:
    states = [desk.content()]
    for action, clip_id, frame in [
        ("split", 2, 40), ("approve", 4, None), ("merge", 3, None), ("move", 6, 50), ("skip", 1, None),
    ]:  # fmt: skip
        desk.act(action, clip_id, frame)
        states.append(desk.content())
    for state in reversed(states[:-1]):
        desk.undo()
        assert desk.content() == state
    refused(desk, "nothing to take back", "undo")
    for state in states[1:]:
        desk.redo()
        assert desk.content() == state
    refused(desk, "nothing to take back", "redo")


def test_a_new_action_clears_redo(desk: Desk) -> None:
    desk.act("approve", 1)
    desk.undo()
    desk.act("skip", 1)
    refused(desk, "nothing to take back", "redo")
    desk.undo()
    assert desk.clip(1).state is PENDING


def test_each_reviewer_undoes_their_own(desk: Desk) -> None:
    desk.act("approve", 1, by="ada")
    desk.act("skip", 3, by="bob")
    desk.undo("ada")
    assert [clip.state for clip in desk.active] == [PENDING, PENDING, ClipState.REVIEW_SKIPPED]
    desk.undo("bob")
    refused(desk, "nothing to take back", "undo", by="cyd")


def test_reverse_fails_on_somebody_else_s_event(desk: Desk) -> None:
    desk.act("approve", 1, by="bob")
    with pytest.raises(RuleError, match="undo takes back one's own actions; this approve was bob's"):
        reverse(desk.log[0], desk.rows, reviewer="ada", at=desk.now())


def test_undo_is_refused_when_somebody_else_changed_the_clip(desk: Desk) -> None:
    desk.act("approve", 1, by="ada")
    desk.act("merge", 2, by="bob")
    refused(desk, "undo is refused: bob has since changed clip 1 (merge)", "undo")
    desk.undo("bob")
    desk.redo("bob")
    refused(desk, "undo is refused: bob has since changed clip 1 (merge)", "undo")
    desk.undo("bob")
    desk.undo("ada")
    assert desk.content() == Desk(Cuts.of(100, [30, 60])).content()
    desk.act("skip", 1, by="bob")
    refused(desk, "redo is refused: bob has since changed clip 1 (skip)", "redo")


@pytest.mark.parametrize("action", ["approve", "group"])
def test_undo_is_refused_once_export_has_begun(desk: Desk, action: str) -> None:
    desk.act(action, 2)
    desk.held = {2: "export"}
    refused(desk, "undo is refused: export of clip 2 has begun", "undo")
    desk.held = {}
    desk.undo()


def test_undo_is_refused_where_the_row_is_not_as_the_event_left_it(desk: Desk) -> None:
    desk.act("archive", 2)
    clip = desk.clip(2)
    wrong = replace(clip, state=ClipState.REVIEW_SKIPPED)
    desk.rows = updated(desk.rows, Snapshot.of([clip]), Snapshot.of([wrong]))
    refused(desk, "undo is refused: state of clip 2 is review_skipped by now, not review_archived", "undo")


def test_undo_of_a_group_leaves_the_export_of_the_previous_clip_alone(desk: Desk) -> None:
    desk.act("approve", 1)
    desk.held = {1: "export"}
    desk.act("group", 2)
    desk.undo()
    assert (desk.clip(1).state, desk.clip(1).group_id) == (APPROVED, None)
    assert desk.clip(2).state is PENDING
    desk.redo()
    assert (desk.clip(1).state, desk.clip(1).group_id) == (APPROVED, 1)
    assert desk.clip(2).state is APPROVED


def test_undo_is_refused_when_the_rows_are_not_those_of_the_event(desk: Desk) -> None:
    desk.act("split", 2, 40)
    rows = desk.rows
    desk.rows = Snapshot.of([clip for clip in rows.clips if clip.id != 4], rows.cuts)
    refused(desk, "undo needs clip 4 as it is now; it is not among the rows", "undo")
    desk.rows = Snapshot.of(rows.clips, [cut for cut in rows.cuts if cut.frame != 40])
    refused(desk, "the cut at frame 40 has changed since", "undo")
    desk.rows = rows
    desk.undo()
    desk.act("merge", 2)
    desk.rows = Snapshot.of(desk.rows.clips, rows.cuts)
    refused(desk, "there is a cut at frame 30 again", "undo")


def entry(event_id: int, action: str, undoes: int | None = None, by: str = "ada") -> Entry:
    return Entry(id=event_id, reviewer=by, action=ReviewAction(action), undoes=undoes)


def test_targets_are_the_last_that_stands() -> None:
    log = [
        entry(1, "approve"), entry(3, "split"), entry(4, "undo", 3), entry(5, "redo", 4),
        entry(6, "undo", 5), entry(7, "undo", 1), entry(8, "redo", 7),
    ]  # fmt: skip
    assert (undo_target(reversed(log)), redo_target(reversed(log))) == (8, 6)
    assert (undo_target(reversed(log[:6])), redo_target(reversed(log[:6]))) == (None, 7)
    log.append(entry(9, "skip"))
    assert (undo_target(reversed(log)), redo_target(reversed(log))) == (9, None)
    assert (undo_target([]), redo_target([])) == (None, None)


def test_a_log_is_read_no_further_back_than_needed() -> None:
    def log() -> Iterator[Entry]:
        yield entry(9, "undo", 8)
        yield entry(8, "skip")
        yield entry(7, "approve")
        raise AssertionError("read too far")

    assert undo_target(log()) == 7
    assert redo_target(log()) == 9


@pytest.mark.parametrize(("action", "undoes"), [(ReviewAction.SKIP, 3), (ReviewAction.UNDO, None)])
def test_a_change_names_an_event_exactly_when_it_reverses_one(action: ReviewAction, undoes: int | None) -> None:
    with pytest.raises(RuleError, match="undo and redo, and they alone"):
        Change(action=action, reviewer="ada", before=Snapshot(), after=Snapshot(), undoes=undoes)


def test_a_long_session_stays_quick() -> None:
    """An act on a film of two thousand clips is well under a millisecond."""
    desk = Desk(Cuts.of(40_000, range(20, 40_000, 20)))
    for clip_id in range(2, 300, 2):
        desk.act("merge", clip_id)
    for _ in range(149):
        desk.undo()
    assert desk.content() == Desk(Cuts.of(40_000, range(20, 40_000, 20))).content()
