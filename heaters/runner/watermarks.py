"""How far a driver of its own has read the changes of some videos. It knows no database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from heaters.core.ranges import multirange

# The changes of so few videos are found by the videos, not by a walk through the log.
FEW = 1_000


@dataclass(slots=True, kw_only=True)
class Watermarks:
    """A driver's own watermarks for the changes of some videos, in memory: stage, lane → place in the log."""

    videos: Sequence[int]
    ranges: str
    places: dict[tuple[str, str], int] = field(default_factory=dict)
    begins: dict[str, int] = field(default_factory=dict)  # stage → where those of all its lanes begin

    @classmethod
    def over(cls, videos: Sequence[int]) -> Self:
        """Those that have read nothing yet."""
        ordered = sorted(set(videos))
        return cls(videos=ordered, ranges=multirange(ordered))

    def of(self, stage: str) -> dict[str, int]:
        """The places of a stage, by lane."""
        return {lane: place for (name, lane), place in self.places.items() if name == stage}

    @property
    def few(self) -> Sequence[int] | None:
        """The videos where they are few."""
        return self.videos if len(self.videos) <= FEW else None
