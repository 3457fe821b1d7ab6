"""Bounds on the length of shots: which cuts to drop, so that none is too short, and which to add.

Works on frames, and on their places where lengths are times. The way in: `Cuts.without_short`, `Cuts.with_maximum`.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from math import inf

from heaters.errors import RuleError


def kept_cuts(
    bounds: Sequence[int], min_length: int, confidence: Mapping[int, float], at: Sequence[int] | None = None
) -> set[int]:
    """The inner cuts that stay when every shot below `min_length` is merged into a neighbour.

    `bounds` are the frames 0, the inner cuts and the end, increasing. `at` gives the place of every frame and of the
    end, in the unit of `min_length` (None: it counts frames). The cut removed is the least confident one beside
    a short shot; one that `confidence` lacks is certain; of equals the earlier goes first.
    """
    inner = bounds[1:-1]
    before = dict(zip(inner, bounds, strict=False))
    after = dict(pairwise(bounds))
    place = {bound: bound if at is None else at[bound] for bound in bounds}
    kept = set(inner)
    # One pass is enough. Removing a cut only makes shots longer, so a cut between two long shots stays so;
    # and a shot that is still short when the pass ends had both its cuts visited while it was shorter still.
    for cut in sorted(inner, key=lambda frame: (confidence.get(frame, inf), frame)):
        left, right = before[cut], after[cut]
        if min(place[cut] - place[left], place[right] - place[cut]) < min_length:
            kept.remove(cut)
            after[left], before[right] = right, left
    return kept


def likely_cuts(
    start_frame: int,
    end_frame: int,
    max_length: int,
    probability: Callable[[int], float],
    min_length: int,
    at: Sequence[int] | None = None,
) -> Iterator[int]:
    """The cuts that bring the shot [start_frame, end_frame) down to `max_length`, none below `min_length`.

    `at` gives the place of every frame and of the end, strictly increasing, in the unit of both lengths: PTS where
    they are times. None: they count frames.
    Means: split at the most likely frame, then each part again; of equals the frame nearest the middle, then
    the earlier. Where frames are so long that none leaves both parts `min_length`, a part stays too long.
    Raises RuleError where the two bounds exclude each other, or a probability is NaN.
    """
    if min_length < 1 or max_length < 2 * min_length - 1:
        raise RuleError(
            f"a shot of max_length + 1 must hold two of min_length ≥ 1; got {max_length = }, {min_length = }"
        )
    places = range(start_frame, end_frame + 1) if at is None else at[start_frame : end_frame + 1]
    first_place, end_place = places[0], places[-1]
    if end_place - first_place <= max_length:
        return
    likely = array("d", map(probability, range(start_frame, end_frame)))
    if any(value != value for value in likely):
        raise RuleError(f"probabilities must be numbers; got NaN in [{start_frame}, {end_frame})")
    # The recursion would scan each part again: quadratic on a slope. So frames are visited from the most
    # likely down, and each splits the part it lies in if that is too long. The result is the same, because
    # every likelier frame of that part was visited before and refused for a reason that stays: too near an
    # edge.
    bounds = [first_place, end_place]
    too_long = 1
    order = sorted(range(len(likely)), key=lambda number: -likely[number])
    for _, ties in groupby(order, key=likely.__getitem__):
        candidates = [places[number] for number in ties]
        todo = [(0, len(candidates))]
        while todo and too_long:
            first, stop = todo.pop()
            if first == stop:
                continue
            part = bisect_right(bounds, candidates[first])
            left, right = bounds[part - 1], bounds[part]
            here = bisect_left(candidates, right, first, stop)
            todo.append((here, stop))
            low = bisect_left(candidates, left + min_length, first, here)
            high = bisect_right(candidates, right - min_length, low, here)
            if right - left <= max_length or low >= high:
                continue
            chosen = _nearest(candidates, left + right, low, high)
            cut = candidates[chosen]
            yield start_frame + bisect_left(places, cut)
            insort(bounds, cut)
            too_long += (cut - left > max_length) + (right - cut > max_length) - 1
            todo += [(low, chosen), (chosen + 1, high)]
        if not too_long:
            return


def _nearest(places: Sequence[int], twice_middle: int, low: int, high: int) -> int:
    """The index in [low, high) of the place nearest to half of `twice_middle`; the earlier of two."""
    near = bisect_left(places, (twice_middle + 1) // 2, low, high)
    around = [i for i in (near - 1, near) if low <= i < high]
    return min(around, key=lambda i: (abs(2 * places[i] - twice_middle), i))
