"""From per-frame evidence to transitions: one for each change of shot. It does not know the network.

Conventions, checked against the network with generated cuts (`tests/models/test_transnet.py`):
the single head peaks on the *last frame of the left shot* of a hard cut and in the middle of a gradual
transition; the many-hot head is high on every frame of a transition.
The constants were chosen on the tuning part of `benchmarks/evaluation_set.py`; see `docs/decisions.md`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from heaters.core.states import CutKind
from heaters.errors import RuleError

# A transition with more many-hot frames than this is gradual: compression smears a hard cut over 2 or 3.
HARD_SPAN_FRAMES = 3
CORE = 0.5  # many-hot probability of the frames that certainly belong to a transition
# Two transitions with no frame below this between them are one: the two halves of a fade through black.
EDGE = 0.1
# Many-hot probability, summed over a run above EDGE, that makes a gradual transition without a single-head peak:
# long dissolves have no sharp middle. At threshold 0.5; camera moves that are no transition stayed below 5.
GRADUAL_MASS = 7.0
# Share of the picture that changes as a wipe would, above which it is one: wipes had 0.79 to 1, the rest up to 0.74.
WIPE = 0.77
# What finds dissolves and fades keeps only what it is sure of.
DISSOLVE = 0.5
# A peak of the single head, after what the pixels say, that is a hard cut even where its neighbours are many-hot
# throughout: two of them within one stretch are two cuts, as in a montage of shots of a few frames.
CLEAR = 0.9


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A transition in the making: `[start, stop)` of its frames; a hard one comes after `stop - 1`."""

    start: int
    stop: int
    gradual: bool
    confidence: float
    peaks: tuple["_Found", ...] = ()  # the clear hard cuts that the network sees within a gradual one
    is_seen: bool = False  # the pixels show a gradual one


def transitions(
    single: Sequence[float],
    many: Sequence[float],
    wipe: Sequence[float] = (),
    dissolve: Sequence[float] = (),
    step: Sequence[float] = (),
    *,
    threshold: float = 0.5,
) -> list[Transition]:
    """The transitions of a video of n frames, in order; never at frame 0 or at n.

    `single` and `many` are the heads' probabilities, [n] each. There is one transition for each run of frames
    whose single probability is above `threshold`, and one for each long stretch of many-hot frames without such a
    run; what lies within one stretch of many-hot frames is one gradual transition.

    The rest is what the pixels say, [n] or empty each. `wipe` and `dissolve` find what the network does not see
    (`models/wipes.py`, `models/dissolves.py`); they are no probabilities, so the threshold does not touch them.
    `step` is log-odds that are added to `single` (`models/steps.py`): below 0 where both sides are one shot after all.
    Raises RuleError when the lengths differ or the threshold is not in (0, 1).
    """
    counts = {"single": len(single), "many": len(many), "wipe": len(wipe), "dissolve": len(dissolve), "step": len(step)}
    if len(many) != len(single) or not {len(wipe), len(dissolve), len(step)} <= {0, len(single)}:
        raise RuleError(f"all evidence is for the same frames; got {counts}")
    if not 0 < threshold < 1:
        raise RuleError(f"a threshold is a probability in (0, 1); got {threshold}")
    if step:
        single = [_with_odds(p, odds) if odds else p for p, odds in zip(single, step, strict=True)]
    peaks = [_around(start, stop, single, many) for start, stop in _runs(single, threshold)]
    wipes = [
        _Found(start=start, stop=stop, gradual=True, confidence=float(max(wipe[start:stop])), is_seen=True)
        for start, stop in _runs(wipe, WIPE)
    ]
    dissolves = [
        _Found(start=start, stop=stop, gradual=True, confidence=float(max(dissolve[start:stop])), is_seen=True)
        for start, stop in _runs(dissolve, DISSOLVE)
    ]
    found = sorted(
        [*peaks, *_without_peak(peaks, single, many, threshold), *wipes, *dissolves],
        key=lambda item: (item.start, item.stop),
    )
    joined: list[_Found] = []
    for item in found:
        if joined and _belong_together(joined[-1], item, many):
            item = _join(joined.pop(), item)
        joined.append(item)
    made = [_transition(item) for group in joined for item in _apart(group) if 0 < _frame(item) < len(single)]
    # Two hard runs may end on the same frame only by touching, which one run would not; frames rise strictly.
    return [t for i, t in enumerate(made) if i == 0 or t.frame > made[i - 1].frame]


def _with_odds(probability: float, odds: float) -> float:
    """A probability after evidence of that many log-odds."""
    p = min(max(probability, 1e-6), 1 - 1e-6)
    return 1 / (1 + (1 - p) / p * math.exp(-odds))


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


def _around(start: int, stop: int, single: Sequence[float], many: Sequence[float]) -> _Found:
    """The transition of one peak of the single head."""
    first, last = start, stop
    while first > 0 and many[first - 1] > CORE:
        first -= 1
    while last < len(many) and many[last] > CORE:
        last += 1
    confidence = float(max(single[start:stop]))
    hard = _Found(start=start, stop=stop, gradual=False, confidence=confidence)
    is_clear = confidence > CLEAR and stop - start <= HARD_SPAN_FRAMES
    hard = replace(hard, peaks=(hard,) if is_clear else ())
    if last - first > HARD_SPAN_FRAMES:
        return replace(hard, start=first, stop=last, gradual=True)
    return hard


def _without_peak(
    peaks: Sequence[_Found], single: Sequence[float], many: Sequence[float], threshold: float
) -> Iterator[_Found]:
    """Gradual transitions that only the many-hot head sees."""
    covered = [(peak.start, peak.stop) for peak in peaks]
    for start, stop in _runs(many, EDGE):
        mass = sum(many[start:stop])
        if mass < GRADUAL_MASS * threshold / CORE or any(a < stop and start < b for a, b in covered):
            continue
        core = [index for index in range(start, stop) if many[index] > CORE]
        if len(core) <= HARD_SPAN_FRAMES:
            continue  # faint but long: a fade at the very end of a film, a slow camera move
        confidence = float(max(single[start:stop]))
        yield _Found(start=core[0], stop=core[-1] + 1, gradual=True, confidence=confidence)


def _belong_together(left: _Found, right: _Found, many: Sequence[float]) -> bool:
    """Whether both are one gradual transition."""
    if right.start <= left.stop:
        return True
    return (left.gradual or right.gradual) and all(p > EDGE for p in many[left.stop : right.start])


def _join(left: _Found, right: _Found) -> _Found:
    return _Found(
        start=left.start,
        stop=max(left.stop, right.stop),
        gradual=True,
        confidence=max(left.confidence, right.confidence),
        peaks=left.peaks + right.peaks,
        is_seen=left.is_seen or right.is_seen,
    )


def _apart(group: _Found) -> Sequence[_Found]:
    """Several hard cuts where a gradual transition holds several clear peaks, and no pixels show a gradual one."""
    return group.peaks if group.gradual and len(group.peaks) > 1 and not group.is_seen else [group]


def _frame(item: _Found) -> int:
    return (item.start + item.stop + 1) // 2 if item.gradual else item.stop


def _transition(item: _Found) -> Transition:
    frame = _frame(item)
    return Transition(
        frame=frame,
        start_frame=item.start if item.gradual else frame,
        end_frame=item.stop if item.gradual else frame,
        kind=CutKind.GRADUAL if item.gradual else CutKind.HARD,
        confidence=item.confidence,
    )
