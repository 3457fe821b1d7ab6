"""The database that the settings name."""

from pathlib import Path

import pytest

from heaters import embedded
from heaters.errors import ConfigError
from heaters.settings import Settings
from heaters.store.db import connect
from heaters.store.migrate import available, current, migrate
from heaters.store.open import open_database


def test_open_gives_an_empty_database_its_schema(tmp_path: Path, empty_database_url: str) -> None:
    settings = Settings(home=tmp_path / "home", database_url=empty_database_url)
    for _ in range(2):
        database = open_database(settings)
        assert database.url == empty_database_url
        with database.transaction() as cursor:
            assert current(cursor.connection) == len(available())
        database.close()
    assert not settings.home.exists()


def test_open_starts_the_embedded_database_with_nothing_set(tmp_path: Path) -> None:
    database = open_database(Settings(home=tmp_path))
    with database.transaction() as cursor:
        assert cursor.execute("select count(*) as n from videos").fetchone() == {"n": 0}
    database.close()
    embedded.release(tmp_path)
    assert not embedded.status(tmp_path).running


def test_open_changes_no_database_of_another_version(tmp_path: Path, empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        migrate(connection, available()[:-2])
    settings = Settings(home=tmp_path / "home", database_url=empty_database_url)
    with pytest.raises(ConfigError, match=rf"lacks {available()[-2].name} and 1 more.*`heaters db migrate`"):
        open_database(settings)
    with connect(empty_database_url) as connection:
        assert current(connection) == len(available()) - 2
        migrate(connection)
    open_database(settings).close()
