"""What goes to Ray together: claims, their items, and the parts in which these are called."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from heaters.core.pipeline import Stage, Subject
from heaters.errors import ChildDied, RuleError, StageError
from heaters.runner.blame import Blame, blame
from heaters.runner.claims import Claim, Ended
from heaters.runner.words import Unfit
from heaters.stages.base import StageResult

# A source above this takes long: it goes alone, so that no others wait for the end of its call.
HUGE_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Items of a batch that are one call: those from number `first` on."""

    first: int
    items: Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Why items of a batch have no outcome: a call of `items` items ended by an error of its own."""

    error: StageError
    blame: Blame
    items: int


class Batch:
    """Claims that are worked on together, in one part or several.

    It is over when its last part is back. Its parts are called all at once, but for claims that run alone: these have a
    part for each item, one after the other. Where a part brought nothing, the outcomes of the others count.
    """

    def __init__(
        self, stage: Stage, items: Mapping[Claim, Sequence[Any]], *, parts: int = 1, is_alone: bool = False
    ) -> None:
        self.stage = stage
        self.is_alone = is_alone
        self.begun = time.monotonic()
        self._reasons: list[Lost | Unfit] = []  # why parts brought nothing
        self._items = items
        together = [item for given in items.values() for item in given]
        count = len(together) if is_alone else parts
        bounds = [len(together) * n // count for n in range(count + 1)]
        self._parts = deque(Part(first=a, items=together[a:b]) for a, b in pairwise(bounds))
        self._in_flight = 0
        self._outcomes: list[StageResult | StageError | None] = [None] * len(together)

    @property
    def claims(self) -> list[Claim]:
        return list(self._items)

    @property
    def startable(self) -> int:
        """How many parts may be called now."""
        if self._is_unfit:
            return 0
        return min(len(self._parts), 1 - self._in_flight) if self.is_alone else len(self._parts)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is in flight, nor will be."""
        return self._in_flight == 0 and (self._is_unfit or not self._parts)

    @property
    def gone(self) -> Lost | Unfit | None:
        """Why some items have no outcome: the reason that asks for the most care. None where all have one."""
        return min(self._reasons, key=_care, default=None)

    @property
    def _is_unfit(self) -> bool:
        return any(isinstance(why, Unfit) for why in self._reasons)

    def next_part(self) -> Part | None:
        """The items of the next call; None where none may be called now."""
        if self.startable == 0:
            return None
        self._in_flight += 1
        return self._parts.popleft()

    def put(self, part: Part, outcomes: Sequence[StageResult | StageError]) -> None:
        """What came of a part, in its order. An item whose child died without a reason has no outcome: it is lost."""
        if len(outcomes) != len(part.items):
            raise RuleError(f"a call gives one outcome for each item; got {len(outcomes)} for {len(part.items)}")
        known = [None if isinstance(outcome, ChildDied) else outcome for outcome in outcomes]
        self._outcomes[part.first : part.first + len(known)] = known
        self._reasons += [
            Lost(error=one, blame=blame(one, 1), items=1) for one in outcomes if isinstance(one, ChildDied)
        ]
        self._in_flight -= 1

    def give_up(self, why: Lost | Unfit) -> None:
        """A part brought nothing. What else is in flight is waited for, so that nothing is worked on twice at once."""
        self._reasons.append(why)
        self._in_flight -= 1

    def ended(self) -> list[Ended]:
        """Each claim with the outcomes that there are; those with items that have none go on."""
        found = []
        for claim, pairs in self._by_claim():
            there = [(item, outcome) for item, outcome in pairs if outcome is not None]
            items, outcomes = [item for item, _ in there], [outcome for _, outcome in there]
            found.append(Ended(claim=claim, items=items, outcomes=outcomes, goes_on=len(there) < len(pairs)))
        return found

    def failed(self, claim: Claim, error: StageError) -> Ended:
        """A claim of which every item without an outcome failed by the same error."""
        pairs = next(pairs for one, pairs in self._by_claim() if one == claim)
        left = [item for item, outcome in pairs if outcome is None]
        return Ended(claim=claim, items=left, outcomes=[error] * len(left))

    def _by_claim(self) -> Iterator[tuple[Claim, list[tuple[Any, StageResult | StageError | None]]]]:
        left = iter(self._outcomes)
        for claim, items in self._items.items():
            yield claim, list(zip(items, islice(left, len(items)), strict=True))


def _care(why: Lost | Unfit) -> int:
    """Losses after which items run alone come first, then other losses, which count, then nodes that are unfit."""
    return 2 if isinstance(why, Unfit) else 0 if why.blame.is_alone else 1


def batches(stage: Stage, items: Mapping[Claim, Sequence[Any]], calls: int, *, divide: bool = False) -> Iterator[Batch]:
    """Batches of at most as many items as the stage takes in a call, spread over the free calls.

    A claim with more items is one call, or with `divide`, where nothing else is due for the others, several: of no
    fewer items than the stage takes in a call. Claims that were lost together with others run alone, item by item. What
    was tried before has a call of its own, as has a huge video.
    """
    together: dict[Claim, Sequence[Any]] = {}
    for claim, given in items.items():
        if claim.is_alone:
            yield Batch(stage, {claim: given}, is_alone=True)
        elif claim.attempt > 1 or (stage.subject is Subject.VIDEO and claim.size_bytes > HUGE_BYTES):
            yield Batch(stage, {claim: given})
        else:
            together[claim] = given
    total = sum(len(given) for given in together.values())
    share = max(1, -(-total // max(1, calls)))
    most, least = min(stage.batch, share), max(stage.batch, share)
    group: dict[Claim, Sequence[Any]] = {}
    count = 0
    for claim, given in together.items():
        if divide and len(given) >= 2 * least:
            yield Batch(stage, {claim: given}, parts=len(given) // least)
            continue
        if group and count + len(given) > most:
            yield Batch(stage, group)
            group, count = {}, 0
        group[claim] = given
        count += len(given)
    if group:
        yield Batch(stage, group)
