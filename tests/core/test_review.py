"""The rules of review: what each action does, and the reason for every refusal."""

import re
from datetime import UTC, datetime

import pytest
from review_desk import TICKS_PER_FRAME, Desk

from heaters.core.cuts import Cuts
from heaters.core.edits import Limits
from heaters.core.review import RULES, Act
from heaters.core.snapshot import ClipRow, Snapshot
from heaters.core.states import ClipState, CutKind, ReviewAction
from heaters.errors import RuleError

PENDING, APPROVED, RETIRED = ClipState.PENDING_REVIEW, ClipState.REVIEW_APPROVED, ClipState.RETIRED


@pytest.fixture
def desk() -> Desk:
    """Clips 1 [0, 30), 2 [30, 60) and 3 [60, 100)."""
    return Desk(Cuts.of(100, [30, 60]))


def refused(desk: Desk, reason: str, action: str, clip_id: int, frame: int | None = None, **more: object) -> None:
    rows, log = desk.rows, list(desk.log)
    with pytest.raises(RuleError, match=re.escape(reason)):
        desk.act(action, clip_id, frame, **more)  # type: ignore[arg-type]
    assert (desk.rows, desk.log) == (rows, log), "a refusal leaves everything as it was"


@pytest.mark.parametrize(
    ("action", "state"),
    [("approve", APPROVED), ("skip", ClipState.REVIEW_SKIPPED), ("archive", ClipState.REVIEW_ARCHIVED)],
)
def test_a_decision_sets_state_who_and_when(desk: Desk, action: str, state: ClipState) -> None:
    when = desk.now()
    change = desk.act(action, 2, by="bob", version=1)
    clip = desk.clip(2)
    assert (clip.state, clip.reviewed_by, clip.reviewed_at, clip.version) == (state, "bob", when, 2)
    assert clip.is_active
    assert change.clip_ids == {2}
    assert desk.cuts().frames == (30, 60)


@pytest.mark.parametrize("action", ["approve", "skip", "archive"])
def test_a_clip_is_decided_once(desk: Desk, action: str) -> None:
    desk.act("skip", 2, by="bob")
    refused(desk, f"{action} is refused: clip 2 is already review_skipped by bob", action, 2, version=1)


def test_split_retires_the_parent_and_makes_two_pending_clips(desk: Desk) -> None:
    when = desk.now()
    change = desk.act("split", 2, 40, by="bob")
    parent, left, right = desk.clip(2), desk.clip(4), desk.clip(5)
    assert (parent.state, parent.is_active, parent.retired_at) == (RETIRED, False, when)
    assert [(c.start_frame, c.end_frame, c.state, c.parents, c.version) for c in (left, right)] == [
        (30, 40, PENDING, (2,), 1),
        (40, 60, PENDING, (2,), 1),
    ]
    assert (right.start_pts, right.end_pts) == (40 * TICKS_PER_FRAME, 60 * TICKS_PER_FRAME)
    (cut,) = change.added_cuts
    assert (cut.frame, cut.pts, cut.kind, cut.confidence, cut.created_by) == (
        40,
        1600,
        CutKind.MANUAL,
        None,
        "bob",
    )
    assert desk.cuts().frames == (30, 40, 60)


def test_split_fails(desk: Desk) -> None:
    desk.limits = Limits(min_clip_frames=12)
    refused(desk, "at least 12 frames; frame 40 of [30, 60) leaves 10 and 20", "split", 2, 40)
    refused(desk, "frame 30 is not inside [30, 60)", "split", 2, 30)
    refused(desk, "frame 75 is not inside [30, 60)", "split", 2, 75)
    refused(desk, "there is no clip 9", "split", 9, 40)
    desk.act("split", 2, 45)
    refused(desk, "clip 2 is gone: [30, 60) was split, merged or moved", "split", 2, 45)
    refused(desk, "clip 2 is gone: [30, 60) was split, merged or moved", "merge", 2)


