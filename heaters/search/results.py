"""What is found: hits on pages."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

How: TypeAlias = Literal["exact", "hnsw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A clip and how near it is.

    `score` is the cosine in [-1, 1] between the query's direction and the clip's vector as stored (half precision): 1
    is the same direction. Scores of different models are not comparable. `duplicates` are the clips folded into this
    one, best first (only when asked to collapse).
    """

    clip_id: int
    video_id: int
    title: str
    score: float
    start_seconds: float
    end_seconds: float
    start_frame: int
    end_frame: int
    state: str
    duplicates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Hits, best first, ties by clip id. `next` is the cursor of the page after it, None at the end.

    `model` and `strategy` name the space searched, `how` the way: exact looks at every vector that passes the filters,
    hnsw asks the indexes (see `heaters db recall`). `note` is for people: what they may want to know about the answer.
    """

    hits: tuple[Hit, ...]
    next: str | None
    model: str
    strategy: str
    how: How
    note: str = ""
