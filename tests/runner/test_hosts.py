"""Downloads from one host are few at a time and far apart, whatever the number of drivers."""

from dataclasses import replace
from pathlib import Path

import pytest
from rows import rows
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.runner.drained import is_anything_due
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.submit import submit

DOWNLOAD = STAGES["download"]


@pytest.fixture
def drivers(db: Database, settings: Settings) -> list[Driver]:
    """Two drivers that allow two downloads from a host, without spacing."""
    calm = replace(settings, host_downloads=2, host_spacing_seconds=0.0)
    return [Driver(db, calm, name) for name in ("one", "two")]


def add(db: Database, *sources: str) -> list[int]:
    return [int(submit(db, source).video_id or 0) for source in sources]


def taken(driver: Driver, most: int = 10) -> list[int]:
    return sorted(claim.video_id for claim in driver.claim(DOWNLOAD, most))


def test_so_many_of_one_host_at_a_time(db: Database, drivers: list[Driver]) -> None:
    a = add(db, *(f"https://a.example/{n}.mp4" for n in range(5)))
    b = add(db, "http://me:x@B.example:8080/1.mp4", "https://b.example/2.mp4", "https://b.example?3")
    claims = drivers[0].claim(DOWNLOAD)
    assert sorted(claim.video_id for claim in claims) == [*a[:2], *b[:2]]
    assert taken(drivers[1]) == taken(drivers[0]) == []
    drivers[0].finish(DOWNLOAD, [claim for claim in claims if claim.video_id == a[0]])
    assert taken(drivers[1]) == [a[2]]


def test_a_busy_host_does_not_keep_others_waiting(db: Database, drivers: list[Driver], tmp_path) -> None:
    a = add(db, *(f"https://a.example/{n}.mp4" for n in range(20)))
    (tmp_path / "x.mp4").write_bytes(b"x")
    files = add(db, str(tmp_path / "x.mp4"))
    other = add(db, "https://[2001:db8::1]/1.mp4", "https://[2001:db8::2]/1.mp4", "https://[2001:db8::1]/2.mp4")
    assert sorted(taken(drivers[0]) + taken(drivers[1])) == [*a[:2], *files, *other]


def test_no_more_than_asked_for_and_the_others_later(db: Database, drivers: list[Driver]) -> None:
    videos = add(db, *(f"https://host{n}.example/1.mp4" for n in range(6)))
    first = drivers[0].tasks.claim(DOWNLOAD, most=4)
    assert (len(first.claims), first.at_end) == (4, False)
    assert sorted([*(c.video_id for c in first.claims), *taken(drivers[1])]) == videos


def test_starts_are_so_far_apart_on_all_nodes(db: Database, settings: Settings) -> None:
    spaced = replace(settings, host_downloads=10, host_spacing_seconds=30.0)
    one_, two = (Driver(db, spaced, name) for name in ("one", "two"))
    a = add(db, *(f"https://a.example/{n}.mp4" for n in range(3)))
    b = add(db, "https://b.example/0.mp4")
    assert taken(one_) == [a[0], *b]
    assert taken(two) == []
    later(db, 31)
    assert taken(two) == [a[1]]
    # A download that ended at once counts as well: it was a request all the same. The other host has waited long.
    one_.tasks.release()
    later(db, 10)
    assert taken(two) == b or taken(two) == []
    later(db, 31)
    assert set(taken(two)) & {a[0]}


def later(db: Database, seconds: int) -> None:
    """So many seconds later, as far as hosts are concerned."""
    with db.transaction() as tx:
        tx.execute("update hosts set next_start_at = next_start_at - %s * interval '1 second'", (seconds,))


def test_a_failed_download_waits_without_holding_up_its_host(db: Database, drivers: list[Driver]) -> None:
    from heaters.errors import FetchError

    a = add(db, *(f"https://a.example/{n}.mp4" for n in range(4)))
    drivers[0].finish(DOWNLOAD, drivers[0].claim(DOWNLOAD), lambda item: FetchError("429"))
    assert taken(drivers[1]) == a[2:]
    assert len(rows(db, "select from tasks where driver is null")) == 2


def test_a_scope_among_many_of_its_host(db: Database, settings: Settings, drivers: list[Driver]) -> None:
    a = add(db, *(f"https://a.example/{n}.mp4" for n in range(700)))
    calm = replace(settings, host_downloads=2, host_spacing_seconds=0.0)
    scoped = Driver(db, calm, "scoped", scope=[a[3], a[650]])
    found = [claim.video_id for _ in range(4) for claim in scoped.claim(DOWNLOAD)]
    assert sorted(found) == [a[3], a[650]]
    assert len(taken(drivers[0])) == 0  # two of the host run
    scoped.tasks.release()
    assert taken(drivers[0]) == [a[3], a[650]]  # given back, and due for anybody


