"""A partition of a video's frames into clips, and the edits on it. It does not know about time or reviewers.

Every edit is pure: it returns the new partition and the `Diff` that leads to it, or raises RuleError.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import index
from typing import Self

from heaters.core.lengths import kept_cuts, likely_cuts
from heaters.errors import RuleError


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """The half-open range of frames [start_frame, end_frame); never empty."""

    start_frame: int
    end_frame: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_frame < self.end_frame:
            raise RuleError(f"a span is a range 0 ≤ start < end; got {self}")

    @property
    def frame_count(self) -> int:
        return self.end_frame - self.start_frame

    def __contains__(self, frame: int) -> bool:
        return self.start_frame <= frame < self.end_frame

    def __str__(self) -> str:
        return f"[{self.start_frame}, {self.end_frame})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """The spans that an edit retires and creates, each in frame order; both cover the same frames."""

    retired: tuple[Span, ...]
    created: tuple[Span, ...]

    def inverse(self) -> "Diff":
        """The diff that takes this one back."""
        return Diff(retired=self.created, created=self.retired)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """An immutable partition of [0, frame_count).

    `frames` are the inner cuts, strictly increasing; a cut is the first frame of its right-hand shot. Frame 0
    and the end are implied. Raises RuleError for a partition that cannot be.
    """

    frame_count: int
    frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.frame_count < 1:
            raise RuleError(f"a video has at least one frame; got {self.frame_count}")
        if self.frames and not (self.frames[0] > 0 and self.frames[-1] < self.frame_count):
            wrong = self.frames[0] if self.frames[0] <= 0 else self.frames[-1]
            raise RuleError(f"a cut lies strictly inside [0, {self.frame_count}); got {wrong}")
        for left, right in pairwise(self.frames):
            if left >= right:
                raise RuleError(f"cuts must be strictly increasing; got {left} before {right}")

    @classmethod
    def of(cls, frame_count: int, frames: Iterable[int] = ()) -> Self:
        """The partition with cuts at `frames`: any integers, in any order, repeated or not."""
        return cls(frame_count=index(frame_count), frames=tuple(sorted({index(frame) for frame in frames})))

    @classmethod
    def from_spans(cls, frame_count: int, spans: Iterable[Span]) -> Self:
        """The partition whose clips are `spans`, in any order. Raises RuleError where they do not tile."""
        at = 0
        starts = []
        for span in sorted(spans):
            if span.start_frame != at:
                what = f"[{at}, {span.start_frame}) is missing" if span.start_frame > at else f"{span} overlaps"
                raise RuleError(f"clips must tile [0, {frame_count}); {what}")
            starts.append(at)
            at = span.end_frame
        if at != frame_count:
            raise RuleError(f"clips must tile [0, {frame_count}); they end at {at}")
        return cls(frame_count=frame_count, frames=tuple(starts[1:]))

    def clips(self) -> tuple[Span, ...]:
        """The spans between neighbouring cuts, in order. They tile [0, frame_count) by construction."""
        return tuple(Span(start_frame=start, end_frame=end) for start, end in pairwise(self._bounds()))

    def clip_at(self, frame: int) -> Span:
        """The clip that holds `frame`."""
        if not 0 <= frame < self.frame_count:
            raise RuleError(f"a frame of this video lies in [0, {self.frame_count}); got {frame}")
        bounds = self._bounds()
        at = bisect_right(bounds, frame)
        return Span(start_frame=bounds[at - 1], end_frame=bounds[at])

    def split(self, frame: int, min_clip_frames: int = 1) -> tuple["Cuts", Diff]:
        """Cut before `frame`. Both halves must have at least `min_clip_frames`."""
        clip = self.clip_at(frame)
        created = split_span(clip, frame, min_clip_frames)
        return Cuts.of(self.frame_count, (*self.frames, frame)), Diff(retired=(clip,), created=created)

    def merge(self, frame: int) -> tuple["Cuts", Diff]:
        """Remove the cut at `frame`."""
        left, right = self._around(frame)
        merged = replace(left, end_frame=right.end_frame)
        rest = (cut for cut in self.frames if cut != frame)
        return Cuts.of(self.frame_count, rest), Diff(retired=(left, right), created=(merged,))

    def move(self, old: int, new: int, min_cut_distance: int = 1) -> tuple["Cuts", Diff]:
        """Move the cut at `old` to `new`: between its neighbours, at least `min_cut_distance` from both."""
        left, right = self._around(old)
        created = move_cut(left, right, new, min_cut_distance)
        frames = (new if cut == old else cut for cut in self.frames)
        return Cuts.of(self.frame_count, frames), Diff(retired=(left, right), created=created)

    def apply(self, diff: Diff) -> "Cuts":
        """The partition after `diff`. Raises RuleError where that retires what is no clip, or does not tile."""
        clips = set(self.clips())
        strange = [str(span) for span in diff.retired if span not in clips]
        if strange:
            raise RuleError(f"a diff retires clips that are there; {', '.join(strange)} is not")
        return Cuts.from_spans(self.frame_count, [*(clips - set(diff.retired)), *diff.created])

    def without_short(
        self, min_length: int, confidence: Mapping[int, float], at: Sequence[int] | None = None
    ) -> "Cuts":
        """Merge every shot below `min_length` into a neighbour: remove the least confident cut beside it.

        Lengths count frames; with `at`, the place of every frame and of the end, they are in its unit (PTS).
        `confidence` maps a cut's frame to its confidence; a cut that it lacks (a manual one) is certain. Of
        equally confident cuts the earlier goes first. Ends with every shot long enough, or with a single
        shot.
        """
        self._check_places(at)
        return Cuts.of(self.frame_count, kept_cuts(self._bounds(), min_length, confidence, at))

    def with_maximum(
        self,
        max_length: int,
        probability: Callable[[int], float] | Sequence[float],
        min_length: int = 1,
        at: Sequence[int] | None = None,
    ) -> "Cuts":
        """Split every shot longer than `max_length` at its most likely frame, until all are short enough.

        Lengths are as in `without_short`. `probability` is that of a cut at a frame: a function, or one value per
        frame of the video. Both pieces have at least `min_length`; of equally likely frames the one nearest the
        middle wins, then the earlier.
        """
        self._check_places(at)
        if not callable(probability):
            if len(probability) != self.frame_count:
                raise RuleError(f"one probability per frame: {self.frame_count}; got {len(probability)}")
            probability = probability.__getitem__
        added: list[int] = []
        for start, end in pairwise(self._bounds()):
            added += likely_cuts(start, end, max_length, probability, min_length, at)
        return Cuts.of(self.frame_count, (*self.frames, *added))

    def _check_places(self, at: Sequence[int] | None) -> None:
        if at is not None and len(at) != self.frame_count + 1:
            raise RuleError(f"one place per frame, and the end: {self.frame_count + 1}; got {len(at)}")

    def _bounds(self) -> tuple[int, ...]:
        return (0, *self.frames, self.frame_count)

    def _around(self, cut: int) -> tuple[Span, Span]:
        """The clips left and right of an inner cut."""
        at = bisect_left(self.frames, cut)
        if at == len(self.frames) or self.frames[at] != cut:
            raise RuleError(f"there is no inner cut at frame {cut} of [0, {self.frame_count})")
        return self.clip_at(cut - 1), self.clip_at(cut)


def diff(a: Cuts, b: Cuts) -> Diff:
    """What leads from `a` to `b`, two partitions of the same video."""
    if a.frame_count != b.frame_count:
        raise RuleError(f"both must be partitions of one video; got {a.frame_count} and {b.frame_count} frames")
    old, new = a.clips(), b.clips()
    kept = set(old) & set(new)
    return Diff(
        retired=tuple(span for span in old if span not in kept),
        created=tuple(span for span in new if span not in kept),
    )


def split_span(clip: Span, frame: int, min_clip_frames: int) -> tuple[Span, Span]:
    """The halves of `clip` on either side of `frame`; the one place where the rule for a split is."""
    if not clip.start_frame < frame < clip.end_frame:
        raise RuleError(f"a split must lie strictly inside its clip; frame {frame} is not inside {clip}")
    left, right = frame - clip.start_frame, clip.end_frame - frame
    if min(left, right) < min_clip_frames:
        raise RuleError(
            f"a split must leave both halves at least {min_clip_frames} frames; "
            f"frame {frame} of {clip} leaves {left} and {right}"
        )
    return replace(clip, end_frame=frame), replace(clip, start_frame=frame)


def move_cut(left: Span, right: Span, new: int, min_cut_distance: int) -> tuple[Span, Span]:
    """The two neighbours after their common cut moved to `new`; the one place where the rule for a move is.

    The start and the end of the video are cuts too: the distance holds against them as well.
    """
    old, low, high = right.start_frame, left.start_frame, right.end_frame
    if left.end_frame != old:
        raise RuleError(f"a cut is moved between two neighbours; got {left} and {right}")
    if new == old:
        raise RuleError(f"a move must change the cut; it is at frame {old} already")
    if not low < new < high:
        raise RuleError(f"a cut must stay strictly between its neighbours; frame {new} is not between {low} and {high}")
    if min(new - low, high - new) < min_cut_distance:
        raise RuleError(
            f"a cut must stay at least {min_cut_distance} frames from the others; "
            f"frame {new} is {new - low} from {low} and {high - new} from {high}"
        )
    return replace(left, end_frame=new), replace(right, start_frame=new)
