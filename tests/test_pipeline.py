"""The whole pipeline as a person runs it: files in, cuts, clips, files and search out."""

import json
from pathlib import Path
from typing import Any

import av
import barcode
import flashes
import pytest
from command import Heaters
from media_files import eleven_channels
from rows import one, rows
from shots import PHOTOS, write_film

from heaters.media.probe import probe
from heaters.store.db import Database


def frames_in(path: Path) -> int:
    """Frames that decode."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def results(db: Database) -> dict[str, dict[str, Any]]:
    """The figures of each stage's latest run."""
    found = rows(
        db,
        "select distinct on (v.stage) v.stage, r.result from stage_runs r join variants v on v.id = r.variant "
        "order by v.stage, r.id desc",
    )
    return {row["stage"]: row["result"] for row in found}


@pytest.fixture
def film(tmp_path: Path) -> Path:
    write_film(tmp_path / "film.mp4")
    return tmp_path / "film.mp4"


def test_film_becomes_searchable_clips(heaters: Heaters, film: Path, db: Database) -> None:
    ran = heaters("run", film, "--auto-approve", "--json")
    assert ran.code == 0, ran.err
    (video,) = ran.json["videos"]
    assert ran.json["failed"] == 0
    assert (video["state"], video["error"], video["frame_count"], video["clips"]) == ("cut", None, 150, 5)

    cuts = heaters("cuts", str(film), "--json").json
    assert [cut["frame"] for cut in cuts] == [30, 60, 90, 120]
    assert [cut["pts_seconds"] for cut in cuts] == pytest.approx([1.2, 2.4, 3.6, 4.8])
    assert {cut["kind"] for cut in cuts} == {"hard"}

    clips = heaters("clips", str(video["id"]), "--json").json
    assert [(c["start_frame"], c["end_frame"]) for c in clips] == [(0, 30), (30, 60), (60, 90), (90, 120), (120, 150)]
    assert {c["state"] for c in clips} == {"review_approved"}
    assert [frames_in(Path(c["export_path"])) for c in clips] == [30] * 5

    hits = heaters("search", "a lion", "--k", "5", "--json").json
    assert len(hits) == 5
    assert hits[0]["clip_id"] == clips[PHOTOS.index("lion")]["id"]
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)

    again = heaters("run", film, "--auto-approve", "--json")
    assert again.json == ran.json
    assert {
        row["n"] for row in rows(db, "select count(*) as n from stage_runs group by variant, video_id, stretch")
    } == {1}


def test_clips_are_found_before_anybody_has_decided(heaters: Heaters, film: Path, db: Database) -> None:
    assert heaters("run", film).code == 0
    assert {row["state"] for row in rows(db, "select state::text from clips")} == {"pending_review"}
    hits = heaters("search", "a lion", "--k", "5", "--json").json
    clips = heaters("clips", "1", "--json").json
    assert hits[0]["clip_id"] == clips[PHOTOS.index("lion")]["id"]
    assert {clip["export_path"] for clip in clips} == {None}
    assert len(heaters("facts", "1", "--json").json) == 5


def test_a_rule_approves_what_passes_and_leaves_the_rest(heaters: Heaters, film: Path, db: Database) -> None:
    assert heaters("run", film).code == 0
    bright = sorted(row["brightness"] for row in heaters("facts", "1", "--json").json)
    rule = ("--auto-approve", "--approve-where", f"brightness>={bright[2]}", "--approve-where", "black_share<=0.1")
    ran = heaters("run", film, *rule)
    assert ran.code == 0, ran.err
    assert rows(db, "select state::text, count(*) as n from clips group by 1 order by 1") == [
        {"state": "pending_review", "n": 2},
        {"state": "review_approved", "n": 3},
    ]
    assert one(db, "select count(*) from exports") == 3
    assert "3 are approved; 2 clips did not pass the rule" in ran.out
    rule = one(db, "select distinct after->>'rule' from review_events")
    assert rule == f"black_share<=0.1, brightness>={bright[2]:.9g}"
    refused = heaters("run", film, "--approve-where", "motion>=0.1")
    assert (refused.code, "--auto-approve" in refused.err) == (2, True)
    assert heaters("run", film, "--auto-approve", "--approve-where", "speed>=1").code == 2