def test_merge_retires_both_and_makes_one_pending_clip(desk: Desk) -> None:
    desk.act("approve", 1, by="bob")
    change = desk.act("merge", 2)
    merged = desk.clip(4)
    assert (merged.start_frame, merged.end_frame, merged.state, merged.parents) == (0, 60, PENDING, (1, 2))
    assert merged.reviewed_by is None, "what bob approved was another clip"
    assert [desk.clip(i).state for i in (1, 2)] == [RETIRED, RETIRED]
    assert [cut.frame for cut in change.removed_cuts] == [30]
    assert desk.cuts().frames == (60,)


def test_move_gives_both_clips_new_bounds(desk: Desk) -> None:
    change = desk.act("move", 2, 20, by="bob")
    left, right = desk.clip(4), desk.clip(5)
    assert [(c.start_frame, c.end_frame, c.state, c.parents) for c in (left, right)] == [
        (0, 20, PENDING, (1,)),
        (20, 60, PENDING, (2,)),
    ]
    assert [cut.frame for cut in change.removed_cuts] == [30]
    assert [(cut.frame, cut.kind) for cut in change.added_cuts] == [(20, CutKind.MANUAL)]
    assert desk.cuts().frames == (20, 60)


def test_move_fails(desk: Desk) -> None:
    desk.limits = Limits(min_cut_distance=5)
    refused(desk, "frame 60 is not between 0 and 60", "move", 2, 60)
    refused(desk, "at least 5 frames from the others; frame 57 is 57 from 0 and 3 from 60", "move", 2, 57)
    refused(desk, "must change the cut; it is at frame 30 already", "move", 2, 30)


@pytest.mark.parametrize("action", ["merge", "group", "move"])
def test_the_first_clip_has_nothing_before_it(desk: Desk, action: str) -> None:
    refused(
        desk,
        f"{action} needs a clip before it; clip 1 is the first",
        action,
        1,
        5 if action == "move" else None,
    )


def test_group_approves_and_links_both(desk: Desk) -> None:
    desk.act("approve", 1, by="bob")
    desk.act("group", 2, by="ada")
    desk.act("group", 3, by="ada")
    clips = [desk.clip(i) for i in (1, 2, 3)]
    assert [(c.state, c.group_id, c.reviewed_by) for c in clips] == [
        (APPROVED, 1, "bob"),
        (APPROVED, 1, "ada"),
        (APPROVED, 1, "ada"),
    ]
    refused(desk, "clips 2 and 3 are in one group already", "group", 3)


def test_two_groups_become_one() -> None:
    desk = Desk(Cuts.of(100, [20, 40, 60, 80]))
    desk.act("group", 2)
    desk.act("group", 4)
    desk.act("group", 5)
    assert [c.group_id for c in desk.active] == [1, 1, 3, 3, 3]
    desk.act("group", 3)
    assert [c.group_id for c in desk.active] == [1, 1, 1, 1, 1]
    desk.undo()
    assert [c.group_id for c in desk.active] == [1, 1, 3, 3, 3]


def test_a_clip_joins_the_group_after_it(desk: Desk) -> None:
    desk.act("group", 3)
    desk.act("group", 2)
    assert [c.group_id for c in desk.active] == [2, 2, 2]


def test_group_fails_with_a_clip_that_is_not_wanted(desk: Desk) -> None:
    desk.act("skip", 1, by="bob")
    refused(desk, "group is refused: clip 1 is already review_skipped by bob", "group", 2)


def test_group_links_to_a_clip_at_its_export(desk: Desk) -> None:
    desk.act("approve", 1)
    desk.held = {1: "export"}
    desk.act("group", 2)
    assert desk.clip(1).group_id == desk.clip(2).group_id == 1
    assert desk.clip(1).state is APPROVED


def test_frames_stay_once_export_has_begun(desk: Desk) -> None:
    desk.act("approve", 2)
    desk.held = {2: "export"}
    reason = "export of clip 2 has begun"
    refused(desk, f"split is refused: {reason}", "split", 2, 40)
    refused(desk, f"merge is refused: {reason}", "merge", 2)
    refused(desk, f"move is refused: {reason}", "move", 2, 40)
    refused(desk, f"merge is refused: {reason}", "merge", 3)
    refused(desk, f"move is refused: {reason}", "move", 3, 50)
    desk.held = {}
    desk.act("split", 2, 40)


