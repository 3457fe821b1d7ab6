"""The run of an export: what is new → shards, one after the other, each entered when it is whole; then the card.

Killed at any moment and started again it goes on behind the last shard entered. It does not know the forms' insides.
"""

import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from heaters.dataset import card, index, lance, parquet, webdataset
from heaters.dataset.bring import Brought, brought
from heaters.dataset.index import Entry
from heaters.dataset.recipe import Candidate, Choice, Recipe, Shard, plan
from heaters.dataset.records import Sample, samples
from heaters.dataset.sink import Folder, Sink, open_sink
from heaters.dataset.table import needs
from heaters.dataset.written import Written
from heaters.errors import StageError, StoreError, UsageError
from heaters.search.groups import standing
from heaters.settings import Settings
from heaters.store.db import Database, connect
from heaters.store.objects import store_of
from heaters.store.queries import query

FORMS: dict[str, Callable[[Sink, Shard, Recipe, Iterable[Brought]], Written]] = {
    "webdataset": webdataset.write,
    "parquet": parquet.write,
    "lance": lance.write,
}
NEEDS = {"webdataset": (), "parquet": ("pyarrow",), "lance": ("pyarrow", "lance")}
PARTIAL = re.compile(r"(^|/)\.[0-9a-f]{32}\.partial$")  # a file in the making, as `store.files.beside` names it
Progress = Callable[[Entry, int, int], None]  # the shard, how many are written of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A clip that could not be written."""

    clip_id: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an export did. `waiting` clips were chosen but lack their file, stills or vector as yet; `alike` were left
    out because they look like one that is in.
    """

    location: str
    clips: int
    clips_new: int
    shards: int
    shards_new: int
    size_bytes: int
    waiting: int
    alike: int
    swept: int
    failed: tuple[Failed, ...]
    seconds: float


def export(
    database: Database,
    settings: Settings,
    out: str,
    recipe: Recipe,
    choice: Choice,
    *,
    on_shard: Progress = lambda *_: None,
) -> Report:
    """Write the chosen clips that are not in `out` yet.

    Raises UsageError for an output made by another recipe or held by another export, ConfigError for a form whose
    library is missing, StoreError where the output or the database fails; clips that fail alone are in the report.
    """
    begun = time.monotonic()
    if recipe.form not in FORMS:
        raise UsageError(f"--format is one of {', '.join(FORMS)}; got {recipe.form!r}")
    for module in NEEDS[recipe.form]:
        needs(module, recipe.form)
    scratch = settings.scratch / f"dataset-{uuid.uuid4().hex[:12]}"
    sink = open_sink(out, s3_endpoint=settings.s3_endpoint, scratch=scratch)
    if recipe.form == "lance" and not isinstance(sink, Folder):
        raise UsageError("--format lance writes to a folder on this machine alone; for S3 choose webdataset or parquet")
    try:
        with _held(database, sink.location):
            return _export(database, settings, sink, recipe, choice, scratch, on_shard, begun)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _export(
    database: Database,
    settings: Settings,
    sink: Sink,
    recipe: Recipe,
    choice: Choice,
    scratch: Path,
    on_shard: Progress,
    begun: float,
) -> Report:
    scratch.mkdir(parents=True, exist_ok=True)
    store = store_of(settings)
    index.begin(sink)
    with database.transaction() as tx:
        tx.execute(query("register_output"), {"location": sink.location})
    entered = index.entries(sink, recipe)
    there = {clip["sample"] for one in entered for clip in one.clips}
    chosen, waiting = _chosen(database, recipe, choice, settings.variant("export"))
    new_clips, alike = _distinct(database, recipe, choice, chosen, there)
    shards = plan(new_clips, recipe)
    records = partial(samples, database, recipe=recipe, profile=settings.variant("export"))
    new: list[Entry] = []
    failed: list[tuple[Sample, StageError]] = []
    for number, shard in enumerate(shards, 1):
        written = FORMS[recipe.form](sink, shard, recipe, brought(store, records(shard), scratch))
        failed += written.failed
        if written.samples:
            new.append(index.entry(shard, written))
            index.put(sink, recipe, new[-1])
            on_shard(new[-1], number, len(shards))
    found = sorted([*entered, *new], key=lambda one: (recipe.splits.names.index(one.split), one.name))
    swept = _sweep(sink, recipe, found)
    for name, plot in card.plots(found).items():
        sink.put_bytes(name, plot.encode())
    sink.put_bytes("README.md", card.card(recipe, found).encode())
    sink.put_bytes(index.MANIFEST, index.manifest(recipe, found))
    return Report(
        location=sink.location,
        clips=sum(len(one.clips) for one in found),
        clips_new=sum(len(one.clips) for one in new),
        shards=len(found),
        shards_new=len(new),
        size_bytes=sum(one.size_bytes + one.more_bytes for one in new),
        waiting=waiting,
        alike=alike,
        swept=swept,
        failed=tuple(Failed(clip_id=s.clip_id, error=f"{type(e).__name__}: {e}") for s, e in failed),
        seconds=time.monotonic() - begun,
    )


def _chosen(database: Database, recipe: Recipe, choice: Choice, profile: str) -> tuple[list[Candidate], int]:
    """The clips that can be written, and how many more are chosen but not ready."""
    statement = sql.SQL(query("chosen_clips")).format(rule=choice.rule(), file=sql.SQL(query("file_of_clip")))
    with database.transaction() as tx:
        rows = tx.execute(statement, {**choice.parameters(), **recipe.asked(), "profile": profile}).fetchall()
    ready = [
        Candidate(**{name: row[name] for name in Candidate.__slots__})
        for row in rows
        if row["has_file"] and row["has_stills"] and row["has_vector"]
    ]
    return ready, len(rows) - len(ready)


def _distinct(
    database: Database, recipe: Recipe, choice: Choice, chosen: Sequence[Candidate], there: set[str]
) -> tuple[list[Candidate], int]:
    """The clips that are not in the output yet, and how many of these are left out for looking like another."""
    new = [clip for clip in chosen if clip.sample not in there]
    if choice.unique is None:
        return new, 0
    old = sorted(clip.id for clip in chosen if clip.sample in there)
    if not recipe.model:
        raise UsageError("near-duplicates are told by vectors: to leave them out, the recipe needs some")
    ids = [*old, *sorted(clip.id for clip in new)]
    first = standing(database, recipe.model, recipe.strategy, choice.unique, ids)
    distinct = [clip for clip in new if first[clip.id] == clip.id]
    return distinct, len(new) - len(distinct)


def _sweep(sink: Sink, recipe: Recipe, found: list[Entry]) -> int:
    """Delete shards that no entry names, and files in the making: what killed runs left. Returns how many.

    Raises StoreError where a shard that is entered is not there: somebody else deleted it.
    """
    lost = {name: size for name, size in _files(sink, recipe).items() if name not in {one.file for one in found}}
    sizes = _files(sink, recipe)
    for one in found:
        if recipe.form != "lance" and sizes.get(one.file) != one.size_bytes:
            raise StoreError(
                f"{one.file} of {sink.location} is not as it was written; delete {index.FOLDER}{one.name}.json "
                "to have its clips written again"
            )
    lost |= {name: size for name, size in sink.sizes("").items() if PARTIAL.search(name)}
    kept = {clip["sample"] for one in found for clip in one.clips}
    if recipe.form == "parquet":
        for name in sink.sizes("files/"):
            if name.rpartition("/")[2].partition(".")[0] not in kept:
                lost[name] = 0
    sink.delete(lost)
    return len(lost)


def _files(sink: Sink, recipe: Recipe) -> dict[str, int]:
    """The shards in the output, finished or not."""
    return {} if recipe.form == "lance" else {
        name: size for split in recipe.splits.names for name, size in sink.sizes(f"{split}/").items()
    }  # fmt: skip


@contextmanager
def _held(database: Database, location: str) -> Iterator[None]:
    """Keep other exports away from an output, by a lock that ends with this process. Raises UsageError."""
    with connect(database.url, application_name="heaters export-dataset") as connection:
        row = connection.execute(query("lock_output").encode(), {"out": location}).fetchone()
        if row is None or not row["held"]:
            raise UsageError(f"another export writes to {location}")
        try:
            yield
        finally:
            with suppress(psycopg.Error):  # the connection is gone, and with it the lock
                connection.execute(query("unlock_output").encode(), {"out": location})
