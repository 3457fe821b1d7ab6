"""Scores against cases counted by hand, and against the best matching there is."""

from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.core.cuts import Span
from heaters.core.evaluation import Counts, Decided, TrueCut, score, suggested, total
from heaters.core.layout import LaidCut
from heaters.core.states import CutKind
from heaters.errors import RuleError


def hard(*frames: int) -> list[LaidCut]:
    return [LaidCut(frame=f, kind=CutKind.HARD, confidence=0.9, metadata={"span": [f, f]}) for f in frames]


def gradual(start: int, frame: int, end: int) -> LaidCut:
    return LaidCut(frame=frame, kind=CutKind.GRADUAL, confidence=0.9, metadata={"span": [start, end]})


def decided(
    *frames: int, inside: tuple[tuple[int, int], ...] = ((0, 1000),), open_frames: tuple[int, ...] = ()
) -> Decided:
    return Decided(
        cuts=tuple(TrueCut(frame=f, start_frame=f, end_frame=f) for f in frames),
        inside=tuple(Span(start_frame=a, end_frame=b) for a, b in inside),
        open_frames=open_frames,
    )


@pytest.mark.parametrize(
    ("found", "true", "counts"),
    [
        ([], [], (0, 0, 0)),
        ([100], [100], (1, 0, 0)),
        ([102], [100], (1, 0, 0)),
        ([103], [100], (0, 1, 1)),
        ([98, 101], [100], (1, 1, 0)),
        ([100], [99, 101], (1, 0, 1)),
        ([100, 103], [99, 105], (2, 0, 0)),
        ([50, 100, 150], [100, 200], (1, 2, 1)),
    ],
)
def test_counts(found: list[int], true: list[int], counts: tuple[int, int, int]) -> None:
    got = score(hard(*found), decided(*true))
    assert (got.right, got.wrong, got.missed) == counts


def test_a_cut_within_a_transition_is_right() -> None:
    dissolve = Decided(
        cuts=(TrueCut(frame=110, start_frame=100, end_frame=120),), inside=(Span(start_frame=0, end_frame=500),)
    )
    assert score(hard(101), dissolve).right == 1
    assert score([gradual(90, 95, 99)], dissolve).right == 1
    assert score([gradual(80, 90, 96)], dissolve) == Counts(wrong=1, missed=1)
    assert score([gradual(95, 100, 105)], decided(102)).right == 1


def test_what_nobody_decided_does_not_count() -> None:
    some = decided(100, inside=((100, 200), (300, 400)), open_frames=(300,))
    # At 250 nobody decided anything, at 301 a cut for length alone; at 150 a person saw that there is none.
    assert score(hard(100, 150, 250, 301, 350), some) == Counts(right=1, wrong=2)


@given(
    st.lists(st.integers(1, 60), max_size=5, unique=True).map(sorted),
    st.lists(st.integers(1, 60), max_size=5, unique=True).map(sorted),
)
def test_no_matching_is_better(found: list[int], true: list[int]) -> None:
    got = score(hard(*found), decided(*true))
    best = 0
    for size in range(1, min(len(found), len(true)) + 1):
        for some in combinations(found, size):
            for others in permutations(true, size):
                best = max(best, size if all(abs(a - b) <= 2 for a, b in zip(some, others, strict=True)) else 0)
    assert (got.right, got.wrong, got.missed) == (best, len(found) - best, len(true) - best)


def test_shares() -> None:
    counts = Counts(right=6, wrong=2, missed=4)
    assert (counts.precision, counts.recall, counts.f1) == (0.75, 0.6, pytest.approx(2 * 0.75 * 0.6 / 1.35))
    assert (Counts().precision, Counts().recall, Counts().f1) == (None, None, None)
    assert (Counts(missed=1).precision, Counts(missed=1).f1) == (None, 0.0)
    assert total([counts, Counts(wrong=1)]) == Counts(right=6, wrong=3, missed=4)


def test_the_middle_of_the_best_thresholds_is_suggested() -> None:
    def flat(right: int) -> Counts:
        return Counts(right=right, missed=100 - right)

    scores = [(0.1, flat(50)), (0.2, flat(90)), (0.3, flat(90)), (0.4, flat(90)), (0.5, flat(80)), (0.6, flat(90))]
    assert suggested(scores) == 0.3
    assert suggested([(0.5, Counts())]) == 0.5
    with pytest.raises(RuleError, match="at least one score"):
        suggested([])
