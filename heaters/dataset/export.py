"""The run of an export: what is new → shards, one after the other, each entered when it is whole; then the card.

Killed at any moment and started again it goes on behind the last shard entered. It does not know the forms' insides.
"""

import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from heaters.dataset import card, index, lance, parquet, webdataset
from heaters.dataset.bring import Brought, brought
from heaters.dataset.chosen import Chosen
from heaters.dataset.contents import Contents, Entry
from heaters.dataset.recipe import Candidate, Choice, Recipe, Shard, plan
from heaters.dataset.records import Sample, samples
from heaters.dataset.sink import Folder, Sink, open_sink
from heaters.dataset.sweep import sweep
from heaters.dataset.table import needs
from heaters.dataset.written import Written
from heaters.errors import StageError, UsageError
from heaters.settings import Settings
from heaters.store.db import Connection, Database, connect
from heaters.store.objects import store_of
from heaters.store.queries import query

FORMS: dict[str, Callable[[Sink, Shard, Recipe, Iterable[Brought]], Written]] = {
    "webdataset": webdataset.write,
    "parquet": parquet.write,
    "lance": lance.write,
}
NEEDS = {"webdataset": (), "parquet": ("pyarrow",), "lance": ("pyarrow", "lance")}
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
        with _held(database, sink.location) as connection:
            chosen = Chosen(connection)
            return _export(database, settings, sink, recipe, choice, chosen, scratch, on_shard, begun)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _export(
    database: Database,
    settings: Settings,
    sink: Sink,
    recipe: Recipe,
    choice: Choice,
    chosen: Chosen,
    scratch: Path,
    on_shard: Progress,
    begun: float,
) -> Report:
    scratch.mkdir(parents=True, exist_ok=True)
    store = store_of(settings)
    index.begin(sink)
    with database.transaction() as tx:
        tx.execute(query("register_output"), {"location": sink.location})
    found = Contents(recipe.splits.names)
    for one in index.entries(sink, recipe):
        found.add(one)
        chosen.enter(clip["sample"] for clip in one.clips)
    waiting = chosen.choose(recipe, choice, settings.variant("export"))
    kept = None if choice.unique is None else chosen.distinct(database, recipe, choice.unique)
    count = sum(1 for _ in plan(_kept(chosen, kept), recipe))
    clips_new = shards_new = new_bytes = 0
    failed: list[tuple[Sample, StageError]] = []
    records = partial(samples, database, recipe=recipe, profile=settings.variant("export"))
    for number, shard in enumerate(plan(_kept(chosen, kept), recipe), 1):
        written = FORMS[recipe.form](sink, shard, recipe, brought(store, records(shard), scratch))
        failed += written.failed
        if written.samples:
            one = index.entry(shard, written)
            index.put(sink, recipe, one)
            found.add(one)
            chosen.enter(clip["sample"] for clip in one.clips)
            clips_new, shards_new = clips_new + len(one.clips), shards_new + 1
            new_bytes += one.size_bytes + one.more_bytes
            on_shard(one, number, count)
    swept = sweep(sink, recipe, found, chosen)
    for name, plot in card.plots(found).items():
        sink.put_bytes(name, plot.encode())
    sink.put_bytes("README.md", card.card(recipe, found).encode())
    sink.put_bytes(index.MANIFEST, index.manifest(recipe, found))
    return Report(
        location=sink.location,
        clips=found.totals()["clips"],
        clips_new=clips_new,
        shards=len(found.shards()),
        shards_new=shards_new,
        size_bytes=new_bytes,
        waiting=waiting,
        alike=0 if kept is None else sum(1 for _ in chosen.new()) - len(kept),
        swept=swept,
        failed=tuple(Failed(clip_id=s.clip_id, error=f"{type(e).__name__}: {e}") for s, e in failed),
        seconds=time.monotonic() - begun,
    )


def _kept(chosen: Chosen, kept: Set[int] | None) -> Iterator[Candidate]:
    """The new clips, or those of them that are kept."""
    return (clip for clip in chosen.new() if kept is None or clip.id in kept)


@contextmanager
def _held(database: Database, location: str) -> Iterator[Connection]:
    """Keep other exports away from an output, by a lock that ends with this process. Raises UsageError."""
    with connect(database.url, application_name="heaters export-dataset", options=database.options) as connection:
        row = connection.execute(query("lock_output").encode(), {"out": location}).fetchone()
        if row is None or not row["held"]:
            raise UsageError(f"another export writes to {location}")
        try:
            yield connection
        finally:
            with suppress(psycopg.Error):  # the connection is gone, and with it the lock
                connection.execute(query("unlock_output").encode(), {"out": location})
