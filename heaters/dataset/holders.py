"""Which datasets hold clips of some sources: read from the index of each, one shard at a time."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heaters.core.address import redact
from heaters.dataset.index import FOLDER
from heaters.dataset.sink import Sink, open_sink
from heaters.errors import StoreError
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A dataset, and what it holds of the sources: how many clips of how many of them, in which shards.

    `error`: it could not be read, so it may hold some.
    """

    location: str
    sources: int = 0
    clips: int = 0
    shards: tuple[str, ...] = ()
    error: str | None = None


def outputs(database: Database) -> list[str]:
    """Where datasets were written with this database."""
    with database.transaction() as tx:
        return [row["location"] for row in tx.execute(query("outputs")).fetchall()]


def holders(settings: Settings, locations: Sequence[str], contents: Collection[str]) -> Iterator[Holder]:
    """The datasets among `locations` that hold clips of sources with these hashes, and those that cannot be read."""
    for location in locations:
        try:
            found = _held(open_sink(location, s3_endpoint=settings.s3_endpoint, scratch=settings.scratch), contents)
        except (StoreError, ValueError, KeyError) as error:
            found = Holder(location=location, error=redact(f"{type(error).__name__}: {error}"))
        if found.clips or found.error:
            yield found


def _held(sink: Sink, contents: Collection[str]) -> Holder:
    clips, sources, shards, seen = 0, set(), [], 0
    for name in sink.sizes(FOLDER):
        data = sink.read(name)
        if data is None or not name.endswith(".json"):
            continue
        seen += 1
        entry = json.loads(data)
        mine = [clip["source"] for clip in entry["clips"] if clip["source"] in contents]
        if mine:
            clips += len(mine)
            sources.update(mine)
            shards.append(entry["file"])
    if not seen and not sink.location.startswith("s3://") and not Path(sink.location).exists():
        return Holder(location=sink.location, error="it is not there: moved, on another machine, or deleted")
    return Holder(location=sink.location, sources=len(sources), clips=clips, shards=tuple(shards))
