"""What the application works with, built once at its start and handed to every part. It holds no state of a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from heaters.search import Search
from heaters.settings import Settings
from heaters.stages.tidy import stills_folder, tidy
from heaters.store.cache import Cache
from heaters.store.db import Database
from heaters.store.objects import ObjectStore, store_of
from heaters.store.open import open_database
from heaters.store.queries import query
from ui.accounts import Accounts
from ui.stills import Stills


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The adapters that the tabs share. `search` loads its model at the first query."""

    settings: Settings
    database: Database
    store: ObjectStore
    cache: Cache
    search: Search
    accounts: Accounts
    stills: Stills


# Requests come in bursts (a page of posters) and each holds a connection for a few milliseconds.
DATABASE_CONNECTIONS = 16


def build(settings: Settings, database: Database) -> Context:
    """A context on an open database. Touches no file and loads no model yet.

    Raises ConfigError where the file of users is wrong.
    """
    store = store_of(settings)
    cache = Cache.of(settings)
    return Context(
        settings=settings,
        database=database,
        store=store,
        cache=cache,
        search=Search(database, settings),
        accounts=Accounts.of(settings),
        stills=Stills(stills_folder(settings), store, cache, strategy=settings.keyframes),
    )


@contextmanager
def opened(settings: Settings) -> Iterator[Context]:
    """A context on a database of its own, migrated first and closed at the end."""
    database = open_database(settings, application_name="heaters ui", max_size=DATABASE_CONNECTIONS)
    try:
        _forget_withdrawn(settings, database)
        yield build(settings, database)
    finally:
        database.close()


def _forget_withdrawn(settings: Settings, database: Database) -> None:
    """Delete what this machine keeps of videos that were withdrawn, maybe on another one, while nothing ran here."""
    with database.transaction() as tx:
        rows = tx.execute(query("withdrawn_contents"), {"after": datetime.fromtimestamp(0, UTC)}).fetchall()
    if rows:
        tidy(
            settings,
            contents=frozenset(row["content_hash"] for row in rows if row["content_hash"]),
            videos=frozenset(row["video_id"] for row in rows),
        )
