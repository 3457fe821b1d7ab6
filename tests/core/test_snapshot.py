"""Rows as JSON and back, exactly."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from review_desk import Desk, laid_out

from heaters.core.cuts import Cuts
from heaters.core.snapshot import ClipRow, CutRow, Snapshot
from heaters.core.states import ClipState, CutKind
from heaters.errors import RuleError


def row(**values: object) -> ClipRow:
    given = {"id": 1, "start_frame": 0, "end_frame": 10, "start_pts": 0, "end_pts": 400, **values}
    return ClipRow(**given)  # type: ignore[arg-type]


def test_json_round_trip_is_exact() -> None:
    zone = timezone(timedelta(hours=-3, minutes=-30))
    clip = row(
        state=ClipState.RETIRED,
        version=7,
        parents=(3, 4),
        group_id=3,
        reviewed_by="Zoë O'Hara",
        reviewed_at=datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=zone),
        retired_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    cut = CutRow(
        frame=5,
        pts=-3,
        kind=CutKind.GRADUAL,
        confidence=0.1 + 0.2,
        created_by="net",
        metadata={"span": [3, 8]},
    )
    manual = CutRow(frame=9, pts=7, kind=CutKind.MANUAL, confidence=None, created_by="ada")
    snapshot = Snapshot.of([clip, row(id=2)], [manual, cut])
    text = json.dumps(snapshot.to_json())
    assert Snapshot.from_json(json.loads(text)) == snapshot
    assert json.loads(text)["clips"][0]["reviewed_by"] == "Zoë O'Hara"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"clips": [], "cut": []},
        {"clips": [{"id": 1}], "cuts": []},
        {"clips": [{**Snapshot.of([row()]).to_json()["clips"][0], "state": "lost"}], "cuts": []},
        {"clips": [{**Snapshot.of([row()]).to_json()["clips"][0], "colour": "red"}], "cuts": []},
        {"clips": [{**Snapshot.of([row()]).to_json()["clips"][0], "reviewed_at": "yesterday"}], "cuts": []},
        {"clips": 3, "cuts": []},
    ],
)
def test_from_json_fails_on_anything_else(document: dict[str, object]) -> None:
    with pytest.raises(RuleError, match="not the JSON of a snapshot"):
        Snapshot.from_json(document)


def test_a_bad_row_cannot_exist() -> None:
    with pytest.raises(RuleError, match="in frames and in PTS"):
        row(end_frame=0)
    with pytest.raises(RuleError, match="in frames and in PTS"):
        row(end_pts=0)
    with pytest.raises(RuleError, match="a time of retirement when it is retired; got clip 1 pending_review"):
        row(retired_at=datetime(2026, 1, 2, tzinfo=UTC))
    with pytest.raises(RuleError, match="a time of retirement when it is retired; got clip 1 retired"):
        row(state=ClipState.RETIRED)
    with pytest.raises(RuleError, match="a cut is inner"):
        CutRow(frame=0, pts=0, kind=CutKind.HARD, confidence=1.0, created_by="test")
    with pytest.raises(RuleError, match=r"a manual cut has no confidence; got 1.0 at frame 4"):
        CutRow(frame=4, pts=0, kind=CutKind.MANUAL, confidence=1.0, created_by="test")


def test_of_orders_and_refuses_duplicates() -> None:
    rows = laid_out(Cuts.of(100, [30, 60]))
    assert Snapshot.of(reversed(rows.clips), reversed(rows.cuts)) == rows
    with pytest.raises(RuleError, match="once"):
        Snapshot.of([row(), row(start_frame=5)])
    with pytest.raises(RuleError, match="once"):
        Snapshot.of([], [rows.cuts[0], rows.cuts[0]])


def test_lookups() -> None:
    desk = Desk(Cuts.of(100, [30, 60]))
    desk.act("merge", 2)
    third = desk.clip(3)
    before = desk.rows.clip_before(third)
    assert before is not None
    assert (before.id, before.span.frame_count) == (4, 60), "the retired clip that ends there is passed over"
    assert desk.rows.clip_before(before) is None
    assert desk.rows.cut(30) is None
    assert desk.rows.cut(60) is not None
    assert desk.rows.clip(99) is None
