"""The short form of a decision on many clips: it says the same as the whole images, in a fraction of their bytes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_desk import Desk, updated

from heaters.core.cuts import Cuts
from heaters.core.decided import Decided, images
from heaters.core.history import Change, Event, reverse
from heaters.core.snapshot import ClipRow, Snapshot
from heaters.core.states import ClipState, ReviewAction
from heaters.errors import RuleError

AT = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
APPROVED = Decided(state=ClipState.REVIEW_APPROVED, reviewed_by="auto", reviewed_at=AT)
PENDING = Decided(state=ClipState.PENDING_REVIEW, reviewed_by=None, reviewed_at=None)


@pytest.fixture
def desk() -> Desk:
    """Ten clips of ten frames."""
    return Desk(Cuts.of(100, range(10, 100, 10)))


def decided(clips: Snapshot, what: Decided = APPROVED) -> Snapshot:
    """These clips with a decision, as the database writes it: their version is one more."""
    return Snapshot.of(replace(clip, version=clip.version + 1) for clip in what.image(clips.clips).clips)


def test_a_decision_on_many_clips_is_said_once(desk: Desk) -> None:
    before, after = images(Snapshot.of(desk.rows.clips), decided(desk.rows))
    assert before == {"decided": {"state": "pending_review", "reviewed_by": None, "reviewed_at": None}}
    assert after == {"decided": {"state": "review_approved", "reviewed_by": "auto", "reviewed_at": AT.isoformat()}}
    assert Decided.from_json(json.loads(json.dumps(before))) == PENDING
    assert Decided.from_json(json.loads(json.dumps(after))) == APPROVED


def test_other_changes_keep_their_whole_images(desk: Desk) -> None:
    one = desk.act("approve", 1)
    grouped = desk.act("group", 3)
    split = desk.act("split", 5, 45)
    merged = desk.act("merge", 7)
    for change in (one, grouped, split, merged):
        assert images(change.before, change.after) == (change.before.to_json(), change.after.to_json())


def test_clips_that_were_not_all_alike_keep_their_whole_images(desk: Desk) -> None:
    desk.act("skip", 4)
    before = Snapshot.of(desk.clip(n) for n in (3, 4))
    after = decided(before)
    assert images(before, after) == (before.to_json(), after.to_json())
    assert Decided.of(before) is None
    assert Decided.of(after) == APPROVED


def test_the_short_form_is_of_active_clips_without_cuts(desk: Desk) -> None:
    desk.act("merge", 2)
    assert Decided.of(Snapshot.of([desk.clip(1), desk.clip(2)])) is None
    assert Decided.of(Snapshot.of(desk.active, desk.rows.cuts)) is None
    assert Decided.of(Snapshot()) is None
    assert Decided.of(Snapshot.of(desk.active)) == PENDING


@pytest.mark.parametrize(
    "document",
    [
        {"decided": {}},
        {"decided": {"state": "lost", "reviewed_by": None, "reviewed_at": None}},
        {"decided": {"state": "review_skipped", "reviewed_by": "ann", "reviewed_at": "yesterday"}},
        {"decided": 3},
    ],
)
def test_from_json_fails_on_anything_else(document: dict[str, object]) -> None:
    with pytest.raises(RuleError, match="not the JSON of a decision"):
        Decided.from_json(document)


def test_a_whole_snapshot_is_no_short_form(desk: Desk) -> None:
    assert Decided.from_json(desk.rows.to_json()) is None


clips = st.builds(
    lambda n, version, group, parents: ClipRow(
        id=n,
        start_frame=n,
        end_frame=n + 1,
        start_pts=n,
        end_pts=n + 1,
        version=version,
        group_id=group,
        parents=parents,
    ),
    st.integers(1, 50),
    st.integers(1, 9),
    st.none() | st.integers(1, 9),
    st.lists(st.integers(1, 9), max_size=2).map(tuple),
)
decisions = st.builds(
    Decided,
    state=st.sampled_from([state for state in ClipState if state is not ClipState.RETIRED]),
    reviewed_by=st.none() | st.sampled_from(["auto", "ann"]),
    reviewed_at=st.none() | st.integers(0, 9).map(lambda n: AT + timedelta(seconds=n)),
)


@given(st.lists(clips, min_size=1, max_size=8, unique_by=lambda clip: clip.id), decisions, decisions)
def test_undo_by_the_short_form_is_undo_by_the_whole_images(rows: list[ClipRow], old: Decided, new: Decided) -> None:
    before = old.image(rows)
    after = decided(before, new)
    written = [json.loads(json.dumps(image)) for image in images(before, after)]
    now = [replace(clip, version=clip.version + 3) for clip in after.clips]  # decided and undecided since
    read = [
        Snapshot.from_json(image) if (short := Decided.from_json(image)) is None else short.image(now)
        for image in written
    ]
    assert ("decided" in written[0]) == ("decided" in written[1]) == (len(rows) > 1)

    def undone(first: Snapshot, second: Snapshot) -> Change:
        change = Change(action=ReviewAction.APPROVE, reviewer="auto", before=first, after=second)
        event = Event(id=1, video_id=1, change=change)
        return reverse(event, Snapshot.of(now), reviewer="auto", at=AT)

    assert undone(*read) == undone(before, after)
    back = updated(Snapshot.of(now), undone(*read).before, undone(*read).after)
    assert [replace(clip, version=0) for clip in back.clips] == [replace(clip, version=0) for clip in before.clips]
