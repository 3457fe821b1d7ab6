"""What every command needs first: the settings, and the database they name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from heaters.private import home_folder
from heaters.settings import Settings, load
from heaters.store.db import Database
from heaters.store.open import open_database


@contextmanager
def opened(meanwhile: Callable[[Settings], None] | None = None) -> Iterator[tuple[Settings, Database]]:
    """Settings and a migrated database; the embedded one is started when none is named. `meanwhile` begins what can go
    on beside that.
    """
    settings = load()
    home_folder(settings.home)
    if meanwhile is not None:
        meanwhile(settings)
    database = open_database(settings)
    try:
        yield settings, database
    finally:
        database.close()
