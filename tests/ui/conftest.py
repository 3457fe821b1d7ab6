"""What the tests of the UI share: a library of films that the real pipeline went over once, servers, and a browser.

The films' files lie in one store that all tests only read; each test has its own copy of the database.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import Watched, start_chromium
from client import PASSWORDS
from command import Heaters
from databases import TEMPLATE, administer, with_database
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from served import Site, serve
from shots import PHOTOS, write_film
from sources import SOURCES

from heaters.settings import Settings
from ui.accounts import Accounts, Role

LIBRARY = f"{TEMPLATE}_library"
# Bar-coded films at the rates that matter, by their names in SOURCES: 23.976, 25, 29.97, 59.94 and variable.
BARS = ("film", "b_frames", "ntsc", "ntsc_60", "vfr")
# Six times five photos: more clips than a page of the Query tab holds.
ROUNDS, FRAMES_EACH = 6, 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What the library's database holds: `searchable` is a film of embedded clips, the others wait for review."""

    database: str
    media: Path
    searchable: int
    photos: int
    bars: dict[str, int]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs Chromium, so that it can be run, or left out, by `-m browser`."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def library(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, template_url: str, ray_cluster: str
) -> Library:
    """The films, gone over by the real pipeline. Nothing stays connected to its database."""
    assert template_url  # is there by now
    home, films = tmp_path_factory.mktemp("library"), tmp_path_factory.mktemp("films")
    administer(postgres_url, "drop database if exists {0} with (force)", LIBRARY)
    administer(postgres_url, "create database {0} template {1}", LIBRARY, TEMPLATE)
    heaters = Heaters(
        {
            "HEATERS_HOME": str(home),
            "HEATERS_DATABASE_URL": with_database(postgres_url, LIBRARY),
            "RAY_ADDRESS": ray_cluster,
        }
    )
    write_film(films / "searchable.mp4", PHOTOS * ROUNDS, FRAMES_EACH)
    write_film(films / "photos.mp4")
    bars = [SOURCES[name](_folder(films / name)) for name in BARS]
    searchable = _run(heaters, films / "searchable.mp4", "--auto-approve")
    photos, *rest = _run(heaters, films / "photos.mp4", *bars)
    return Library(
        database=LIBRARY,
        media=home / "media",
        searchable=searchable[0],
        photos=photos,
        bars=dict(zip(BARS, rest, strict=True)),
    )


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _run(heaters: Heaters, *arguments: str | Path) -> list[int]:
    ran = heaters("run", *arguments, "--json")
    assert ran.code == 0, ran.err
    by_source = {video["source"]: video["id"] for video in ran.json["videos"]}
    return [by_source[str(Path(a).resolve())] for a in arguments if not str(a).startswith("--")]


@pytest.fixture
def make_site(
    request: pytest.FixtureRequest, tmp_path: Path, make_database: Callable[[str], str]
) -> Iterator[Callable[..., Site]]:
    """Starts servers with the settings given, in a home of the test's own; all stopped after the test.

    Without a `database_url` it is a copy of the library, which is made when first asked for.
    """
    with ExitStack() as stack:

        def make(**changes: Any) -> Site:
            given: dict[str, Any] = {"home": tmp_path / "home"}
            if "database_url" not in changes:
                library: Library = request.getfixturevalue("library")
                given |= {"database_url": make_database(LIBRARY), "store": str(library.media)}
            return stack.enter_context(serve(Settings(**{**given, **changes})))

        yield make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A server on a copy of the library, open to this machine."""
    return make_site()


@pytest.fixture
def empty_site(make_site: Callable[..., Site], database_url: str) -> Site:
    """A server on a database without any video, open to this machine."""
    return make_site(database_url=database_url)


@pytest.fixture
def guarded_site(make_site: Callable[..., Site], database_url: str, tmp_path: Path) -> Site:
    """A server without any video that asks who one is: ann, an operator, and ben, a reviewer (see PASSWORDS)."""
    accounts = Accounts(tmp_path / "home" / "users")
    accounts.put("ann", Role.OPERATOR, PASSWORDS["ann"])
    accounts.put("ben", Role.REVIEWER, PASSWORDS["ben"])
    return make_site(database_url=database_url)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, for the whole session."""
    expect.set_options(timeout=30_000)  # a first search loads the model, and the machine may be busy
    with sync_playwright() as playwright:
        browser = start_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages, each in a profile of its own; at the end none may have done anything wrong by itself.

    `page.watched.expected` takes what a test provokes.
    """
    opened: list[tuple[BrowserContext, Watched]] = []

    def make(url: str, *, path: str = "/", size: tuple[int, int] = (1280, 720), **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(30_000)
        page = context.new_page()
        watched = Watched(origin=url)
        watched.watch(page)
        page.watched = watched  # type: ignore[attr-defined]
        opened.append((context, watched))
        page.goto(url + path)
        return page

    yield make
    for context, _ in opened:
        context.close()
    assert not [text for _, watched in opened for text in watched.unexpected()]
