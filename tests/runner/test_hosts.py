"""Downloads from one host are few at a time and far apart, whatever the number of runners."""

from dataclasses import replace

import pytest
from rows import one

from heaters.core.pipeline import STAGES
from heaters.runner.ledger import Ledger
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.submit import submit

DOWNLOAD = STAGES["download"]
BACK = "update stage_runs set started_at = started_at - %(s)s * interval '1 second' returning 1"


@pytest.fixture
def ledgers(db: Database, settings: Settings) -> list[Ledger]:
    """Two runners that allow two downloads from a host, without spacing."""
    calm = replace(settings, host_downloads=2, host_spacing_seconds=0.0)
    return [Ledger(db, calm, worker=name, scope=None) for name in ("one", "two")]


def add(db: Database, *sources: str) -> list[int]:
    return [int(submit(db, source).video_id or 0) for source in sources]


def taken(ledger: Ledger, limit: int = 10) -> list[int]:
    return [claim.video_id for claim in ledger.claim(DOWNLOAD, limit)]


def test_so_many_of_one_host_at_a_time(db: Database, ledgers: list[Ledger]) -> None:
    a = add(db, *(f"https://a.example/{n}.mp4" for n in range(5)))
    b = add(db, "http://me:x@B.example:8080/1.mp4", "https://b.example/2.mp4", "https://b.example?3")
    assert taken(ledgers[0]) == [*a[:2], *b[:2]]
    assert taken(ledgers[1]) == []
    held = ledgers[0].claim(DOWNLOAD, 1)
    assert held == []
    run = one(db, "select id from stage_runs where video_id = %(v)s", {"v": a[0]})
    with db.transaction() as tx:
        tx.execute("update stage_runs set status = 'done', result = '{}', finished_at = now() where id = %s", (run,))
    assert taken(ledgers[1]) == [a[2]]


def test_a_busy_host_does_not_keep_others_waiting(db: Database, ledgers: list[Ledger], tmp_path) -> None:
    add(db, *(f"https://a.example/{n}.mp4" for n in range(20)))
    (tmp_path / "x.mp4").write_bytes(b"x")
    files = add(db, str(tmp_path / "x.mp4"))
    other = add(db, "https://[2001:db8::1]/1.mp4", "https://[2001:db8::2]/1.mp4", "https://[2001:db8::1]/2.mp4")
    first = taken(ledgers[0], 2)
    assert len(first) == 2
    assert taken(ledgers[1], 10) == [*files, *other]


def test_starts_are_so_far_apart_on_all_nodes(db: Database, settings: Settings) -> None:
    spaced = replace(settings, host_downloads=10, host_spacing_seconds=30.0)
    one_, two = (Ledger(db, spaced, worker=name, scope=None) for name in ("one", "two"))
    a = add(db, *(f"https://a.example/{n}.mp4" for n in range(3)))
    b = add(db, "https://b.example/0.mp4")
    assert taken(one_) == [a[0], *b]
    assert taken(two) == []
    one(db, BACK.replace("update stage_runs", "with x as (update stage_runs") + ") select count(*) from x", {"s": 31})
    assert taken(two) == [a[1]]
    # A download that ended at once counts as well: it was a request all the same. The other host has waited long.
    with db.transaction() as tx:
        tx.execute("update stage_runs set status = 'released', finished_at = now()")
    assert taken(one_) == b


def test_files_have_no_bounds(db: Database, settings: Settings, tmp_path) -> None:
    names = [tmp_path / f"{n}.mp4" for n in range(5)]
    for n, name in enumerate(names):
        name.write_bytes(bytes([n + 1]))
    videos = add(db, *map(str, names))
    assert taken(Ledger(db, settings, worker="one", scope=None)) == videos
