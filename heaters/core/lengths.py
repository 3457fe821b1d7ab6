"""Bounds on the length of shots: which cuts to drop, so that none is too short, and which to add.

Works on frame numbers alone; `Cuts.without_short` and `Cuts.with_maximum` are the way in.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from math import inf

from heaters.errors import RuleError


def kept_cuts(bounds: Sequence[int], min_frames: int, confidence: Mapping[int, float]) -> set[int]:
    """The inner cuts that stay when every shot below `min_frames` is merged into a neighbour.

    `bounds` are 0, the inner cuts and the end, increasing. The cut removed is the least confident one beside
    a short shot; one that `confidence` lacks is certain; of equals the earlier goes first.
    """
    inner = bounds[1:-1]
    before = dict(zip(inner, bounds, strict=False))
    after = dict(pairwise(bounds))
    kept = set(inner)
    # One pass is enough. Removing a cut only makes shots longer, so a cut between two long shots stays so;
    # and a shot that is still short when the pass ends had both its cuts visited while it was shorter still.
    for cut in sorted(inner, key=lambda frame: (confidence.get(frame, inf), frame)):
        left, right = before[cut], after[cut]
        if min(cut - left, right - cut) < min_frames:
            kept.remove(cut)
            after[left], before[right] = right, left
    return kept


def likely_cuts(
    start_frame: int, end_frame: int, max_frames: int, probability: Callable[[int], float], min_frames: int
) -> Iterator[int]:
    """The cuts that bring the shot [start_frame, end_frame) down to `max_frames`, none below `min_frames`.

    Means: split at the most likely frame, then each part again; of equals the frame nearest the middle, then
    the earlier. Raises RuleError where the two bounds exclude each other, or a probability is NaN.
    """
    if min_frames < 1 or max_frames < 2 * min_frames - 1:
        raise RuleError(
            f"a shot of max_frames + 1 must hold two of min_frames ≥ 1; got {max_frames = }, {min_frames = }"
        )
    if end_frame - start_frame <= max_frames:
        return
    likely = array("d", map(probability, range(start_frame, end_frame)))
    if any(value != value for value in likely):
        raise RuleError(f"probabilities must be numbers; got NaN in [{start_frame}, {end_frame})")
    # The recursion would scan each part again: quadratic on a slope. So frames are visited from the most
    # likely down, and each splits the part it lies in if that is too long. The result is the same, because
    # every likelier frame of that part was visited before and refused for a reason that stays: too near an
    # edge.
    bounds = [start_frame, end_frame]
    too_long = 1
    order = sorted(range(start_frame, end_frame), key=lambda frame: -likely[frame - start_frame])
    for _, ties in groupby(order, key=lambda frame: likely[frame - start_frame]):
        frames = list(ties)
        todo = [(0, len(frames))]
        while todo and too_long:
            first, stop = todo.pop()
            if first == stop:
                continue
            at = bisect_right(bounds, frames[first])
            left, right = bounds[at - 1], bounds[at]
            here = bisect_left(frames, right, first, stop)
            todo.append((here, stop))
            low = bisect_left(frames, left + min_frames, first, here)
            high = bisect_right(frames, right - min_frames, low, here)
            if right - left <= max_frames or low == high:
                continue
            at = _nearest(frames, left + right, low, high)
            cut = frames[at]
            yield cut
            insort(bounds, cut)
            too_long += (cut - left > max_frames) + (right - cut > max_frames) - 1
            todo += [(low, at), (at + 1, high)]
        if not too_long:
            return


def _nearest(frames: Sequence[int], twice_middle: int, low: int, high: int) -> int:
    """The index in [low, high) of the frame nearest to half of `twice_middle`; the earlier of two."""
    at = bisect_left(frames, (twice_middle + 1) // 2, low, high)
    around = [i for i in (at - 1, at) if low <= i < high]
    return min(around, key=lambda i: (abs(2 * frames[i] - twice_middle), i))
