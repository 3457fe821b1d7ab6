"""Evidence and rules become cuts: thresholds, lengths in time, stretches."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaters.core.cuts import Span
from heaters.core.layout import Evidence, LaidCut, Layout, Rules
from heaters.core.states import CutKind
from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import RuleError

MILLISECONDS = TimeBase(num=1, den=1000)


def table(count: int, step: int = 40) -> PtsTable:
    """Frames every `step` milliseconds."""
    return PtsTable.of(range(0, count * step, step), MILLISECONDS, count * step)


def peaks(count: int, **at: float) -> Evidence:
    """Peaks of the single head before the named frames: `f30=0.9` is a hard cut at frame 30."""
    single = [0.0] * count
    for name, value in at.items():
        single[int(name[1:]) - 1] = value
    return Evidence.of(single)


def frames(seen: Evidence, pts: PtsTable, **rules: float) -> list[int]:
    return [cut.frame for cut in Layout(seen, pts, Rules(**rules)).whole()]


def test_a_cut_says_what_it_is_and_under_which_threshold_it_was_found() -> None:
    (cut,) = Layout(peaks(100, f30=0.75), table(100), Rules(threshold=0.6)).whole()
    assert cut == LaidCut(frame=30, kind=CutKind.HARD, confidence=0.75, metadata={"span": [30, 30], "threshold": 0.6})


def test_a_gradual_cut_lies_in_the_middle_of_its_span() -> None:
    seen = Evidence.of([0.9 if i == 25 else 0.0 for i in range(60)], [0.9 if 20 <= i < 32 else 0.0 for i in range(60)])
    (cut,) = Layout(seen, table(60), Rules()).whole()
    assert (cut.frame, cut.kind, cut.metadata["span"]) == (26, CutKind.GRADUAL, [20, 32])


def test_threshold_decides_which_transitions_count() -> None:
    seen = peaks(100, f30=0.4, f60=0.8)
    assert frames(seen, table(100)) == [60]
    assert frames(seen, table(100), threshold=0.3) == [30, 60]
    assert frames(seen, table(100), threshold=0.9) == []


def test_confidence_is_what_a_32_bit_column_keeps() -> None:
    (cut,) = Layout(peaks(100, f30=0.9), table(100), Rules()).whole()
    assert cut.confidence == pytest.approx(0.9)
    assert cut.confidence == Fraction(15099494, 16777216)


def test_lengths_are_times_and_not_frames() -> None:
    """Ten seconds at 25 per second, then ten at 2: a second is 25 frames there and 2 here."""
    ticks = [*range(0, 10_000, 40), *range(10_000, 20_000, 500)]
    vfr = PtsTable.of(ticks, MILLISECONDS, 20_000)
    seen = peaks(len(ticks), f100=0.9, f110=0.8, f250=0.9, f253=0.8, f260=0.8)
    assert frames(seen, vfr, min_clip_seconds=1.0) == [100, 250, 253, 260], "3 frames of half a second are long enough"
    assert frames(seen, vfr, min_clip_seconds=1.6) == [100, 250, 260]
    spans = [0, *frames(seen, vfr, max_clip_seconds=2.0), len(ticks)]
    shown = [*ticks, 20_000]
    assert max(shown[b] - shown[a] for a, b in pairwise(spans)) <= 2000


def test_a_tenth_of_a_second_is_a_tenth() -> None:
    seen = peaks(100, f30=0.9, f31=0.0, f34=0.8)
    assert frames(seen, table(100, 25), min_clip_seconds=0.1) == [30, 34], "exactly four frames of 25 ms"
    assert frames(seen, table(100, 25), min_clip_seconds=0.1001) == [30]


def test_long_shots_are_split_at_their_most_likely_frame_and_say_why() -> None:
    single = [0.0] * 100
    single[40] = 0.3
    cut = Layout(Evidence.of(single), table(100), Rules(max_clip_seconds=2.5)).whole()[0]
    assert (cut.frame, cut.kind, cut.metadata) == (40, CutKind.HARD, {"reason": "maximum length"})


def test_a_frame_longer_than_the_longest_clip_is_left_whole() -> None:
    slides = PtsTable.of([0, 10_000, 20_000], MILLISECONDS, 30_000)
    assert frames(Evidence.of([0.0] * 3), slides, max_clip_seconds=5) == [1, 2]


def test_given_cuts_are_there_whatever_the_threshold() -> None:
    seen = Evidence.of([0.0] * 100, given=[25, 50])
    assert frames(seen, table(100), threshold=0.99) == [25, 50]
    assert Layout(seen, table(100), Rules()).whole()[0].metadata == {"reason": "fixed stride"}
    assert frames(seen, table(100), min_clip_seconds=1.2) == [50]


def test_a_stretch_is_laid_for_itself() -> None:
    seen = peaks(100, f20=0.9, f30=0.9, f33=0.7, f80=0.9)
    layout = Layout(seen, table(100), Rules(min_clip_seconds=0.4))
    assert [cut.frame for cut in layout.whole()] == [20, 30, 80]
    stretch = Span(start_frame=30, end_frame=80)
    assert layout.of(stretch) == [], "33 is too near the stretch's own beginning; its ends are no cuts of it"
    assert [cut.frame for cut in layout.of(Span(start_frame=0, end_frame=34))] == [20, 30][:1]


values = st.sampled_from([0.0, 0.3, 0.6, 0.9])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(values, values, st.integers(1, 90)), min_size=1, max_size=120),
    st.sampled_from([0.0, 0.1, 0.25]),
    st.sampled_from([0.0, 0.6, 2.0]),
)
def test_what_always_holds(rows: list[tuple[float, float, int]], shortest: float, longest: float) -> None:
    ticks = [0]
    for _, _, step in rows:
        ticks.append(ticks[-1] + step)
    pts = PtsTable.of(ticks[:-1], MILLISECONDS, ticks[-1])
    seen = Evidence.of([a for a, _, _ in rows], [b for _, b, _ in rows])
    rules = Rules(min_clip_seconds=shortest, max_clip_seconds=longest)
    cuts = [cut.frame for cut in Layout(seen, pts, rules).whole()]
    assert cuts == sorted(set(cuts))
    lengths = [ticks[b] - ticks[a] for a, b in pairwise([0, *cuts, len(rows)])]
    assert len(lengths) == 1 or min(lengths) >= shortest * 1000
    for a, b in pairwise([0, *cuts, len(rows)]) if longest else ():
        room = [f for f in range(a + 1, b) if min(ticks[f] - ticks[a], ticks[b] - ticks[f]) >= shortest * 1000]
        assert ticks[b] - ticks[a] <= max(longest, 2 * shortest) * 1000 or not room


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"threshold": 0}, r"in \(0, 1\); got 0"),
        ({"threshold": float("nan")}, "got nan"),
        ({"min_clip_seconds": -1}, "0 seconds or more; got -1 and 0"),
        ({"min_clip_seconds": float("nan")}, "got nan and 0"),
        ({"max_clip_seconds": float("inf")}, "got 0 and inf"),
        ({"min_clip_seconds": 2, "max_clip_seconds": 3}, "at least twice the shortest; got 3 and 2"),
    ],
)
def test_rules_that_cannot_be_are_refused(rules: dict[str, float], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        Rules(**rules)


def test_evidence_of_other_frames_is_refused() -> None:
    with pytest.raises(RuleError, match="got 5 and 6"):
        Layout(Evidence.of([0.0] * 5), table(6), Rules())
    with pytest.raises(RuleError, match="got 1 and 2"):
        Evidence.of([0.0], [0.0, 0.0])
    with pytest.raises(RuleError, match="at least one"):
        Evidence.of([])
    with pytest.raises(RuleError, match=r"strictly inside \[0, 3\)"):
        Evidence.of([0.0] * 3, given=[3])
