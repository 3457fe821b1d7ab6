"""Agreement between reviewers, on logs counted by hand."""

import pytest

from heaters.core.agreement import Place, Said, agreement

A: Place = (1, 0, 100)
B: Place = (1, 100, 200)
C: Place = (2, 0, 50)


class Log:
    """Events with running ids."""

    def __init__(self) -> None:
        self.events: list[Said] = []

    def say(self, reviewer: str, action: str, *places: Place, undoes: int | None = None) -> int:
        event = Said(id=len(self.events) + 1, reviewer=reviewer, action=action, places=places, undoes=undoes)
        self.events.append(event)
        return event.id


def test_one_reviewer_agrees_with_nobody() -> None:
    log = Log()
    log.say("ann", "approve", A)
    log.say("ann", "skip", B)
    found = agreement(log.events)
    assert (found.clips, found.pairs, found.share, found.beyond_chance) == (0, 0, None, None)


def test_an_edit_of_what_another_approved_disagrees() -> None:
    log = Log()
    log.say("ann", "approve", A)
    log.say("ann", "approve", B)
    log.say("bob", "merge", A, B)
    found = agreement(log.events)
    assert (found.clips, found.pairs, found.same) == (2, 2, 0)
    assert found.verdicts == {("approve", "edit"): 2}
    assert found.reviewers == {("ann", "bob"): (2, 0)}
    assert found.beyond_chance == -1


def test_a_group_agrees_and_the_last_verdict_counts() -> None:
    log = Log()
    log.say("ann", "approve", A)
    first = log.say("ann", "skip", B)
    log.say("ann", "undo", B, undoes=first)
    log.say("ann", "approve", B)
    log.say("bob", "group", A, B)
    assert (agreement(log.events).pairs, agreement(log.events).same) == (2, 2)


def test_what_was_taken_back_counts_where_nothing_else_was_said() -> None:
    log = Log()
    taken = log.say("ann", "skip", A)
    undo = log.say("ann", "undo", A, undoes=taken)
    log.say("bob", "approve", A)
    assert agreement(log.events).verdicts == {("approve", "skip"): 1}
    log.say("ann", "approve", A)
    assert agreement(log.events).verdicts == {("approve", "approve"): 1}
    log.events.pop()
    log.say("ann", "redo", A, undoes=undo)  # it stands again
    assert agreement(log.events).verdicts == {("approve", "skip"): 1}


def test_beyond_chance_is_scotts_pi() -> None:
    log = Log()
    # Ten clips: both approve 4, both skip 3, split 3. Pooled: approve 11/20, skip 9/20; expected 0.505.
    for n, (ann, bob) in enumerate([("approve",) * 2] * 4 + [("skip",) * 2] * 3 + [("approve", "skip")] * 3):
        log.say("ann", ann, (3, n, n + 1))
        log.say("bob", bob, (3, n, n + 1))
    found = agreement(log.events)
    assert found.share == pytest.approx(0.7)
    assert found.beyond_chance == pytest.approx((0.7 - 0.505) / (1 - 0.505))


def test_three_reviewers_are_three_pairs() -> None:
    log = Log()
    for name in ("ann", "bob", "eve"):
        log.say(name, "approve", C)
    found = agreement(log.events)
    assert (found.clips, found.pairs, found.same, found.beyond_chance) == (1, 3, 3, None)
