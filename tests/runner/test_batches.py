"""What goes to Ray together."""

from types import SimpleNamespace

import pytest

from heaters.core.pipeline import STAGES
from heaters.errors import ChildDied, NodeFull, NodeLost, RuleError, StageError, WorkerLost
from heaters.runner.batches import HUGE_BYTES, Lost, batches
from heaters.runner.blame import blame
from heaters.runner.claims import Claim
from heaters.stages.base import StageResult

EMBED, DETECT = STAGES["embed"], STAGES["detect"]  # 64 clips a call, 4 videos a call


def claim(video: int, **more: object) -> Claim:
    return Claim(video_id=video, stretch=0, attempt=int(more.pop("attempt", 1)), **more)  # type: ignore[arg-type, call-overload]


def items(count: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(id=n) for n in range(count)]


def sizes(stage: object, given: dict[Claim, list[SimpleNamespace]], calls: int) -> list[int]:
    return [sum(len(given[c]) for c in batch.claims) for batch in batches(stage, given, calls)]  # type: ignore[arg-type]


def test_short_videos_fill_a_call_together() -> None:
    assert sizes(EMBED, {claim(n): items(10) for n in range(13)}, 2) == [60, 60, 10]


def test_work_is_spread_over_free_calls() -> None:
    assert sizes(EMBED, {claim(n): items(10) for n in range(4)}, 4) == [10, 10, 10, 10]


def test_a_long_stretch_is_one_call_where_no_other_is_free() -> None:
    assert sizes(EMBED, {claim(1): items(200), claim(2): items(5), claim(3): items(5)}, 1) == [200, 10]


def test_a_long_stretch_is_divided_among_free_calls_and_ends_as_one() -> None:
    (batch,) = batches(EMBED, {claim(1): items(200)}, 16, divide=True)
    parts = [part for _ in range(batch.startable) if (part := batch.next_part())]
    assert [len(part.items) for part in parts] == [66, 67, 67], "no part is smaller than what the stage takes in a call"
    assert batch.next_part() is None
    for part in reversed(parts):  # the last one is back first
        assert not batch.is_over
        batch.put(part, [StageResult(seconds=float(item.id)) for item in part.items])
    assert batch.is_over
    (ended,) = batch.ended()
    assert [result.seconds for _, result in ended.done] == [float(n) for n in range(200)], "each has its own outcome"
    assert not ended.goes_on


def test_a_stretch_stays_whole_where_more_is_due() -> None:
    assert [batch.startable for batch in batches(EMBED, {claim(1): items(200)}, 16)] == [1]


def lost(error: StageError, items: int) -> Lost:
    return Lost(error=error, blame=blame(error, items), items=items)


def test_a_batch_that_lost_a_part_waits_for_the_others_and_keeps_their_outcomes() -> None:
    (batch,) = batches(EMBED, {claim(1): items(200)}, 2, divide=True)
    first, second = batch.next_part(), batch.next_part()
    assert first is not None
    assert second is not None
    batch.give_up(lost(WorkerLost("died"), 100))
    assert not batch.is_over
    batch.put(second, [StageResult(seconds=1.0)] * len(second.items))
    assert batch.is_over
    (ended,) = batch.ended()
    assert ended.goes_on
    assert [item.id for item in ended.items] == list(range(100, 200))
    worn_out = batch.failed(claim(1), WorkerLost("died often"))
    assert [item.id for item, _ in worn_out.failed] == list(range(100)), "only what has no outcome fails"


def test_the_reason_that_asks_for_care_counts() -> None:
    (batch,) = batches(EMBED, {claim(1): items(200)}, 2, divide=True)
    for error in (NodeLost("gone"), WorkerLost("died")):
        assert batch.next_part() is not None
        batch.give_up(lost(error, 100))
    assert isinstance(batch.gone, Lost)
    assert batch.gone.blame.is_alone


def test_suspects_behind_a_lost_one_are_still_called() -> None:
    (batch,) = batches(EMBED, {claim(1, is_alone=True, losses=1): items(3)}, 4)
    for expected in range(3):
        part = batch.next_part()
        assert part is not None
        assert batch.next_part() is None, "one at a time"
        if expected == 0:
            batch.give_up(lost(NodeFull("full"), 1))
        else:
            batch.put(part, [StageResult(seconds=1.0)])
    assert batch.is_over
    (ended,) = batch.ended()
    assert ([item.id for item in ended.items], ended.goes_on) == ([1, 2], True)


def test_what_was_tried_before_has_a_call_of_its_own() -> None:
    given = {claim(1): items(1), claim(2, attempt=2): items(1), claim(3): items(1)}
    assert [[c.video_id for c in batch.claims] for batch in batches(EMBED, given, 1)] == [[2], [1, 3]]


def test_a_call_that_answers_for_too_few_is_refused() -> None:
    (batch,) = batches(EMBED, {claim(1): items(3)}, 1)
    part = batch.next_part()
    assert part is not None
    with pytest.raises(RuleError, match="one outcome for each item; got 2 for 3"):
        batch.put(part, [WorkerLost("died")] * 2)


def test_a_huge_or_tried_video_has_a_call_of_its_own() -> None:
    given = {
        claim(1): items(1),
        claim(2, size_bytes=HUGE_BYTES + 1): items(1),
        claim(3, attempt=2): items(1),
        claim(4): items(1),
    }
    found = [[c.video_id for c in batch.claims] for batch in batches(DETECT, given, 1)]
    assert found == [[2], [3], [1, 4]]


def test_suspects_run_item_by_item_one_after_the_other() -> None:
    suspect = claim(1, is_alone=True, losses=1)
    alone, together = batches(EMBED, {suspect: items(3), claim(2): items(2)}, 4)
    assert (alone.is_alone, together.is_alone) == (True, False)
    for expected in range(3):
        part = alone.next_part()
        assert part is not None
        assert [item.id for item in part.items] == [expected]
        alone.put(part, [WorkerLost("died")])
    assert alone.next_part() is None
    (ended,) = alone.ended()
    assert (ended.claim, len(ended.failed), len(ended.items)) == (suspect, 3, 3)


def test_an_item_whose_child_died_is_lost_alone_and_the_others_are_done() -> None:
    (batch,) = batches(EMBED, {claim(1): items(3)}, 1)
    part = batch.next_part()
    assert part is not None
    batch.put(part, [StageResult(seconds=1.0), ChildDied("ended without a reason"), StageResult(seconds=1.0)])
    assert batch.is_over
    (ended,) = batch.ended()
    assert ([item.id for item in ended.items], ended.goes_on) == ([0, 2], True)
    assert isinstance(batch.gone, Lost)
    assert (batch.gone.blame.counts, batch.gone.blame.is_alone, batch.gone.items) == (False, True, 1)
