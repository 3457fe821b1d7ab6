"""The stills of a clip: where a strategy has them in the clip, and where they lie in the store. It reads none."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from enum import StrEnum

from heaters.core import keys


class StillOrigin(StrEnum):
    """Where stills come from; the same as `still_origin` in the database."""

    PROXY = "proxy"  # a frame of the review proxy: videos that were prepared before there were sample tracks
    SAMPLE = "sample"  # a picture of the sample track
    MASTER = "master"  # a frame of the master: no sample lies in the clip


MIDDLE = "p50"  # the tag that every strategy has


def places(strategy: str) -> dict[str, float]:
    """Where the stills of a strategy lie, in per cent of the clip's frames, by tag: tags sort in time order.

    midpoint: p50. multi: p25, p50, p75. multi:N: N of them evenly, `100 · i / (N + 1)`.
    """
    if strategy == "midpoint":
        return {"p50": 50.0}
    count = int(strategy.partition(":")[2] or 3)
    percents = [100 * i / (count + 1) for i in range(1, count + 1)]
    return {f"p{round(percent):02d}": percent for percent in percents}


def still_frames(start_frame: int, end_frame: int, strategy: str) -> dict[str, int]:
    """The frame of each tag: `start + floor(length · per cent / 100)`, always inside `[start_frame, end_frame)`."""
    length = end_frame - start_frame
    return {tag: start_frame + int(length * percent / 100) for tag, percent in places(strategy).items()}


def sampled_frames(start_frame: int, end_frame: int, strategy: str, samples: Sequence[int]) -> dict[str, int]:
    """The frame of each tag among `samples`, frames in rising order: of those in `[start_frame, end_frame)` the nearest
    to where the strategy has it, of two the earlier. Empty where none lies in the clip.
    """
    low, high = bisect_left(samples, start_frame), bisect_left(samples, end_frame)
    if low == high:
        return {}
    return {
        tag: int(_nearest(samples, low, high, frame))
        for tag, frame in still_frames(start_frame, end_frame, strategy).items()
    }


def _nearest(samples: Sequence[int], low: int, high: int, frame: int) -> int:
    """Of `samples[low:high]`, which has at least one, the nearest to `frame`."""
    after = bisect_right(samples, frame, low, high)
    near = samples[max(low, after - 1) : min(high, after + 1)]
    return min(near, key=lambda sample: (abs(sample - frame), sample))


def still_keys(content_hash: str, start_frame: int, end_frame: int, strategy: str) -> dict[str, str]:
    """The object of each tag."""
    word = strategy.replace(":", "-")
    return {tag: keys.keyframe(content_hash, start_frame, end_frame, word, tag) for tag in places(strategy)}
