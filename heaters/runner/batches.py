"""What goes to Ray together: claims, their items, and the parts in which these are called."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from heaters.core.pipeline import Stage, Subject
from heaters.errors import RuleError, StageError
from heaters.runner.blame import Blame
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
    """Why the claims of a batch go back without results: a call of `items` items ended by an error of its own."""

    error: StageError
    blame: Blame
    items: int


class Batch:
    """Claims that are worked on together, in one part or several.

    It is over when its last part is back. Its parts are called all at once, but for claims that run alone: these have a
    part for each item, one after the other.
    """

    def __init__(
        self, stage: Stage, items: Mapping[Claim, Sequence[Any]], *, parts: int = 1, is_alone: bool = False
    ) -> None:
        self.stage = stage
        self.is_alone = is_alone
        self.begun = time.monotonic()
        self.gone: Lost | Unfit | None = None  # why there will be no results
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
        if self.gone is not None:
            return 0
        return min(len(self._parts), 1 - self._in_flight) if self.is_alone else len(self._parts)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is in flight, nor will be."""
        return self._in_flight == 0 and (self.gone is not None or not self._parts)

    def next_part(self) -> Part | None:
        """The items of the next call; None where none may be called now."""
        if self.startable == 0:
            return None
        self._in_flight += 1
        return self._parts.popleft()

    def put(self, part: Part, outcomes: Sequence[StageResult | StageError]) -> None:
        """What came of a part, in its order."""
        if len(outcomes) != len(part.items):
            raise RuleError(f"a call gives one outcome for each item; got {len(outcomes)} for {len(part.items)}")
        self._outcomes[part.first : part.first + len(outcomes)] = outcomes
        self._in_flight -= 1

    def give_up(self, why: Lost | Unfit) -> None:
        """A part brought nothing. What else is in flight is waited for, so that nothing is worked on twice at once."""
        self.gone = self.gone or why
        self._in_flight -= 1

    def ended(self) -> list[Ended]:
        """All claims with their outcomes, once every part has some."""
        left = iter(self._outcomes)
        return [Ended(claim=c, items=tuple(g), outcomes=tuple(islice(left, len(g)))) for c, g in self._items.items()]  # type: ignore[arg-type]

    def failed(self, claim: Claim, error: StageError) -> Ended:
        """A claim of which every item failed by the same error."""
        return Ended(claim=claim, items=tuple(self._items[claim]), outcomes=(error,) * len(self._items[claim]))


def batches(stage: Stage, items: Mapping[Claim, Sequence[Any]], calls: int) -> Iterator[Batch]:
    """Batches of at most as many items as the stage takes in a call, spread over the free calls.

    A claim with more items is one call, unless others would be left idle: then it is divided among them, into parts of
    no fewer items than the stage takes in a call. Claims that were lost together with others run alone, item by item; a
    video that was tried before, or is huge, has a call of its own.
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
    share = max(1, -(-total // max(1, calls)))
    most, least = min(stage.batch, share), max(stage.batch, share)
    group: dict[Claim, Sequence[Any]] = {}
    count = 0
    for claim, given in together.items():
        if len(given) >= 2 * least:
            yield Batch(stage, {claim: given}, parts=len(given) // least)
            continue
        if group and count + len(given) > most:
            yield Batch(stage, group)
            group, count = {}, 0
        group[claim] = given
        count += len(given)
    if group:
        yield Batch(stage, group)
