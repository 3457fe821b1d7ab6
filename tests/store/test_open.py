"""The database that the settings name."""

from pathlib import Path

from heaters import embedded
from heaters.settings import Settings
from heaters.store.migrate import available, current
from heaters.store.open import open_database


def test_open_migrates_the_database_of_the_url(tmp_path: Path, empty_database_url: str) -> None:
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
