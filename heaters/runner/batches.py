"""What goes to Ray together: claims, their items, and the parts in which these are called."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heaters.core.pipeline import Stage, Subject
from heaters.errors import StageError
from heaters.runner.claims import Claim, Ended
from heaters.stages.base import StageResult

# A source above this takes long: it goes alone, so that no others wait for the end of its call.
HUGE_BYTES = 4 * 2**30

Part = list[tuple[Claim, Any]]


class Batch:
    """Claims that are worked on together. Usually one part; claims that run alone have a part for each item, one after
    the other.
    """

    def __init__(self, stage: Stage, items: Mapping[Claim, Sequence[Any]], *, is_alone: bool = False) -> None:
        self.stage = stage
        self.is_alone = is_alone
        self._items = items
        self._outcomes: dict[Claim, list[StageResult | StageError]] = {claim: [] for claim in items}
        pairs = [(claim, item) for claim, given in items.items() for item in given]
        self._parts: deque[Part] = deque([[pair] for pair in pairs] if is_alone else [pairs])

    @property
    def claims(self) -> list[Claim]:
        return list(self._items)

    def next_part(self) -> Part | None:
        """The items of the next call; None when all have been called."""
        return self._parts.popleft() if self._parts else None

    def put(self, part: Part, outcomes: Sequence[StageResult | StageError]) -> None:
        """What came of a part, in its order."""
        for (claim, _), outcome in zip(part, outcomes, strict=True):
            self._outcomes[claim].append(outcome)

    def ended(self) -> list[Ended]:
        """All claims with their outcomes, once every part has some."""
        return [Ended(claim=c, items=tuple(self._items[c]), outcomes=tuple(self._outcomes[c])) for c in self._items]

    def failed(self, claim: Claim, error: StageError) -> Ended:
        """A claim of which every item failed by the same error."""
        return Ended(claim=claim, items=tuple(self._items[claim]), outcomes=(error,) * len(self._items[claim]))


def batches(stage: Stage, items: Mapping[Claim, Sequence[Any]], calls: int) -> Iterator[Batch]:
    """Batches of at most as many items as the stage takes in a call, spread over the free calls. A claim is never
    divided. Claims that were lost together with others run alone, item by item; a video that was tried before, or is
    huge, has a call of its own.
    """
    together: dict[Claim, Sequence[Any]] = {}
    for claim, given in items.items():
        if claim.is_alone:
            yield Batch(stage, {claim: given}, is_alone=True)
        elif stage.subject is Subject.VIDEO and (claim.attempt > 1 or claim.size_bytes > HUGE_BYTES):
            yield Batch(stage, {claim: given})
        else:
            together[claim] = given
    total = sum(len(given) for given in together.values())
    most = min(stage.batch, max(1, -(-total // max(1, calls))))
    group: dict[Claim, Sequence[Any]] = {}
    count = 0
    for claim, given in together.items():
        if group and count + len(given) > most:
            yield Batch(stage, group)
            group, count = {}, 0
        group[claim] = given
        count += len(given)
    if group:
        yield Batch(stage, group)
