"""How far reviewers agree: the clips that two of them judged, and how much more than by chance.

A verdict is the last thing a reviewer did to exactly these frames: approve, skip, archive, or edit (split, merge, move
a cut of it). Grouping approves. A decision that its author took back counts only where they gave no other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

VERDICTS: Mapping[str, str] = {
    "approve": "approve",
    "group": "approve",
    "skip": "skip",
    "archive": "archive",
    "split": "edit",
    "merge": "edit",
    "move": "edit",
}

Place = tuple[int, int, int]  # video, start_frame, end_frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One event of review: its author did `action` to the clips at `places`. `undoes`: it reverses that event."""

    id: int
    reviewer: str
    action: str
    places: tuple[Place, ...]
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """`pairs` of verdicts by two reviewers on the same clip, `same` of them equal. `verdicts`: how often each pair."""

    clips: int
    pairs: int
    same: int
    beyond_chance: float | None  # Scott's pi: 1 always, 0 as by chance, None where chance explains all or there is none
    verdicts: dict[tuple[str, str], int] = field(default_factory=dict, hash=False)
    reviewers: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict, hash=False)  # pairs, same

    @property
    def share(self) -> float | None:
        return self.same / self.pairs if self.pairs else None


def agreement(events: Iterable[Said]) -> Agreement:
    """The agreement in a log of review, in the order of its events."""
    judged = _verdicts(list(events))
    pairs: Counter[tuple[str, str]] = Counter()
    people: dict[tuple[str, str], tuple[int, int]] = {}
    marginal: Counter[str] = Counter()
    clips = 0
    for said in judged.values():
        clips += len(said) > 1
        for one, other in combinations(sorted(said), 2):
            a, b = sorted((said[one], said[other]))
            pairs[a, b] += 1
            marginal.update((a, b))
            count, same = people.get((one, other), (0, 0))
            people[one, other] = (count + 1, same + (a == b))
    number = sum(pairs.values())
    same = sum(count for (a, b), count in pairs.items() if a == b)
    return Agreement(
        clips=clips,
        pairs=number,
        same=same,
        beyond_chance=_scott(same, number, marginal),
        verdicts=dict(sorted(pairs.items())),
        reviewers=dict(sorted(people.items())),
    )


def _scott(same: int, pairs: int, marginal: Counter[str]) -> float | None:
    """Scott's pi (1955): (observed - expected) / (1 - expected), expected from the pooled shares of the verdicts."""
    if not pairs:
        return None
    expected = sum((count / (2 * pairs)) ** 2 for count in marginal.values())
    return None if expected == 1 else (same / pairs - expected) / (1 - expected)


def _verdicts(events: list[Said]) -> dict[Place, dict[str, str]]:
    """Each reviewer's verdict on each place."""
    withdrawn: set[int] = set()
    root = {event.id: event.id for event in events if event.undoes is None}
    for event in events:  # an undo reverses an event, a redo reverses that undo, and so on
        if event.undoes is not None and event.undoes in root:
            root[event.id] = root[event.undoes]
            withdrawn ^= {root[event.id]}
    judged: dict[Place, dict[str, str]] = {}
    for standing in (False, True):  # what stands goes over what was taken back
        for event in events:
            verdict = VERDICTS.get(event.action)
            if verdict and event.undoes is None and (event.id not in withdrawn) is standing:
                for place in event.places:
                    judged.setdefault(place, {})[event.reviewer] = verdict
    return judged
