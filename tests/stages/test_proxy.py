"""Proxies through the whole pipeline: none where nobody reviews, one for who opens the video, files copied from one."""

from pathlib import Path
from typing import Any

import pytest
from command import Heaters
from rows import one, rows
from shots import write_film

from heaters.media.probe import probe
from heaters.media.proxy import is_fit_proxy
from heaters.store.db import Database
from heaters.store.objects import open_store
from heaters.store.proxies import watch

PHOTOS = ("lion", "coffee")


def run(heaters: Heaters, *arguments: Any, **more: str) -> int:
    """Run to the end; the video's number."""
    done = heaters("run", *arguments, "--json", **more)
    assert done.code == 0, done.err
    return int(done.json["videos"][0]["id"]) if done.json["videos"] else 0


def since(db: Database, before: int) -> list[str]:
    """The stages that did something after a run."""
    found = "select v.stage from stage_runs r join variants v on v.id = r.variant where r.id > %(before)s order by r.id"
    return [row["stage"] for row in rows(db, found, {"before": before})]


@pytest.mark.slow
def test_a_proxy_is_made_for_who_watches_and_for_nobody_else(heaters: Heaters, db: Database, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    write_film(film, PHOTOS, 30)
    video = run(heaters, film, "--auto-approve")
    facts = "select proxy_key, sample_key is not null as sampled, is_playable from videos where id = %(id)s"
    assert rows(db, facts, {"id": video}) == [{"proxy_key": None, "sampled": True, "is_playable": True}]
    assert rows(db, "select distinct origin::text from stills") == [{"origin": "sample"}]
    assert one(db, "select count(*) from exports") == len(PHOTOS)

    before = one(db, "select max(id) from stage_runs")
    watch(db, video)
    run(heaters)
    assert since(db, before) == ["proxy"]
    key = one(db, "select proxy_key from videos where id = %(id)s", {"id": video})
    store = open_store(str(Path(heaters.environment["HEATERS_HOME"]) / "media"))
    path = store.local_path(key)
    assert path is not None
    facts_of_proxy = probe(path)
    assert is_fit_proxy(facts_of_proxy)
    assert facts_of_proxy.intra_packets == one(db, "select frame_count from videos where id = %(id)s", {"id": video})
    status = heaters("status", "--json").json
    assert next(stage for stage in status["stages"] if stage["stage"] == "proxy")["done"] == 1


@pytest.mark.slow
def test_where_people_review_it_is_made_at_once_and_files_from_it_make_it_due(
    heaters: Heaters, db: Database, tmp_path: Path
) -> None:
    for name in ("reviewed", "described", "asked"):
        write_film(
            tmp_path / f"{name}.mp4", PHOTOS if name != "asked" else PHOTOS[::-1], 20 if name == "described" else 25
        )
    has = "select proxy_key is not null as has from videos where id = %(id)s"
    assert one(db, has, {"id": run(heaters, tmp_path / "reviewed.mp4")})
    described = run(heaters, tmp_path / "described.mp4", HEATERS_EXPORT="none")
    assert not one(db, has, {"id": described})
    assert one(db, has, {"id": run(heaters, tmp_path / "asked.mp4", "--auto-approve", HEATERS_PROXIES="always")})

    run(heaters, tmp_path / "described.mp4", "--auto-approve", HEATERS_EXPORT="proxy")
    assert one(db, has, {"id": described})
    made = (
        "select count(*) from exports e join clips c on c.id = e.clip_id join variants v on v.id = e.variant "
        "where c.video_id = %(id)s and v.variant = 'proxy'"
    )
    assert one(db, made, {"id": described}) == len(PHOTOS)
