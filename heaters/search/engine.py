"""Search: a query → a page of hits. One for each process; threads may share it."""

import random
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import class_row

from heaters.errors import UsageError
from heaters.models.embedder import Towers, Vectors, load_embedder
from heaters.search.chance import pick
from heaters.search.cursor import Cursor, decode
from heaters.search.nearest import Found, Nearest
from heaters.search.query import Filters, Query
from heaters.search.remote import RemoteEmbedder
from heaters.search.results import Hit, Page
from heaters.search.spaces import Chosen, Space, choose, spaces
from heaters.search.target import QueryEmbedder, direction
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.vectors import full


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """What a page begins from: the space, the direction in it, and the cursor."""

    space: Chosen
    direction: NDArray[np.float16]
    cursor: Cursor | None


class Search:
    """Answers queries. `embedder` is a model that is already warm; without one the endpoint of the settings is asked,
    or a model's towers are loaded here when first needed.
    """

    def __init__(self, database: Database, settings: Settings, *, embedder: QueryEmbedder | None = None) -> None:
        self._database = database
        self._settings = settings
        self._given = embedder
        if embedder is None and settings.endpoint:
            self._given = RemoteEmbedder(settings.endpoint, key=settings.endpoint_key)
        self._loaded: dict[tuple[str, Towers], QueryEmbedder] = {}
        self._lock = threading.Lock()

    def run(self, query: Query) -> Page:
        """The page of hits that `query` asks for.

        Raises UsageError for what cannot be answered (the reason is said), ModelError when the model fails, StoreError
        when the database does.
        """
        start = self._start(query)
        if start is None:
            model, strategy = self._settings.model, query.strategy or self._settings.space_strategy
            note = f"no clip has a vector of {model} yet; `heaters run` makes them"
            return Page(hits=(), next=None, model=model, strategy=strategy, how="exact", note=note)
        answer = Nearest(self._database, start.space, start.direction, query).page(start.cursor)
        return Page(
            hits=tuple(hit for hit, _ in answer.hits),
            next=_next(query, start, answer.hits) if answer.more else None,
            model=start.space.model,
            strategy=start.space.strategy,
            how=answer.how,
            note=answer.note,
        )

    def page(self, query: Query, number: int) -> Page:
        """Page `number` of the answer, from 1; the last one may be empty. Later pages cost no more than their depth."""
        page = self.run(query)
        for _ in range(number - 1):
            if page.next is None:
                return replace(page, hits=())
            page = self.run(replace(query, cursor=page.next))
        return page

    def random_clip(
        self, filters: Filters | None = None, *, model: str = "", strategy: str = "", seed: int | None = None
    ) -> Hit | None:
        """A clip picked by chance among those that the filters let through, to start from; None when there is none."""
        chance = random.Random(seed)
        with self._database.transaction() as tx:
            space = self._choose(tx, model, strategy)
            found = None if space is None else pick(tx, space, filters or Filters(), chance)
            if found is None:
                return None
            with tx.connection.cursor(row_factory=class_row(Hit)) as cursor:
                return cursor.execute(query("hit_of"), {"clip_id": found}).fetchone()

    def spaces(self) -> list[Space]:
        """Every space there is."""
        return spaces(self._database)

    @property
    def note(self) -> str:
        """One line for people about the model that was used last."""
        used: Any = self._given or next(reversed(self._loaded.values()), None)
        return getattr(used, "note", "")

    # -------------------------------------------------------------------------------------------- where it begins

    def _start(self, query: Query) -> _Start | None:
        if query.cursor is not None:
            return self._resume(query, query.cursor)
        clips = {int(t.value) for t in query.terms if t.kind == "clip"}  # type: ignore[arg-type]
        with self._database.transaction() as tx:
            space = self._choose(tx, query.model, query.strategy)
            vectors = self._vectors(tx, space, clips)
        if space is None:
            return None
        exact = direction(query.terms, lambda tower: self._embedder(space, tower), vectors, space.dimension)
        return _Start(space=space, direction=exact.astype(np.float16), cursor=None)

    def _resume(self, query: Query, text: str) -> _Start:
        cursor = decode(text, query.fingerprint())
        with self._database.transaction() as tx:
            space = choose(tx, self._settings, model=cursor.model, strategy=cursor.strategy)
        if space is None or len(cursor.direction) != space.dimension:
            raise UsageError(f"the cursor belongs to another space than {cursor.model} is now; start again")
        if query.model not in ("", space.model, space.name) or query.strategy not in ("", space.strategy):
            raise UsageError(f"the cursor belongs to {space.model}, {space.strategy}; ask there or start again")
        return _Start(space=space, direction=cursor.direction, cursor=cursor)

    def _choose(self, tx: Any, model: str, strategy: str) -> Chosen | None:
        at_hand = "" if model or self._given is None else self._given.model
        return choose(tx, self._settings, model=model, strategy=strategy, at_hand=at_hand)

    def _vectors(self, tx: Any, space: Chosen | None, clips: Iterable[int]) -> dict[int, Vectors]:
        """The vectors of clips in the space. Raises UsageError for one that has none there."""
        wanted = sorted(clips)
        if not wanted:
            return {}
        where = f"{space.model}, strategy {space.strategy}" if space else self._settings.model
        found: dict[int, Vectors] = {}
        if space is not None:
            rows = tx.execute(query("vectors_of"), {"ids": wanted, "variant": space.variant}).fetchall()
            found = {row["clip_id"]: full(row["vector"]) for row in rows}
        for clip in wanted:
            if clip not in found:
                rows = tx.execute(query("spaces_of_clip"), {"clip_id": clip}).fetchall()
                others = ", ".join(f"{row['model']} ({row['strategy']})" for row in rows)
                hint = f"; it has one of {others}, which is not comparable" if others else ""
                raise UsageError(f"clip {clip} has no vector of {where}{hint}")
        return found

    # -------------------------------------------------------------------------------------------- the model

    def _embedder(self, space: Chosen, tower: Towers) -> QueryEmbedder:
        embedder = self._given or self._load(space, tower)
        if embedder.model != space.model:
            raise UsageError(
                f"vectors of different models are never compared: the clips' are of {space.model}, the query's would "
                f"be of {embedder.model}; `heaters embed` makes what is missing, `heaters models` lists what there is"
            )
        return embedder

    def _load(self, space: Chosen, tower: Towers) -> QueryEmbedder:
        wanted = space.name or self._settings.model, tower
        with self._lock:
            if wanted not in self._loaded:
                cache, device = self._settings.home / "models", self._settings.device
                self._loaded[wanted] = load_embedder(wanted[0], device=device, cache=cache, towers=tower)
            return self._loaded[wanted]


def _next(query: Query, start: _Start, hits: Sequence[Found]) -> str:
    """The cursor after these hits."""
    last = hits[-1][1]
    tied = [hit.clip_id for hit, distance in hits if distance == last]
    before = start.cursor
    if before is not None and before.distance == last:
        tied += before.tied
    cursor = Cursor(
        model=start.space.model,
        strategy=start.space.strategy,
        fingerprint=query.fingerprint(),
        distance=last,
        tied=tuple(tied),
        shown=(before.shown if before else 0) + len(hits),
        direction=start.direction,
    )
    return cursor.encode()
