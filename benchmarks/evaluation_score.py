"""Scoring found cuts against the true ones."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from evaluation_script import Span

TOLERANCE_FRAMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Counts over films; `+` adds them up.

    A found cut hits a transition when it lies at most two frames outside it; each transition is hit once, and what
    is left over is false. `false_at` counts the false cuts at decoys by kind, and "" elsewhere.
    """

    hits: Counter[str] = field(default_factory=Counter)  # "hard" or "gradual" → transitions found
    truths: Counter[str] = field(default_factory=Counter)
    false_at: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Score") -> "Score":
        return Score(
            hits=self.hits + other.hits, truths=self.truths + other.truths, false_at=self.false_at + other.false_at
        )

    @property
    def false(self) -> int:
        """False cuts in all."""
        return self.false_at.total()

    def recall(self, *kinds: str) -> float:
        """Share of the true transitions of these kinds (none: all) that were found."""
        return sum(self.hits[k] for k in kinds or self.truths) / max(
            sum(self.truths[k] for k in kinds or self.truths), 1
        )

    def precision(self, *kinds: str) -> float:
        """Share of the found cuts that are true. For one kind every false cut counts, as it has no true kind."""
        hits = sum(self.hits[k] for k in kinds or self.truths)
        return hits / max(hits + self.false, 1)

    def f1(self, *kinds: str) -> float:
        """Harmonic mean of precision and recall."""
        precision, recall = self.precision(*kinds), self.recall(*kinds)
        return 2 * precision * recall / max(precision + recall, 1e-9)


def score(found: Iterable[int], cuts: Sequence[Span], decoys: Sequence[Span]) -> Score:
    """Match found cuts with true ones, nearest pairs first."""
    frames = sorted(set(found))
    pairs = sorted(
        (max(cut.start - frame, frame - cut.stop, 0), abs(2 * frame - cut.start - cut.stop), frame, number)
        for frame in frames
        for number, cut in enumerate(cuts)
        if cut.start - TOLERANCE_FRAMES <= frame <= cut.stop + TOLERANCE_FRAMES
    )
    matched: dict[int, int] = {}  # transition → frame
    for _, _, frame, number in pairs:
        if number not in matched and frame not in matched.values():
            matched[number] = frame
    false_at: Counter[str] = Counter()
    for frame in set(frames) - set(matched.values()):
        near = [d.kind for d in decoys if d.start - TOLERANCE_FRAMES <= frame <= d.stop + TOLERANCE_FRAMES]
        false_at[near[0] if near else ""] += 1
    return Score(
        hits=Counter(_kind(cuts[number]) for number in matched),
        truths=Counter(map(_kind, cuts)),
        false_at=false_at,
    )


def _kind(cut: Span) -> str:
    return "hard" if cut.kind == "hard" else "gradual"
