"""A detector's cuts measured against what people decided: right, wrong and missed, threshold by threshold.

A clip that somebody approved has right ends and no cut inside. Skipped and archived clips vouch for nothing: nobody
mends what is thrown away. Cuts made for length alone are nobody's claim and count neither way.
It does not know where evidence comes from.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heaters.core.cuts import Span
from heaters.core.layout import LaidCut
from heaters.errors import RuleError

# A cut so many frames off is the same cut: compression smears one over as many, and people stop where they notice it.
TOLERANCE_FRAMES = 2
# Thresholds whose F1 is this near to the best are as good as it: their difference is a cut or two.
AS_GOOD = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCut:
    """A cut that a person vouched for. [start_frame, end_frame] is its transition, both equal `frame` if hard."""

    frame: int
    start_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What people decided of one video: where there are cuts, where there are none, and where nobody claims either.

    `inside` are the approved clips in order; `open_frames` the cuts at their ends that count neither way.
    """

    cuts: tuple[TrueCut, ...]
    inside: tuple[Span, ...]
    open_frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Cuts that were right, wrong and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(right=self.right + other.right, wrong=self.wrong + other.wrong, missed=self.missed + other.missed)

    @property
    def precision(self) -> float | None:
        """Of the cuts found, the share that is right; None where none was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """Of the true cuts, the share that was found; None where there are none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both: 2 right / (2 right + wrong + missed); None where there is nothing to find."""
        whole = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / whole if whole else None


def score(found: Sequence[LaidCut], decided: Decided, tolerance: int = TOLERANCE_FRAMES) -> Counts:
    """Match the cuts of a detector, in order, with the true ones, one to one.

    Two match where their transitions meet within `tolerance` frames. A found cut without a partner is wrong inside an
    approved clip, and no matter elsewhere.
    """
    right, wrong, at = 0, 0, 0
    for cut in found:
        start, end = _span(cut)
        while at < len(decided.cuts) and decided.cuts[at].end_frame + tolerance < start:
            at += 1
        if at < len(decided.cuts) and decided.cuts[at].start_frame - tolerance <= end:
            right += 1
            at += 1
        elif _is_inside(cut.frame, decided) and not _is_open(cut.frame, decided, tolerance):
            wrong += 1
    return Counts(right=right, wrong=wrong, missed=len(decided.cuts) - right)


def _span(cut: LaidCut) -> tuple[int, int]:
    start, end = cut.metadata.get("span") or (cut.frame, cut.frame)
    return min(start, cut.frame), max(end, cut.frame)


def _is_inside(frame: int, decided: Decided) -> bool:
    at = bisect_right(decided.inside, frame, key=lambda span: span.start_frame) - 1
    return at >= 0 and decided.inside[at].start_frame <= frame < decided.inside[at].end_frame


def _is_open(frame: int, decided: Decided, tolerance: int) -> bool:
    at = bisect_left(decided.open_frames, frame - tolerance)
    return at < len(decided.open_frames) and decided.open_frames[at] <= frame + tolerance


def suggested(scores: Sequence[tuple[float, Counts]]) -> float:
    """The threshold to use: in the middle of those whose F1 is as good as the best, so that it bears some change.

    Raises RuleError for no threshold at all.
    """
    if not scores:
        raise RuleError("a threshold is suggested from at least one score; got none")
    values = [counts.f1 or 0.0 for _, counts in scores]
    best = max(range(len(values)), key=values.__getitem__)
    first = last = best
    while first > 0 and values[first - 1] >= values[best] - AS_GOOD:
        first -= 1
    while last + 1 < len(values) and values[last + 1] >= values[best] - AS_GOOD:
        last += 1
    return scores[(first + last) // 2][0]


def total(counts: Iterable[Counts]) -> Counts:
    """The sum."""
    result = Counts()
    for one in counts:
        result += one
    return result
