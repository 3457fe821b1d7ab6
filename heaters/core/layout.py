"""From what a detector saw to the cuts of a video: a threshold, and bounds on how long its shots are shown.

It does not know the detector, rows or reviewers. Detection and a later `heaters cut` both go through here, so that
the same rules give the same cuts.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, inf
from typing import Any, Self

from heaters.core.cuts import Cuts, Span
from heaters.core.states import CutKind
from heaters.core.timebase import PtsTable
from heaters.core.transitions import Transition, transitions
from heaters.errors import RuleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a detector saw of a video of n frames. Build once a video; cuts come from it under any `Rules`.

    `single` and `many`: probabilities per frame, [n] each, in the conventions of `core/transitions.py`. `pixels`:
    what else `transitions` takes, by name, [n] each. `given`: frames that are cuts whatever the threshold, of a
    detector that does not look at them.
    """

    single: Sequence[float]
    many: Sequence[float]
    pixels: Mapping[str, Sequence[float]] = field(default_factory=dict)
    given: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not self.single or len(self.single) != len(self.many):
            raise RuleError(f"evidence is for each frame, at least one; got {len(self.single)} and {len(self.many)}")
        if any(not 0 < frame < len(self.single) for frame in self.given):
            raise RuleError(f"a given cut lies strictly inside [0, {len(self.single)}); got {min(self.given)}, …")

    @classmethod
    def of(
        cls,
        single: Iterable[float],
        many: Iterable[float] | None = None,
        given: Iterable[int] = (),
        **pixels: Iterable[float],
    ) -> Self:
        """Evidence from any numbers, kept as 32-bit floats: lists take 36 bytes each. No `many`: nothing gradual."""
        sharp = array("f", iter(single))  # not bytes as they lie
        return cls(
            single=sharp,
            many=array("f", bytes(4 * len(sharp))) if many is None else array("f", iter(many)),
            pixels={name: values for name in sorted(pixels) if len(values := array("f", iter(pixels[name])))},
            given=tuple(map(int, given)),
        )

    @property
    def frame_count(self) -> int:
        return len(self.single)

    def transitions(self, threshold: float) -> list[Transition]:
        """The changes of shot above a threshold, in order: see `core/transitions.py`."""
        pixels: dict[str, Any] = dict(self.pixels)
        return transitions(self.single, self.many, threshold=threshold, **pixels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What turns evidence into cuts. Lengths are times, measured by the frames' own PTS; 0 seconds: no bound."""

    threshold: float = 0.5
    min_clip_seconds: float = 0.0
    max_clip_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise RuleError(f"a threshold is a probability in (0, 1); got {self.threshold:g}")
        if not (0 <= self.min_clip_seconds < inf and 0 <= self.max_clip_seconds < inf):
            raise RuleError(
                f"lengths of clips are 0 seconds or more; got {self.min_clip_seconds:g} and {self.max_clip_seconds:g}"
            )
        if 0 < self.max_clip_seconds < 2 * self.min_clip_seconds:
            raise RuleError(
                "the longest clip must be 0 (no bound) or at least twice the shortest; "
                f"got {self.max_clip_seconds:g} and {self.min_clip_seconds:g} seconds"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidCut:
    """A cut as the rules lay it: the columns of its row that do not depend on who asked.

    `metadata` holds the transition's `span` and the `threshold` it was found under, or for a cut that is no transition
    the `reason` it is there.
    """

    frame: int
    kind: CutKind
    confidence: float  # exactly a 32-bit float: what the database keeps
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Layout:
    """The cuts of one video under one set of rules: of the whole, or of any stretch of it.

    Raises RuleError when evidence and PTS are not of the same frames.
    """

    def __init__(self, evidence: Evidence, table: PtsTable, rules: Rules) -> None:
        if evidence.frame_count != table.frame_count:
            raise RuleError(
                f"evidence and PTS are of the same frames; got {evidence.frame_count} and {table.frame_count}"
            )
        self._evidence = evidence
        self._threshold = rules.threshold
        self._places = array("q", [*table.ticks, table.end_pts])
        tick = table.time_base.tick_seconds
        self._shortest = ceil(_exactly(rules.min_clip_seconds) / tick)
        longest = floor(_exactly(rules.max_clip_seconds) / tick)
        # Rounding may leave no room between the two; the longest gives way.
        self._longest = max(longest, 2 * self._shortest - 1, 1) if rules.max_clip_seconds else 0
        self._found = {t.frame: t for t in evidence.transitions(rules.threshold)}
        self._given = frozenset(evidence.given)
        self._frames = sorted({*self._found, *self._given})

    def of(self, stretch: Span) -> list[LaidCut]:
        """The cuts strictly inside a stretch of the video, in order; its ends are cuts already.

        Shots too short are merged into a neighbour within the stretch, then those too long split at their most likely
        frame; a stretch that is itself too short stays as it is.
        """
        start, end = stretch.start_frame, stretch.end_frame
        inside = self._frames[bisect_right(self._frames, start) : bisect_left(self._frames, end)]
        cuts = Cuts.of(end - start, (frame - start for frame in inside))
        places = self._places[start : end + 1]
        if self._shortest > 1:
            sure = {frame - start: self._confidence(frame) for frame in inside}
            cuts = cuts.without_short(self._shortest, sure, places)
        if self._longest:
            likely = self._evidence.single[start:end]
            cuts = cuts.with_maximum(self._longest, likely, max(1, self._shortest), places)
        return [self._laid(start + frame) for frame in cuts.frames]

    def whole(self) -> list[LaidCut]:
        """The cuts of the whole video."""
        return self.of(Span(start_frame=0, end_frame=self._evidence.frame_count))

    def _confidence(self, frame: int) -> float:
        found = self._found.get(frame)
        value = found.confidence if found else self._evidence.single[frame]
        return array("f", [value])[0]

    def _laid(self, frame: int) -> LaidCut:
        found = self._found.get(frame)
        return LaidCut(
            frame=frame,
            # A cut that is no transition (for length alone, or given) lies between two frames of one shot.
            kind=found.kind if found else CutKind.HARD,
            confidence=self._confidence(frame),
            metadata=self._why(frame, found),
        )

    def _why(self, frame: int, found: Transition | None) -> dict[str, Any]:
        if found:
            return {"span": [found.start_frame, found.end_frame], "threshold": self._threshold}
        return {"reason": "fixed stride" if frame in self._given else "maximum length"}


def _exactly(seconds: float) -> Fraction:
    """The decimal that a person wrote: 0.1 is a tenth, not the float a little above it."""
    return Fraction(repr(float(seconds)))
