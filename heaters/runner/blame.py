"""Whose fault it is when a call ends without results: one table.

A call of several items whose process died does not say which item killed it. Nobody is blamed then, but the items run
one at a time from there on; what dies alone is to blame.
"""

from dataclasses import dataclass

from heaters.errors import ChildDied, NodeFull, NodeLost, StageError, StageTimeout, WorkerLost

# An item whose workers died this often without an answer is probably what kills them.
MAX_LOSSES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """What an error of a whole call means for its items.

    `counts`: as a failure of each. Otherwise their claims are lost and wait, `delay_seconds` times the number of their
    losses; `is_alone`: to run one at a time.
    """

    counts: bool
    is_alone: bool = False
    delay_seconds: float = 0.0


_FAILURE, _INNOCENT = Blame(counts=True), Blame(counts=False)
# Error → blame of a call with several items, and with one. The first row that fits counts.
_TABLE: tuple[tuple[type[StageError], Blame, Blame], ...] = (
    # Ray ended it for the sake of the node, which may have room again later: together they would be ended together
    # again.
    (
        NodeFull,
        Blame(counts=False, is_alone=True, delay_seconds=10.0),
        Blame(counts=False, is_alone=True, delay_seconds=10.0),
    ),
    # Others may have taken the memory that it needed: it waits, and has the machine more for itself.
    (
        ChildDied,
        Blame(counts=False, is_alone=True, delay_seconds=10.0),
        Blame(counts=False, is_alone=True, delay_seconds=10.0),
    ),
    (NodeLost, _INNOCENT, _INNOCENT),
    (WorkerLost, Blame(counts=False, is_alone=True), _FAILURE),
    (StageTimeout, Blame(counts=False, is_alone=True), _FAILURE),
    (StageError, _FAILURE, _FAILURE),
)


def blame(error: StageError, items: int, *, has_begun: bool = True) -> Blame:
    """What `error` means for the `items` items of a call. A process that died before it began with them, as one may
    that had another call before, says nothing of them.
    """
    if isinstance(error, WorkerLost) and not has_begun and not isinstance(error, NodeFull):
        return _INNOCENT
    several, one = next((several, one) for kind, several, one in _TABLE if isinstance(error, kind))
    return several if items > 1 else one


def final(error: StageError, losses: int) -> StageError:
    """The error of an item that was lost so often that it is not tried again."""
    made = type(error)(f"lost {losses} times, so it is probably what kills its workers: {error}")
    made.retryable = False
    return made
