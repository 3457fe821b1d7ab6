"""`heaters clean`: what lies in the store and belongs to nobody."""

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.objects import Entry, store_of
from heaters.store.orphans import delete_orphans, orphans

HOUR_SECONDS = 3600.0
AT_ONCE = 500  # deleted by one request

Delete = Annotated[bool, typer.Option("--delete", help="Delete them; without it they are only listed.")]
OlderThan = Annotated[
    float, typer.Option("--older-than-hours", min=1, help="Younger objects may be about to be recorded.")
]


def clean_command(delete: Delete = False, older_than_hours: OlderThan = 24, as_json: AsJson = False) -> None:
    """List the objects of the store that no row knows: what killed workers left. Deletes nothing unless told to."""
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        rows = clean(settings, database, older_than_hours, delete=delete)
        if as_json:
            output.json_rows(rows)
        else:
            tell(output, rows, delete=delete)


def clean(settings: Settings, database: Database, older_than_hours: float, *, delete: bool) -> Iterator[dict[str, Any]]:
    """Orphans one by one: key, size_bytes, age_hours, deleted. Raises StoreError when one cannot be deleted."""
    store = store_of(settings)
    now = time.time()
    group: list[Entry] = []

    def settle() -> Iterator[dict[str, Any]]:
        for entry in delete_orphans(database, store, group) if delete and group else group:
            age = round((now - entry.modified_at) / HOUR_SECONDS, 1)
            yield {"key": entry.key, "size_bytes": entry.size_bytes, "age_hours": age, "deleted": delete}
        group.clear()

    for orphan in orphans(database, store, put_before=now - older_than_hours * HOUR_SECONDS):
        group.append(orphan)
        if len(group) >= AT_ONCE:
            yield from settle()
    yield from settle()


def tell(output: Output, rows: Iterator[dict[str, Any]], *, delete: bool) -> None:
    """A line each, and the sum."""
    count = size_bytes = 0
    for row in rows:
        output.say(f"{'deleted' if delete else 'orphan'}    {row['key']}  {row['size_bytes']:,} bytes")
        count += 1
        size_bytes += row["size_bytes"]
    then = "deleted" if delete else "listed; --delete removes them" if count else "nothing to clean"
    output.say(f"summary    {count} objects that no row knows, {size_bytes / 2**20:.1f} MiB: {then}")
