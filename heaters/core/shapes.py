"""The shapes that a film's picture has one after the other: a call whose phone is turned, a recording of broadcasts."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from heaters.errors import RuleError

Size = tuple[int, int]  # width and height in square pixels, as displayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """Runs of frames, each `(first frame, width, height)`, the first of them from frame 0 on; at least one."""

    runs: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        starts = [start for start, _, _ in self.runs]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)) or any(min(run[1:]) < 1 for run in self.runs):
            raise RuleError(f"shapes are runs of frames from 0 on, each with sides above 0; got {self.runs}")

    @classmethod
    def of_frames(cls, sizes: Sequence[Size]) -> Self:
        """The runs of the size of each frame."""
        runs = [(n, *size) for n, size in enumerate(sizes) if n == 0 or size != sizes[n - 1]]
        return cls(runs=tuple(runs))

    @classmethod
    def stored(cls, runs: Sequence[Sequence[int]]) -> Self | None:
        """Runs as they are stored; None where none are: all frames have the one shape of the video."""
        return cls(runs=tuple((start, width, height) for start, width, height in runs)) if runs else None

    @property
    def changes(self) -> tuple[tuple[int, int, int], ...]:
        """The runs, to be stored; none where there is one shape."""
        return self.runs if len(self.runs) > 1 else ()

    def lengths(self, start_frame: int, end_frame: int) -> Counter[Size]:
        """How many of the frames `[start_frame, end_frame)` have which size, in order of their first frames."""
        if not 0 <= start_frame < end_frame:
            raise RuleError(f"frames are a range 0 ≤ start < end; got [{start_frame}, {end_frame})")
        found: Counter[Size] = Counter()
        first = bisect_right(self.runs, start_frame, key=lambda run: run[0]) - 1
        for place, (start, width, height) in enumerate(self.runs[first:], first):
            if start >= end_frame:
                break
            stop = self.runs[place + 1][0] if place + 1 < len(self.runs) else end_frame
            found[width, height] += min(stop, end_frame) - max(start, start_frame)
        return found

    def within(self, start_frame: int, end_frame: int) -> "Shapes":
        """Those of the frames `[start_frame, end_frame)`, counted from the first of them."""
        inner = [
            (start - start_frame, width, height)
            for start, width, height in self.runs
            if start_frame < start < end_frame
        ]
        first = self.runs[bisect_right(self.runs, start_frame, key=lambda run: run[0]) - 1]
        return Shapes(runs=((0, first[1], first[2]), *inner))

    def size(self, start_frame: int, end_frame: int) -> Size:
        """The size that most of the frames `[start_frame, end_frame)` have; of several the one that comes first."""
        return self.lengths(start_frame, end_frame).most_common(1)[0][0]

    def are_mixed(self, start_frame: int, end_frame: int) -> bool:
        """Whether the frames `[start_frame, end_frame)` have more than one size."""
        return len(self.lengths(start_frame, end_frame)) > 1
