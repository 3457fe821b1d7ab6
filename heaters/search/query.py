"""What can be asked: terms that add up to a direction, filters, and which part of the answer. Values only."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from heaters.core.facts import Bound, as_text
from heaters.core.states import ClipState
from heaters.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_K = 1000
# Each term costs a pass through a model; arithmetic on more than a few has no meaning that a person could check.
MAX_TERMS = 16
MAX_TEXT_CHARACTERS = 2000
MAX_FILTER_VALUES = 10_000

Kind: TypeAlias = Literal["text", "image", "clip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One thing to look for, or with a negative weight to look away from. Build with `text`, `image` or `clip`."""

    kind: Kind
    value: "str | Image | int"
    weight: float = 1.0

    @staticmethod
    def text(words: str, *, weight: float = 1.0) -> "Term":
        """Words. Raises UsageError for none, or for too many."""
        return Term(kind="text", value=words, weight=weight)

    @staticmethod
    def image(picture: "Image | Path", *, weight: float = 1.0) -> "Term":
        """A picture, or a file that holds one. Raises UsageError for a file that does not."""
        return Term(kind="image", value=_opened(picture) if isinstance(picture, Path) else picture, weight=weight)

    @staticmethod
    def clip(clip_id: int, *, weight: float = 1.0) -> "Term":
        """A clip that has a vector in the space searched; it is not among its own hits."""
        return Term(kind="clip", value=clip_id, weight=weight)

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight) or not 0 < abs(self.weight) <= 100:
            raise UsageError(f"a term's weight is a number other than 0, at most 100 either way; got {self.weight}")
        if self.kind == "text":
            words = self.value
            if not isinstance(words, str) or not words.strip():
                raise UsageError("a query must have at least one letter")
            if len(words) > MAX_TEXT_CHARACTERS:
                raise UsageError(f"a query's text has at most {MAX_TEXT_CHARACTERS} characters; got {len(words)}")
        elif self.kind == "clip":
            _id_in_range("a clip's id", self.value)

    def fingerprint(self) -> list[Any]:
        """The term as JSON-ready values, equal for equal terms."""
        if self.kind != "image":
            return [self.kind, self.value, self.weight]
        picture: Any = self.value
        digest = hashlib.sha256(repr((picture.mode, picture.size)).encode() + picture.tobytes()).hexdigest()
        return [self.kind, digest, self.weight]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which clips may be found; None: any. Ranges are half-open, `[since, until)`; retired clips are never found.

    `created_*` is when the clip's row was made, `reviewed_*` when a person decided it. Times without a zone are UTC.
    """

    videos: tuple[int, ...] | None = None
    states: tuple[str, ...] | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None  # clips shorter than this
    created_since: datetime | None = None
    created_until: datetime | None = None
    reviewed_since: datetime | None = None
    reviewed_until: datetime | None = None
    facts: tuple[Bound, ...] = ()  # what must hold of each clip's facts, all of it

    def __post_init__(self) -> None:
        for video in self.videos or ():
            _id_in_range("a video's id", video)
        for name in ("videos", "states"):
            values = getattr(self, name)
            if values is not None and len(values) > MAX_FILTER_VALUES:
                raise UsageError(f"a filter names at most {MAX_FILTER_VALUES} {name}; got {len(values)}")
        for state in self.states or ():
            if state not in _STATES:
                raise UsageError(f"a state is one of {', '.join(_STATES)}; got {state!r}")
        for seconds in (self.min_seconds, self.max_seconds):
            if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
                raise UsageError(f"a duration is a number of seconds from 0; got {seconds}")
        _ordered("duration", self.min_seconds, self.max_seconds)
        _ordered("creation time", _utc(self.created_since), _utc(self.created_until))
        _ordered("review time", _utc(self.reviewed_since), _utc(self.reviewed_until))

    @property
    def narrow(self) -> bool:
        """Whether anything is filtered at all."""
        return self != Filters()

    def parameters(self) -> dict[str, Any]:
        """As the queries of `search.sql` take them, by name; bounds on facts are part of the text of a query."""
        return {
            "videos": None if self.videos is None else list(self.videos),
            # As one literal, which PostgreSQL reads while it plans: of a cast array it would not know how many match.
            "states": None if self.states is None else f"{{{','.join(self.states)}}}",
            "min_seconds": self.min_seconds,
            "max_seconds": self.max_seconds,
            "created_since": _utc(self.created_since),
            "created_until": _utc(self.created_until),
            "reviewed_since": _utc(self.reviewed_since),
            "reviewed_until": _utc(self.reviewed_until),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search. Terms add up, weight times unit vector each; at least one weight must be positive.

    `model` is a space's identity `name@revision` or a model's name as in HEATERS_MODEL, `strategy` an embedding
    strategy; empty: the ones in use. `cursor` is a page's `next`, everything else as before. `collapse` folds a
    hit into a better one whose vector is at least this near to it (a cosine in (0, 1]). `exact` looks at every vector.
    """

    terms: tuple[Term, ...]
    filters: Filters = field(default_factory=Filters)
    k: int = 10
    cursor: str | None = None
    model: str = ""
    strategy: str = ""
    collapse: float | None = None
    exclude: tuple[int, ...] = ()
    exact: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MAX_K:
            raise UsageError(f"k must be 1 to {MAX_K}; got {self.k}")
        if not 1 <= len(self.terms) <= MAX_TERMS:
            raise UsageError(f"a query has 1 to {MAX_TERMS} terms; got {len(self.terms)}")
        if all(term.weight < 0 for term in self.terms):
            raise UsageError(
                "a query needs something to look for: what is only looked away from has no direction; "
                "give at least one term a positive weight"
            )
        if self.collapse is not None:
            check_threshold(self.collapse)
        if len(self.exclude) > MAX_FILTER_VALUES:
            raise UsageError(f"a query excludes at most {MAX_FILTER_VALUES} clips; got {len(self.exclude)}")
        for clip in self.exclude:
            _id_in_range("a clip's id", clip)

    @property
    def excluded(self) -> list[int]:
        """The clips that are never hits: those excluded, and those asked with."""
        asked = [int(term.value) for term in self.terms if term.kind == "clip"]  # type: ignore[arg-type]
        return sorted({*self.exclude, *asked})

    def parameters(self) -> dict[str, Any]:
        """Those of the filters, and the clips that are never hits."""
        return {**self.filters.parameters(), "exclude": self.excluded or None}

    def fingerprint(self) -> str:
        """Equal for queries that page through the same answer: all but the page, its length and the space."""
        filters = {name: str(value) for name, value in self.filters.parameters().items() if value is not None}
        filters["facts"] = as_text(self.filters.facts)
        parts = [[term.fingerprint() for term in self.terms], filters, self.collapse, self.excluded, self.exact]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def check_threshold(cosine: float) -> None:
    """Raise UsageError for what cannot say how near near-duplicates are."""
    if not 0 < cosine <= 1:
        raise UsageError(f"clips are near-duplicates from a cosine in (0, 1] on; got {cosine}")


_STATES = tuple(str(state) for state in ClipState)


def _opened(path: Path) -> "Image":
    from PIL import Image as Pictures

    try:
        return Pictures.open(path).convert("RGB")
    except (OSError, SyntaxError, ValueError, Pictures.DecompressionBombError) as error:
        raise UsageError(f"{path} must be a picture: {error}") from error


def _id_in_range(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise UsageError(f"{what} is a positive whole number; got {value!r}")


def _utc(time: datetime | None) -> datetime | None:
    from datetime import UTC

    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _ordered(what: str, low: Any, high: Any) -> None:
    if low is not None and high is not None and not low < high:
        raise UsageError(f"a range of {what} must not be empty; got [{low}, {high})")
