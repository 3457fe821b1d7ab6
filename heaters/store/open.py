"""Opens the database that the settings name, at the schema of this version."""

from functools import partial

from heaters import embedded
from heaters.settings import Settings
from heaters.store.db import Database, connect
from heaters.store.migrate import migrate


def open_database(settings: Settings, *, application_name: str = "heaters", max_size: int = 8) -> Database:
    """The migrated database: the one of HEATERS_DATABASE_URL, or the embedded one, started when needed.

    Raises ConfigError and StoreError as `connect`, `migrate` and `embedded.ensure` do.
    """
    locate = partial(_locate, settings)
    with connect(locate(), application_name=application_name) as connection:
        migrate(connection)
    # Which facts are meant, where a clip was measured by several settings: the function `facts_variant` reads it.
    options = f"-c heaters.facts={settings.variant('facts')}"
    return Database(locate, application_name=application_name, max_size=max_size, options=options)


def _locate(settings: Settings) -> str:
    return settings.database_url or embedded.ensure(settings.home)