@pytest.mark.parametrize("decision", ["approve", "skip", "archive"])
def test_frames_of_a_decided_clip_may_change_and_are_decided_anew(desk: Desk, decision: str) -> None:
    desk.act(decision, 2)
    desk.act("merge", 3)
    assert [(clip.start_frame, clip.end_frame, clip.state) for clip in desk.active] == [
        (0, 30, PENDING),
        (30, 100, PENDING),
    ]


def test_a_stale_version_is_refused(desk: Desk) -> None:
    desk.act("group", 2)
    desk.undo()
    reason = "clip 2 has changed since it was shown: version 1 then, 3 now (pending_review)"
    refused(desk, reason, "approve", 2, version=1)
    desk.act("approve", 2, version=3)


def test_rows_that_lack_the_neighbour_or_the_cut_are_refused(desk: Desk) -> None:
    whole = desk.rows
    desk.rows = Snapshot.of([desk.clip(2)], whole.cuts)
    refused(desk, "merge needs the clip that ends at frame 30; there is none", "merge", 2)
    desk.rows = Snapshot.of(whole.clips, [])
    refused(desk, "clip 2 must start at a cut; there is none at frame 30", "merge", 2)


# How clip 2 comes to each state.
WAYS: dict[ClipState, tuple[tuple[str, int | None], ...]] = {
    ClipState.PENDING_REVIEW: (),
    ClipState.REVIEW_APPROVED: (("approve", None),),
    ClipState.REVIEW_SKIPPED: (("skip", None),),
    ClipState.REVIEW_ARCHIVED: (("archive", None),),
    ClipState.RETIRED: (("split", 45),),
}


@pytest.mark.parametrize("action", RULES)
@pytest.mark.parametrize("state", ClipState)
def test_the_table_decides(desk: Desk, action: ReviewAction, state: ClipState) -> None:
    """Every action on a clip in every state is carried out where the table has it, and refused with a reason else."""
    for word, at in WAYS[state]:
        desk.act(word, 2, at)
    assert desk.clip(2).state is state
    frame = 40 if RULES[action].takes_frame else None
    if state in RULES[action].states:
        desk.act(action, 2, frame)
        assert len(desk.log) == len(WAYS[state]) + 1
    elif state is RETIRED:
        refused(desk, "clip 2 is gone", action, 2, frame)
    else:
        refused(desk, f"{action} is refused: clip 2 is already {state}", action, 2, frame)


AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"action": ReviewAction.SPLIT}, "take a frame; got split, None"),
        ({"action": ReviewAction.APPROVE, "frame": 3}, "take a frame; got approve, 3"),
        ({"action": ReviewAction.UNDO}, "undo is no action on a clip"),
        ({"action": ReviewAction.SKIP, "reviewer": " "}, "needs a reviewer's name"),
        ({"action": ReviewAction.SKIP, "at": AT.replace(tzinfo=None)}, "carries its time zone"),
    ],
)
def test_a_bad_act_cannot_exist(wish: dict[str, object], reason: str) -> None:
    with pytest.raises(RuleError, match=re.escape(reason)):
        Act(**{"clip_id": 1, "reviewer": "ada", "at": AT, **wish})  # type: ignore[arg-type]


def test_perform_needs_only_the_neighbourhood() -> None:
    """A store may load the clip, the one before it and their cut, not the whole film."""
    desk = Desk(Cuts.of(10_000, range(10, 10_000, 10)))
    desk.rows = Snapshot.of([desk.clip(500), desk.clip(501)], [cut for cut in desk.rows.cuts if cut.frame == 5000])
    desk.act("merge", 501)
    (active,) = desk.active
    assert isinstance(active, ClipRow)
    assert (active.start_frame, active.end_frame) == (4990, 5010)