def test_a_library_can_be_embedded_without_writing_a_file(heaters: Heaters, film: Path, db: Database) -> None:
    rule = ("--auto-approve", "--approve-where", "motion>=0")
    ran = heaters("run", film, *rule, "--json", HEATERS_EXPORT="none")
    assert ran.code == 0, ran.err
    assert one(db, "select count(*) from embeddings") == 5
    assert one(db, "select count(*) from clips where state = 'review_approved'") == 5, "all were judged before the end"
    assert one(db, "select count(*) from exports") == 0
    stages = {s["stage"]: s for s in heaters("status", "--json", HEATERS_EXPORT="none").json["stages"]}
    assert (stages["export"]["waiting"], stages["embed"]["done"]) == (0, 5)
    assert heaters("run").code == 0  # and later with files
    assert one(db, "select count(*) from exports") == 5


def test_sound_that_cannot_become_stereo_costs_the_sound_alone(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    source = eleven_channels(tmp_path)
    assert probe(source).has_audio
    ran = heaters("run", source, "--auto-approve", "--json", HEATERS_DETECTOR="stride", HEATERS_STRIDE_SECONDS="1")
    assert ran.code == 0, ran.err
    clips = heaters("clips", str(ran.json["videos"][0]["id"]), "--json").json
    assert {clip["state"] for clip in clips} == {"review_approved"}
    assert not any(probe(Path(clip["export_path"])).has_audio for clip in clips)
    assert "11 channels and stereo" in results(db)["prepare"]["audio_dropped"]


def test_the_record_says_which_sound_was_taken(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    source = flashes.two_sounds(tmp_path, "two.mkv", "-disposition:a:0", "comment", "-disposition:a:1", "default")
    stride = {"HEATERS_DETECTOR": "stride", "HEATERS_STRIDE_SECONDS": "1"}
    ran = heaters("run", source, "--auto-approve", "--json", **stride)
    assert ran.code == 0, ran.err
    number = str(ran.json["videos"][0]["id"])
    streams = one(db, "select streams from videos")
    assert [(s["index"], s["kind"], s["taken"]) for s in streams] == [
        (0, "video", True), (1, "audio", False), (2, "audio", True),
    ]  # fmt: skip
    assert heaters("status", number, "--json").json["videos"][0]["streams"] == streams
    said = "sound: aac, stream 2 of 2 sound streams (the next one is a commentary"
    assert said in heaters("clips", number).out.replace("\n", " ")
    clips = heaters("clips", number, "--json").json
    assert len(clips) == 3
    assert max(flashes.largest_offset(Path(clip["export_path"])) for clip in clips) < 0.04
    assert one(db, "select has_audio from videos")


def test_sound_that_never_comes_is_none(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    film, source = flashes.film(tmp_path / "film.mp4", 50), tmp_path / "silent.mkv"
    barcode.ffmpeg("-i", film, "-map", "0", "-c", "copy", "-bsf:a", "noise=drop=1", source)
    stride = {"HEATERS_DETECTOR": "stride", "HEATERS_STRIDE_SECONDS": "1"}
    ran = heaters("run", source, "--auto-approve", "--json", **stride)
    assert ran.code == 0, ran.err
    assert one(db, "select has_audio from videos") is False
    assert one(db, "select count(*) from facts where loudness_dbfs is not null") == 0
    assert "no sound was decoded" in heaters("clips", str(ran.json["videos"][0]["id"])).out


def test_bad_files_fail_alone_and_say_why(heaters: Heaters, film: Path, tmp_path: Path, db: Database) -> None:
    (tmp_path / "page.mp4").write_text("<!DOCTYPE html><html><body>not a video</body></html>")
    (tmp_path / "empty.mp4").touch()
    ran = heaters("run", film, tmp_path / "page.mp4", tmp_path / "empty.mp4", tmp_path / "missing.mp4", "--json")
    assert ran.code == 1
    assert ran.json["failed"] == 3
    by_name = {Path(v["source"]).name: v for v in ran.json["videos"]}
    assert by_name["film.mp4"]["error"] is None
    assert by_name["film.mp4"]["clips"] == 5
    assert by_name["page.mp4"]["error"].startswith("MediaError: ")
    assert "HTML" in by_name["page.mp4"]["error"]
    assert by_name["empty.mp4"]["state"] == by_name["missing.mp4"]["state"] == "refused"
    assert one(db, "select count(*) from failures where next_attempt_at is null") == 1

    status = heaters("status", "--json").json
    assert next(s for s in status["stages"] if s["stage"] == "download")["dead"] == 1
    assert next(s for s in status["stages"] if s["stage"] == "review")["waiting"] == 5
    told = heaters("status").out
    assert "download gave up" in told
    assert "heaters retry" in told
    retried = heaters("retry", "--json").json
    assert [(r["stage"], r["subject"]) for r in retried] == [("download", "video")]


def test_reviewed_clips_go_on_and_others_wait(heaters: Heaters, film: Path, db: Database) -> None:
    assert heaters("run", film).code == 0
    clips = [c["id"] for c in heaters("clips", "1", "--json").json]
    assert heaters("review", "approve", str(clips[0]), "--by", "ann").code == 0
    assert heaters("review", "skip", str(clips[1]), "--by", "ann").code == 0
    assert heaters("review", "archive", str(clips[2]), "--by", "ann").code == 0
    assert heaters("review", "split", str(clips[3]), "--frame", "100", "--by", "ann").code == 0
    assert heaters("review", "approve", str(clips[0]), "--by", "ben").code == 1
    assert heaters("run").code == 0
    states = [c["state"] for c in heaters("clips", "1", "--json").json]
    pending = "pending_review"
    assert states == ["review_approved", "review_skipped", "review_archived", pending, pending, pending]
    assert one(db, "select count(*) from stills") == 7  # the one that was split has its own still: undo would want them
    archived = heaters("archive", "1", "--json").json
    assert (archived["clips"], archived["gave_up"], archived["drained"]) == (1, 0, True)
    assert archived["objects_deleted"] == 3
    assert heaters("clips", "1", "--json").json[2]["state"] == "review_archived"
    assert rows(db, "select from stills where clip_id = %(id)s", {"id": clips[2]}) == []
    again = heaters("archive")
    assert "0 clips archived, 0 objects of 0.0 MB deleted" in again.out + again.err
    assert again.code == 0
    with db.transaction() as tx:
        tx.execute(
            "insert into failures (video_id, variant, clip_id, driver, error_type, error) "
            "select 1, id, 1, 'x', 'StoreError', 'x' from variants where stage = 'archive'"
        )
    assert heaters("archive").code == 1  # some items failed
    assert heaters("review", "undo", "--by", "ann").code == 0  # the split: nothing of the archived clip


def test_results_are_stored_with_their_figures(heaters: Heaters, film: Path, db: Database) -> None:
    heaters("run", film, "--auto-approve")
    found = results(db)
    assert set(found) == {"download", "prepare", "detect", "export", "keyframes", "facts", "embed"}
    assert found["detect"]["method"] == "transnetv2"
    assert found["detect"]["device"] == found["embed"]["device"] == "cpu"
    assert found["prepare"]["frame_count"] == 150
    assert found["export"]["frames"] == 150  # of all five clips
    assert found["embed"]["images"] == found["keyframes"]["images"] == 15
    assert found["embed"]["items"] == 5
    assert "vector" not in json.dumps(found["embed"])
    assert all(result["seconds"] > 0 for result in found.values())
