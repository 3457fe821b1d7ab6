"""Whose fault it is when a call ends without results."""

import pytest

from heaters.errors import ChildDied, MediaError, NodeFull, NodeLost, StageError, StageTimeout, StoreError, WorkerLost
from heaters.runner.blame import blame, final


@pytest.mark.parametrize(
    ("error", "items", "counts", "is_alone"),
    [
        (WorkerLost("died"), 8, False, True),  # one of them may be what killed it
        (WorkerLost("died"), 1, True, False),
        (ChildDied("ended without a reason"), 1, False, True),  # the machine's trouble, even where it was alone
        (StageTimeout("hung"), 8, False, True),
        (StageTimeout("hung"), 1, True, False),
        (NodeLost("gone"), 8, False, False),
        (NodeLost("gone"), 1, False, False),
        (NodeFull("no memory"), 8, False, True),
        (NodeFull("no memory"), 1, False, True),  # another's process may have taken it
        (StoreError("away"), 8, True, False),
        (MediaError("broken"), 1, True, False),
    ],
)
def test_blame(error: StageError, items: int, counts: bool, is_alone: bool) -> None:
    found = blame(error, items)
    assert (found.counts, found.is_alone) == (counts, is_alone)


@pytest.mark.parametrize("items", [1, 8])
def test_a_process_that_died_before_it_began_says_nothing_of_the_items(items: int) -> None:
    found = blame(WorkerLost("died"), items, has_begun=False)
    assert (found.counts, found.is_alone) == (False, False)
    assert blame(NodeFull("no memory"), items, has_begun=False).is_alone, "that is said of a call wherever it stood"


def test_only_a_full_node_is_given_time() -> None:
    assert blame(NodeFull("no memory"), 1).delay_seconds > 0
    assert blame(WorkerLost("died"), 2).delay_seconds == blame(NodeLost("gone"), 1).delay_seconds == 0


def test_what_was_lost_too_often_is_not_tried_again_and_keeps_its_kind() -> None:
    error = final(NodeFull("no memory"), 10)
    assert isinstance(error, NodeFull)
    assert not error.retryable
    assert "lost 10 times" in str(error)
    assert NodeFull("other").retryable