def test_what_others_have_to_fetch_keeps_no_scope_waiting(db: Database, settings: Settings, tmp_path: Path) -> None:
    calm = replace(settings, host_downloads=2, host_spacing_seconds=0.0)
    (tmp_path / "x.mp4").write_bytes(b"x")
    done = add(db, "https://a.example/done.mp4")
    driver = Driver(db, calm, "one")
    driver.finish(DOWNLOAD, driver.claim(DOWNLOAD))
    add(db, str(tmp_path / "x.mp4"))  # a queue of its own, older than the next one and out of scope
    ours = add(db, "https://b.example/ours.mp4")
    scoped = Driver(db, calm, "scoped", scope=[*done, *ours])
    assert [*taken(scoped, most=1), *taken(scoped, most=1)] == ours


def test_the_queue_of_files_says_nothing_of_hosts(db: Database, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"x")
    web = add(db, "https://a.example/1.mp4")
    file = add(db, str(tmp_path / "x.mp4"))
    with db.transaction() as tx:
        tx.execute("update hosts set next_start_at = now() - interval '1 hour' where host = ''")  # looked at first
    scoped = Driver(db, settings, "scoped", scope=[*web, *file])
    assert sorted(taken(scoped, most=1) + taken(scoped, most=1)) == [*web, *file]


@pytest.mark.timeout(20)
def test_a_host_that_has_to_wait_is_something_to_do(db: Database, settings: Settings) -> None:
    spaced = replace(settings, host_spacing_seconds=60.0)
    theirs = add(db, "https://a.example/1.mp4")
    assert taken(Driver(db, spaced, "one")) == theirs
    ours = add(db, "https://a.example/2.mp4")
    assert is_anything_due(Driver(db, spaced, "scoped", scope=ours).tasks, [DOWNLOAD], ())


def test_files_have_no_bounds(db: Database, settings: Settings, tmp_path) -> None:
    names = [tmp_path / f"{n}.mp4" for n in range(5)]
    for n, name in enumerate(names):
        name.write_bytes(bytes([n + 1]))
    videos = add(db, *map(str, names))
    assert taken(Driver(db, settings, "one")) == videos


def test_a_front_of_dead_downloads_is_out_of_the_way(db: Database, drivers: list[Driver]) -> None:
    from heaters.errors import MediaError

    add(db, *(f"https://a.example/{n}.mp4" for n in range(50)))
    while claims := drivers[0].claim(DOWNLOAD):
        drivers[0].finish(DOWNLOAD, claims, lambda item: MediaError("no video"))
    fresh = add(db, "https://a.example/fresh.mp4")
    with db.transaction() as tx:
        tx.execute("analyze")
    assert taken(drivers[0]) == fresh
    assert rows(db, "select from tasks where driver is null") == []


def test_a_look_at_what_is_dead_is_no_start(db: Database, settings: Settings) -> None:
    from heaters.errors import MediaError

    spaced = Driver(db, replace(settings, host_spacing_seconds=30.0), "one")
    add(db, *(f"https://a.example/{n}.mp4" for n in range(5)))
    while claims := spaced.claim(DOWNLOAD):
        spaced.finish(DOWNLOAD, claims, lambda item: MediaError("no video"))
        later(db, 31)
    with db.transaction() as tx:  # as another driver finds it that reads the queue from its start
        tx.execute("update watermarks set at = 0")
    assert taken(spaced) == []
    fresh = add(db, "https://a.example/fresh.mp4")
    assert taken(spaced) == fresh


def test_a_queue_is_dropped_when_all_of_it_was_fetched_and_comes_back(db: Database, drivers: list[Driver]) -> None:
    from heaters.errors import FetchError, MediaError

    outcomes = {"gone": MediaError("no video"), "busy": FetchError("429")}
    videos = add(db, *(f"https://{host}.example/1.mp4" for host in ("done", "gone", "busy", "held")))
    claims = drivers[0].claim(DOWNLOAD)
    for claim, host in zip(sorted(claims, key=lambda c: c.video_id), ("done", "gone", "busy"), strict=False):
        drivers[0].finish(DOWNLOAD, [claim], *([lambda item, host=host: outcomes[host]] if host in outcomes else []))
    later(db, 120)
    drivers[0].tasks.tend()
    hosts = [row["host"] for row in rows(db, "select host from hosts order by host")]
    assert hosts == ["busy.example", "held.example"]
    with db.transaction() as tx:
        tx.execute(query("retry"), {"ids": None, "stage": None, "error_type": "MediaError", "videos": None})
    later(db, 1)
    again = add(db, "https://done.example/2.mp4")
    drivers[0].tasks.release()
    later(db, 1)
    assert taken(drivers[1]) == sorted([videos[1], videos[3], *again])


def test_a_run_on_some_videos_does_not_wait_for_others_of_their_host(db: Database, settings: Settings) -> None:
    """It looked at the whole queue of a host, and a run on an older video of it never began."""
    settings = replace(settings, host_spacing_seconds=0.0)
    old = add(db, "https://a.example/1.mp4")
    whole = Driver(db, settings)
    whole.finish(DOWNLOAD, whole.claim(DOWNLOAD))
    add(db, "https://a.example/2.mp4")
    driver = Driver(db, settings, "b", scope=old)
    found = [driver.tasks.claim(DOWNLOAD, most=1) for _ in range(3)]
    assert [claimed.claims for claimed in found] == [(), (), ()]
    assert found[-1].at_end
