"""From per-frame probabilities to transitions: one for each run of likely frames.

It does not know the network.

Conventions, checked against the network with generated cuts (`tests/models/test_transnet.py`):
the single head peaks on the *last frame of the left shot* of a hard cut and in the middle of a gradual
transition; the many-hot head is high on every frame of a transition.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heaters.core.states import CutKind
from heaters.errors import RuleError

# A transition with more many-hot frames than this is gradual: compression smears a hard cut over 2 or 3.
HARD_SPAN_FRAMES = 3
SPAN_THRESHOLD = 0.5  # of the many-hot head, for the frames that belong to a transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change of shot. `frame` is the first frame of the right-hand shot.

    `[start_frame, end_frame)` holds the frames that show neither shot alone: empty for a hard cut
    (both equal `frame`). `frame` lies in the middle of a gradual one. `confidence` is the highest
    probability in it.
    """

    frame: int
    start_frame: int
    end_frame: int
    kind: CutKind
    confidence: float

    def __post_init__(self) -> None:
        if not 0 <= self.start_frame <= self.frame <= self.end_frame or self.frame < 1:
            raise RuleError(f"a transition is 0 ≤ start ≤ frame ≤ end and frame ≥ 1; got {self}")


def transitions(
    single: Sequence[float], many: Sequence[float], *, threshold: float = 0.5
) -> list[Transition]:
    """The transitions of a video of n frames, in order; never at frame 0 or at n.

    `single` and `many` are the heads' probabilities, [n] each. One transition for each run of frames whose
    single probability is above `threshold`; runs within one stretch of many-hot frames are one gradual
    transition.
    Raises RuleError when the lengths differ or the threshold is not in (0, 1).
    """
    if len(single) != len(many):
        raise RuleError(f"both heads answer for the same frames; got {len(single)} and {len(many)}")
    if not 0 < threshold < 1:
        raise RuleError(f"a threshold is a probability in (0, 1); got {threshold}")
    found: list[Transition] = []
    for start, stop in _runs(single, threshold):
        transition = _transition(start, stop, single, many)
        if transition is None:
            continue
        if found and transition.start_frame < found[-1].end_frame:
            transition = _joined(found.pop(), transition)
        if not found or transition.frame > found[-1].frame:
            found.append(transition)
    return found


def _runs(values: Sequence[float], threshold: float) -> Iterator[tuple[int, int]]:
    """Half-open ranges of consecutive values above the threshold."""
    start = None
    for index, value in enumerate(values):
        if value > threshold and start is None:
            start = index
        elif value <= threshold and start is not None:
            yield start, index
            start = None
    if start is not None:
        yield start, len(values)


def _transition(start: int, stop: int, single: Sequence[float], many: Sequence[float]) -> Transition | None:
    """The transition of one run; None when it would leave an empty shot at either end of the video."""
    count = len(single)
    confidence = float(max(single[start:stop]))
    first, last = start, stop
    while first > 0 and many[first - 1] > SPAN_THRESHOLD:
        first -= 1
    while last < count and many[last] > SPAN_THRESHOLD:
        last += 1
    if last - first > HARD_SPAN_FRAMES:
        frame = (first + last + 1) // 2
        kind = CutKind.GRADUAL
    else:
        frame = first = last = stop
        kind = CutKind.HARD
    if not 0 < frame < count:
        return None
    return Transition(frame=frame, start_frame=first, end_frame=last, kind=kind, confidence=confidence)


def _joined(left: Transition, right: Transition) -> Transition:
    """Two runs of one gradual transition as one."""
    start, end = left.start_frame, max(left.end_frame, right.end_frame)
    return Transition(
        frame=(start + end + 1) // 2,
        start_frame=start,
        end_frame=end,
        kind=CutKind.GRADUAL,
        confidence=max(left.confidence, right.confidence),
    )
