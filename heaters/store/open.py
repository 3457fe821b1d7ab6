"""Opens the database that the settings name, at the schema of this version.

An empty database gets the schema from whoever comes first. One that holds anything is changed by `heaters db migrate`
and the job `migrate` alone: others may work on it with the version before.
"""

from functools import partial

from heaters import embedded
from heaters.errors import ConfigError
from heaters.settings import Settings
from heaters.store.db import Database, connect
from heaters.store.migrate import current, migrate, pending


def open_database(settings: Settings, *, application_name: str = "heaters", max_size: int = 8) -> Database:
    """The database at this version's schema: the one of HEATERS_DATABASE_URL, or the embedded one, started when needed.

    Raises ConfigError where it has another version's schema, saying what to do; else ConfigError and StoreError as
    `connect`, `migrate` and `embedded.ensure` do.
    """
    locate = partial(_locate, settings)
    with connect(locate(), application_name=application_name) as connection:
        if current(connection) == 0:
            migrate(connection)
        elif due := pending(connection):
            raise ConfigError(
                f"the database is older than this version of Heaters: it lacks {due[0].name}"
                f"{f' and {len(due) - 1} more' if len(due) > 1 else ''}; make a backup, end the drivers of the version "
                "before, then `heaters db migrate` (or the job `migrate`) changes it"
            )
    # Which facts are meant, where a clip was measured by several settings: the function `facts_variant` reads it.
    options = f"-c heaters.facts={settings.variant('facts')}"
    return Database(locate, application_name=application_name, max_size=max_size, options=options)


def _locate(settings: Settings) -> str:
    return settings.database_url or embedded.ensure(settings.home)
