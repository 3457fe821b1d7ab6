"""What goes to Ray together."""

from types import SimpleNamespace

from heaters.core.pipeline import STAGES
from heaters.errors import WorkerLost
from heaters.runner.batches import HUGE_BYTES, batches
from heaters.runner.claims import Claim

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


def test_a_stretch_is_never_divided() -> None:
    assert sizes(EMBED, {claim(1): items(200), claim(2): items(5), claim(3): items(5)}, 1) == [200, 10]


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
        assert [item.id for _, item in part] == [expected]
        alone.put(part, [WorkerLost("died")])
    assert alone.next_part() is None
    (ended,) = alone.ended()
    assert (ended.claim, len(ended.failed), len(ended.items)) == (suspect, 3, 3)
