"""HDR and interlaced films through a whole run: what was done to them is told, and exports follow the settings."""

from pathlib import Path

import colours
import combed
import pytest
from command import Heaters
from rows import rows

from heaters.media.prepare import prepare
from heaters.media.probe import probe
from heaters.store.db import Database

# Without the network: what is tested are pictures.
STRIDE = {"HEATERS_DETECTOR": "stride", "HEATERS_STRIDE_SECONDS": "1"}
CHANGED = {"HEATERS_EXPORT_HDR": "tonemap", "HEATERS_EXPORT_FIELDS": "deinterlace"}
FACTS = "select colour, fields, treatment from videos order by source"
FILES = (
    "select v.variant, e.done from exports e join variants v on v.id = e.variant "
    "join clips c on c.id = e.clip_id order by e.clip_id"
)


@pytest.mark.timeout(300)
def test_what_was_done_is_told_and_exports_follow_the_settings(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    hdr = str(colours.hdr(tmp_path / "a_hdr.mp4", "pq"))
    video = str(combed.film(tmp_path / "b_video.mp4", combed.fields(40), *combed.H264))
    ran = heaters("run", hdr, video, "--auto-approve", **STRIDE)
    assert ran.code == 0, ran.err
    told = ran.out + ran.err
    assert "tone-mapped from PQ" in told
    assert "deinterlaced" in told
    assert rows(db, FACTS) == [
        {"colour": "bt2020nc/tv/bt2020/smpte2084", "fields": "progressive", "treatment": "tone-mapped from PQ"},
        {"colour": "smpte170m/tv/bt709/bt709", "fields": "tff", "treatment": "deinterlaced"},
    ]
    kept = heaters("clips", hdr, "--json").json
    assert {clip["export_done"] for clip in kept} == {"PQ kept"}
    colour = probe(Path(kept[0]["export_path"])).colour
    assert (colour.transfer, colour.primaries, colour.stated) == (
        *("smpte2084", "bt2020"), ("matrix", "range", "primaries", "transfer"),
    )  # fmt: skip
    assert colours.largest_error(colours.shown(Path(kept[0]["export_path"])), colours.SCENE) <= 4
    listed = heaters("clips", video).out
    assert "seen deinterlaced" in listed
    assert {clip["export_done"] for clip in heaters("clips", video, "--json").json} == {"fields kept"}

    again = heaters("run", hdr, video, "--auto-approve", **STRIDE, **CHANGED)
    assert again.code == 0, again.err
    changed = [row for row in rows(db, FILES) if row["variant"] == "copy-tonemap-deinterlace"]
    assert {row["done"] for row in changed} == {"tone-mapped from PQ", "deinterlaced"}
    seen = heaters("clips", hdr, "--json").json
    assert {clip["export_rule"] for clip in seen} == {"tone-mapped: smpte2084"}
    assert colours.largest_error(colours.shown(Path(seen[0]["export_path"])), colours.SCENE) <= 4
    assert probe(Path(seen[0]["export_path"])).colour.transfer == "bt709"


@pytest.mark.timeout(300)
def test_a_video_prepared_before_is_exported_by_the_frames_it_was_prepared_with(
    heaters: Heaters, tmp_path: Path, db: Database
) -> None:
    """Its analysis frames are of the fields as they are coded, and nothing was recorded of it."""
    video = str(combed.film(tmp_path / "video.mp4", combed.fields(40), *combed.H264))
    assert heaters("run", video, "--auto-approve", **STRIDE, HEATERS_EXPORT="none").code == 0
    (row,) = rows(db, "select id, analysis_key from videos")
    folder = tmp_path / "before"
    folder.mkdir()
    path = Path(video)
    old = prepare(path, folder, probe(path).prepared_as(""), threads=2, timeout_seconds=60, with_proxy=False)
    (tmp_path / "home" / "media" / row["analysis_key"]).write_bytes(old.analysis.read_bytes())
    with db.transaction() as tx:
        tx.execute("update videos set treatment = '' where id = %(id)s", {"id": row["id"]})
    ran = heaters("run", video, "--auto-approve", **STRIDE)
    assert ran.code == 0, ran.err
    assert {clip["export_done"] for clip in heaters("clips", video, "--json").json} == {"fields kept"}
