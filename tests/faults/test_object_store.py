"""An object store that answers 500, 503, slowly, and with bodies that end half-way: the run ends as on a well one."""

import hashlib
import os
from pathlib import Path

import pytest
import s3
from command import Heaters
from flaky import Trouble, proxy
from objects_made import objects_made
from outcome import outcome
from rows import one, rows
from shots import write_film

from heaters.store.db import Database
from heaters.store.objects import open_store
from heaters.store.orphans import orphans

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

IS_LONG = "HEATERS_REPEAT" in os.environ


@pytest.mark.parametrize("every", [3, 4, 7] if IS_LONG else [4])
def test_a_store_in_trouble_loses_and_doubles_nothing(
    database_url: str, db: Database, s3_endpoint: str, tmp_path: Path, every: int
) -> None:
    write_film(tmp_path / "film.mp4", ("lion", "cat", "coffee"))
    location = f"s3://{s3.make_bucket(s3_endpoint)}/media"
    trouble = Trouble(every=every)
    with proxy(s3_endpoint, trouble) as address:
        # A Ray of its own: the workers of the session's were started without this store's credentials.
        heaters = Heaters(
            {
                "HEATERS_HOME": str(tmp_path / "home"),
                "HEATERS_DATABASE_URL": database_url,
                "HEATERS_STORE": location,
                "HEATERS_S3_ENDPOINT": address,
            }
        )
        ran = heaters("run", tmp_path / "film.mp4", "--auto-approve", "--json")
    assert ran.code == 0, ran.out + ran.err
    assert set(trouble.done) == {"500", "503", "slow", "truncated"}, trouble
    print(f"{trouble.seen} requests, went wrong: {dict(trouble.done)}")

    found = outcome(db)
    assert [cut["frame"] for cut in found["cuts"]] == [30, 60]
    assert [clip["state"] for clip in found["clips"]] == ["review_approved"] * 3
    assert one(db, "select count(*) from tasks") == 0
    # What a stage made lies in its node's cache for the next one; the clips' files are not kept.
    assert "MB not fetched again" in ran.err
    by_stage = rows(
        db,
        "select v.stage, min(r.result->'cache'->>'hits')::int as hits from stage_runs r "
        "join variants v on v.id = r.variant where r.status = 'done' group by 1",
    )
    assert {row["stage"] for row in by_stage if row["hits"]} >= {"detect", "export", "keyframes", "facts"}
    store = open_store(location, s3_endpoint=s3_endpoint)
    for file in objects_made(db):
        assert hashlib.sha256(store.read(file.key)).hexdigest() == file.sha256
    assert list(orphans(db, store, put_before=float("inf"))) == []
