"""What is in a dataset, in numbers that add up: of its clips only the counts are kept, however many there are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heaters.core.charts import histogram

LENGTHS = (0, 1, 2, 4, 8, 15, 30, 60)  # seconds
CONFIDENCES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One finished shard. `clips` have what the card counts: sample, source, seconds, size_bytes, confidences."""

    name: str
    split: str
    file: str
    size_bytes: int
    sha256: str
    more_bytes: int
    clips: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A finished shard without its clips, of which only sums are left."""

    name: str
    split: str
    file: str
    size_bytes: int
    sha256: str
    more_bytes: int
    clips: int
    seconds: float
    frames: int


class Contents:
    """Adds up the entries of a dataset, in any order."""

    def __init__(self, splits: Sequence[str]) -> None:
        self._splits = tuple(splits)
        self._lines: list[Line] = []
        # Sources are the one thing that has to be remembered one by one: some 0.1 kB for each.
        self._sources: dict[str, Counter[str]] = {name: Counter() for name in splits}
        self.lengths: Counter[str] = Counter(dict.fromkeys(histogram([], LENGTHS), 0))
        self.confidences: Counter[str] = Counter(dict.fromkeys(histogram([], CONFIDENCES), 0))
        self.licences: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()  # of cuts at the ends of clips

    def add(self, one: Entry) -> None:
        """Count a shard in."""
        self._lines.append(
            Line(
                **{
                    name: getattr(one, name) for name in ("name", "split", "file", "size_bytes", "sha256", "more_bytes")
                },
                clips=len(one.clips),
                seconds=sum(clip["seconds"] for clip in one.clips),
                frames=sum(clip["frames"] for clip in one.clips),
            )
        )
        self._sources[one.split].update(clip["source"] for clip in one.clips)
        self.licences.update(clip["licence"] or "not stated" for clip in one.clips)
        ends = [(c, k) for clip in one.clips for c, k in zip(clip["confidence"], clip["kinds"], strict=True)]
        self.kinds.update(kind for _, kind in ends if kind != "end")
        sure = [confidence for confidence, kind in ends if kind not in ("end", "manual")]
        _count(self.confidences, histogram(sure, CONFIDENCES))
        _count(self.lengths, histogram([clip["seconds"] for clip in one.clips], LENGTHS))

    def shards(self) -> list[Line]:
        """The shards by split and name."""
        return sorted(self._lines, key=lambda one: (self._splits.index(one.split), one.name))

    def clips_of_sources(self) -> list[int]:
        """How many clips there are of each source."""
        return [count for counts in self._sources.values() for count in counts.values()]

    def totals(self, split: str | None = None) -> dict[str, Any]:
        """The sums, of a split or of all."""
        lines = [one for one in self.shards() if split in (None, one.split)]
        return {
            "clips": sum(one.clips for one in lines),
            "sources": sum(len(counts) for name, counts in self._sources.items() if split in (None, name)),
            "seconds": round(sum(one.seconds for one in lines), 3),
            "frames": sum(one.frames for one in lines),
            "size_bytes": sum(one.size_bytes + one.more_bytes for one in lines),
        }


def _count(total: Counter[str], more: dict[str, float]) -> None:
    for name, count in more.items():
        total[name] += int(count)
