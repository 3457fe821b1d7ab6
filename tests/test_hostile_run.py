"""All hostile files and a good film in one run: each costs one row with a typed error, and the film goes on."""

from pathlib import Path

import pytest
from command import Heaters
from hostile_files import HOSTILE
from media_files import DAMAGED
from rows import rows
from shots import write_film

from heaters.store.db import Database

# Without the network: what is tested is what comes before it.
STRIDE = {"HEATERS_DETECTOR": "stride", "HEATERS_STRIDE_SECONDS": "1"}


@pytest.mark.timeout(400)
def test_each_hostile_file_costs_one_row_and_the_others_finish(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    write_film(tmp_path / "film.mp4", frames_each=10)
    hostile = {}
    for name, (factory, phrase) in {**HOSTILE, "short_mp4": (DAMAGED["short_mp4"], "")}.items():
        (tmp_path / name).mkdir()
        hostile[factory(tmp_path / name)] = phrase
    ran = heaters("run", tmp_path / "film.mp4", *hostile, "--json", **STRIDE)
    videos = {Path(video["source"]): video for video in ran.json["videos"]}
    refused = [path for path, phrase in hostile.items() if phrase]
    assert (ran.code, ran.json["failed"]) == (1, len(refused)), ran.err
    for path, phrase in hostile.items():
        video = videos[path]
        if phrase:
            assert video["error"].startswith("MediaError: "), video
            assert video["clips"] == 0
        else:
            assert (video["state"], video["error"]) == ("cut", None), video
            assert video["clips"] >= 1
    film = videos[tmp_path / "film.mp4"]
    assert (film["state"], film["frame_count"], film["clips"]) == ("cut", 50, 2)
    dead = rows(
        db,
        "select video_id, count(*)::int as n, min(error_type) as error from stage_runs "
        "where status in ('failed', 'lost') group by video_id",
    )
    assert [(row["n"], row["error"]) for row in dead] == [(1, "MediaError")] * len(refused), "tried once, never again"
