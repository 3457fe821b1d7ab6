"""What every command needs first: the settings, and the database they name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from heaters.errors import ConfigError
from heaters.settings import Settings, load
from heaters.store.db import Database
from heaters.store.open import open_database


@contextmanager
def opened(meanwhile: Callable[[Settings], None] | None = None) -> Iterator[tuple[Settings, Database]]:
    """Settings and a migrated database; the embedded one is started when none is named. `meanwhile` begins what can go
    on beside that.
    """
    settings = load()
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"HEATERS_HOME must be a folder that we may write; {settings.home}: {error.strerror}"
        ) from error
    if meanwhile is not None:
        meanwhile(settings)
    database = open_database(settings)
    try:
        yield settings, database
    finally:
        database.close()
