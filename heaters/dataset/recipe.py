"""What a dataset is made of: which clips, in what form. The same recipe and the same clips give the same bytes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from heaters.core import keys
from heaters.core.facts import Bound
from heaters.core.splits import Splits
from heaters.core.states import ClipState
from heaters.errors import UsageError
from heaters.search.query import check_threshold
from heaters.store.facts import facts_within

STATES = (ClipState.REVIEW_APPROVED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How samples are written. It stays the same for the life of an output, or its parts would not fit together.

    `stills` is the strategy of the stills that go along, `model` and `strategy` name the space of the vectors; "" none.
    """

    form: str
    splits: Splits
    stills: str = ""
    model: str = ""
    strategy: str = ""
    shard_clips: int = 1000
    shard_bytes: int = 512 * 2**20

    def __post_init__(self) -> None:
        if self.shard_clips < 1 or self.shard_bytes < 1:
            raise UsageError(f"a shard holds at least a clip and a byte; got {self.shard_clips}, {self.shard_bytes}")

    def asked(self) -> dict[str, str | None]:
        """What each sample must have, as queries take it; None: not asked for."""
        return {"stills": self.stills or None, "model": self.model or None, "strategy": self.strategy or None}

    def plain(self) -> dict[str, Any]:
        """As JSON, for the output itself."""
        return {
            "form": self.form,
            "splits": dict(self.splits.plain()),
            "seed": self.splits.seed,
            "stills": self.stills,
            **({"stills_of": "file"} if self.stills else {}),  # until 0.1 they were pictures of the proxy
            "model": self.model,
            "strategy": self.strategy,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which clips go in; None: all that review let through.

    `unique`: of clips whose vectors are at least this near, a cosine in (0, 1], only one: the one that is in the
    output, else the first.
    """

    videos: tuple[int, ...] | None = None
    states: tuple[str, ...] | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    facts: tuple[Bound, ...] = ()
    unique: float | None = None

    def __post_init__(self) -> None:
        for state in self.states or ():
            if state not in STATES:
                raise UsageError(f"a clip of a dataset is {', '.join(STATES)}; got {state!r}")
        if self.unique is not None:
            check_threshold(self.unique)
        low, high = self.min_seconds, self.max_seconds
        if low is not None and high is not None and not low < high:
            raise UsageError(f"a range of durations must not be empty; got [{low}, {high})")

    def parameters(self) -> dict[str, Any]:
        """As the query takes it, but for the bounds on facts."""
        return {
            "videos": None if self.videos is None else list(self.videos),
            "states": None if self.states is None else list(self.states),
            "min_seconds": self.min_seconds,
            "max_seconds": self.max_seconds,
        }

    def rule(self) -> sql.Composable:
        """The bounds on facts as a condition on a clip `c`."""
        return facts_within(self.facts, sql.SQL("c.id")) if self.facts else sql.SQL("true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A clip that may go in: what planning needs of it."""

    id: int
    content_hash: str
    start_frame: int
    end_frame: int
    size_bytes: int

    @property
    def sample(self) -> str:
        """The clip's name in every form: the same bytes and frames have the same name in every database."""
        return f"{self.content_hash[:16]}-{self.start_frame:08d}-{self.end_frame:08d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Clips of one split that are written together. The name says what is in it, so doing it again is the same file."""

    split: str
    clips: tuple[Candidate, ...]

    @property
    def name(self) -> str:
        word = keys.params({"samples": [clip.sample for clip in self.clips]})
        return f"{self.split}-{self.clips[0].sample}-{word}"


def plan(candidates: Iterable[Candidate], recipe: Recipe) -> Iterator[Shard]:
    """The shards for some clips as they become full: each split's in the order given, as far as both bounds allow."""
    taken: dict[str, list[Candidate]] = {name: [] for name in recipe.splits.names}
    size_bytes: Counter[str] = Counter()
    for clip in candidates:
        split = recipe.splits.of(clip.content_hash)
        mine = taken[split]
        if mine and (len(mine) == recipe.shard_clips or size_bytes[split] + clip.size_bytes > recipe.shard_bytes):
            yield Shard(split=split, clips=tuple(mine))
            mine.clear()
            size_bytes[split] = 0
        mine.append(clip)
        size_bytes[split] += clip.size_bytes
    for split, mine in taken.items():
        if mine:
            yield Shard(split=split, clips=tuple(mine))
