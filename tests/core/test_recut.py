"""A recut changes what nobody has touched, and nothing else; undo around it is exact or refused with the reason."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from review_desk import Desk, laid_cut, pts, step

from heaters.core.cuts import Cuts, Span
from heaters.core.layout import Evidence, Layout, Rules
from heaters.core.recut import free_stretches, is_untouched
from heaters.core.states import ClipState, CutKind, ReviewAction
from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import RuleError


@pytest.fixture
def desk() -> Desk:
    """Clips 1 [0, 30), 2 [30, 60), 3 [60, 80) and 4 [80, 100)."""
    return Desk(Cuts.of(100, [30, 60, 80]))


def spans(desk: Desk) -> list[tuple[int, int]]:
    return [(clip.start_frame, clip.end_frame) for clip in desk.active]


def test_an_untouched_video_gets_the_new_cuts(desk: Desk) -> None:
    change = desk.recut([10, 30, 70])
    assert spans(desk) == [(0, 10), (10, 30), (30, 70), (70, 100)]
    assert change.action is ReviewAction.RECUT
    assert [cut.frame for cut in change.removed_cuts] == [60, 80]
    assert [cut.frame for cut in change.added_cuts] == [10, 70]
    assert all(clip.state is ClipState.PENDING_REVIEW and not clip.parents for clip in desk.active)


def test_clips_that_come_out_the_same_keep_their_rows(desk: Desk) -> None:
    before = desk.clip(1), desk.clip(4)
    desk.recut([30, 50, 80])
    assert (desk.clip(1), desk.clip(4)) == before
    assert [clip.id for clip in desk.active] == [1, 5, 6, 4]


def test_the_same_again_is_no_change(desk: Desk) -> None:
    desk.recut([10, 30, 70])
    rows = desk.rows
    with pytest.raises(RuleError, match="nothing changes"):
        desk.recut([10, 30, 70])
    assert desk.rows is rows


@pytest.mark.parametrize("action", ["approve", "skip", "archive"])
def test_decided_clips_stay_exactly(desk: Desk, action: str) -> None:
    desk.act(action, 2)
    decided = desk.clip(2)
    desk.recut([10, 40, 70])
    assert desk.clip(2) == decided
    assert spans(desk) == [(0, 10), (10, 30), (30, 60), (60, 70), (70, 100)]


@pytest.mark.parametrize(
    ("action", "clip_id", "frame", "left"),
    [
        ("split", 2, 45, [(0, 30), (30, 45), (45, 60), (60, 100)]),
        ("move", 2, 35, [(0, 35), (35, 60), (60, 100)]),
        ("merge", 2, None, [(0, 60), (60, 100)]),
    ],
)
def test_what_a_person_cut_moved_or_merged_stays(
    desk: Desk, action: str, clip_id: int, frame: int | None, left: list[tuple[int, int]]
) -> None:
    desk.act(action, clip_id, frame)
    manual = [cut for cut in desk.rows.cuts if cut.kind is CutKind.MANUAL]
    desk.recut([20, 50])
    inner = [span for span in left if span not in ((0, 30), (60, 100))]
    assert [span for span in spans(desk) if span in inner] == inner
    assert [cut for cut in desk.rows.cuts if cut.kind is CutKind.MANUAL] == manual
    before = desk.content()
    desk.undo()
    desk.undo()
    assert spans(desk) == [(0, 30), (30, 60), (60, 80), (80, 100)]
    desk.redo()
    desk.redo()
    assert desk.content() == before


def test_clips_in_hand_and_grouped_ones_stay(desk: Desk) -> None:
    desk.act("group", 4)
    desk.recut([10, 20, 40, 70, 90], kept=[2])
    assert spans(desk) == [(0, 10), (10, 20), (20, 30), (30, 60), (60, 80), (80, 100)]


def test_stretches_end_at_manual_cuts_and_decided_clips(desk: Desk) -> None:
    assert free_stretches(desk.rows) == [Span(start_frame=0, end_frame=100)]
    desk.act("skip", 3)
    assert free_stretches(desk.rows) == [Span(start_frame=0, end_frame=60), Span(start_frame=80, end_frame=100)]
    assert free_stretches(desk.rows, kept=[1]) == [
        Span(start_frame=30, end_frame=60),
        Span(start_frame=80, end_frame=100),
    ]


def refused(desk: Desk, word: str, reason: str, by: str) -> None:
    rows = desk.rows
    with pytest.raises(RuleError, match=re.escape(reason)):
        (desk.undo if word == "undo" else desk.redo)(by)
    assert desk.rows is rows


def test_undo_of_an_act_before_the_recut_is_exact(desk: Desk) -> None:
    desk.act("approve", 2)
    desk.recut([10, 70], by="bob")
    desk.undo()
    assert desk.clip(2).state is ClipState.PENDING_REVIEW
    assert spans(desk) == [(0, 10), (10, 30), (30, 60), (60, 70), (70, 100)]


def test_redo_of_an_act_on_a_clip_that_a_recut_replaced_is_refused(desk: Desk) -> None:
    desk.act("approve", 2)
    desk.undo()
    desk.recut([10], by="bob")
    refused(desk, "redo", "redo is refused: bob has since changed clip 2 (recut)", "ada")


def test_undo_of_a_recut_is_refused_once_somebody_has_decided(desk: Desk) -> None:
    desk.recut([50], by="bob")
    new = desk.active[0].id
    desk.act("approve", new)
    refused(desk, "undo", f"undo is refused: ada has since changed clip {new} (approve)", "bob")
    desk.undo()
    desk.undo("bob")
    assert spans(desk) == [(0, 30), (30, 60), (60, 80), (80, 100)]


def test_undo_of_a_recut_is_refused_once_the_export_of_one_of_its_clips_has_begun(desk: Desk) -> None:
    desk.recut([50])
    new = desk.active[1].id
    desk.held = {new: "export"}
    refused(desk, "undo", f"undo is refused: export of clip {new} has begun", "ada")


quick = settings(max_examples=150, deadline=None, derandomize=True)
acts = st.lists(
    st.tuples(
        st.sampled_from(["approve", "skip", "archive", "split", "merge", "move", "group", "undo"]),
        st.integers(0, 2**16),
        st.integers(0, 2**16),
    ),
    max_size=12,
)


@quick
@given(acts, st.sets(st.integers(1, 199), max_size=30), st.sets(st.integers(1, 40), max_size=4))
def test_what_always_holds(path: list[tuple[str, int, int]], frames: set[int], kept: set[int]) -> None:
    desk = Desk(Cuts.of(200, range(20, 200, 20)))
    for word, a, b in path:
        step(desk, word, a, b, "ada")
    before, content = desk.rows, desk.content()
    touched = [clip for clip in desk.active if not is_untouched(clip, kept)]
    manual = [cut for cut in desk.rows.cuts if cut.kind is CutKind.MANUAL]
    try:
        desk.recut(frames, kept=kept)
    except RuleError:
        assert desk.rows is before
    assert desk.cuts().frames == tuple(cut.frame for cut in desk.rows.cuts), "the tiling is kept"
    assert [desk.clip(clip.id) for clip in touched] == touched, "what somebody has touched is untouched"
    assert [cut for cut in desk.rows.cuts if cut.kind is CutKind.MANUAL] == manual
    fixed = {f for clip in touched for f in range(clip.start_frame, clip.end_frame + 1)}
    assert {cut.frame for cut in desk.rows.cuts} - fixed == frames - fixed - {0, 200} - {c.frame for c in manual}
    with pytest.raises(RuleError, match="nothing changes"):
        desk.recut(frames, kept=kept)
    if desk.rows is not before:
        desk.undo()
        assert desk.content() == content, "and undo brings back the exact rows"


probability = st.sampled_from([0.0, 0.2, 0.45, 0.55, 0.9])


@quick
@given(
    st.lists(st.tuples(probability, probability), min_size=2, max_size=120),
    st.floats(0.05, 0.95),
    st.sampled_from([(0.0, 0.0), (0.4, 0.0), (0.0, 1.0), (0.4, 1.2)]),
)
def test_the_settings_own_rules_change_nothing(
    values: list[tuple[float, float]], threshold: float, lengths: tuple[float, float]
) -> None:
    """What detection laid under some rules, a recut under the same rules leaves row for row."""
    seen = Evidence.of((a for a, _ in values), (b for _, b in values))
    table = PtsTable.of(map(pts, range(len(values))), TimeBase(num=1, den=1000), pts(len(values)))
    rules = Rules(threshold=threshold, min_clip_seconds=lengths[0], max_clip_seconds=lengths[1])
    layout = Layout(seen, table, rules)
    laid = layout.whole()
    desk = Desk(Cuts.of(len(values), (cut.frame for cut in laid)))
    assert [laid_cut(cut.frame).frame for cut in laid] == [cut.frame for cut in desk.rows.cuts]
    with pytest.raises(RuleError, match="nothing changes"):
        desk.recut([cut.frame for cut in layout.of(Span(start_frame=0, end_frame=len(values)))])
