"""`heaters cuts --format` as a person runs it: the list alone on standard output, or a file; the frames of the rows."""

import json
from pathlib import Path

import opentimelineio as otio
import pytest
from command import Heaters
from cut_video import add_cut_video, likely

from heaters.store.db import Database
from heaters.store.objects import open_store


@pytest.fixture
def heaters(tmp_path: Path, database_url: str) -> Heaters:
    """The command on a database and home of the test's own, without a Ray."""
    return Heaters({"HEATERS_HOME": str(tmp_path / "home"), "HEATERS_DATABASE_URL": database_url})


@pytest.fixture
def video(db: Database, tmp_path: Path) -> int:
    """A video of 100 frames at 25 a second with cuts at 20 and 40."""
    return add_cut_video(db, open_store(str(tmp_path / "home" / "media")), "a", likely(100, f20=0.9, f40=0.8))


def test_an_edl_on_standard_output_reads_back(heaters: Heaters, video: int) -> None:
    done = heaters("cuts", str(video), "--format", "edl")
    assert done.code == 0, done.err
    timeline = otio.adapters.read_from_string(done.out, "cmx_3600", rate=25)
    found = [(c.source_range.start_time.value, c.source_range.duration.value) for c in timeline.video_tracks()[0]]
    assert found == [(0, 20), (20, 20), (40, 60)]
    assert "3 clips at 25 frames a second, frame for frame, non-drop timecode" in done.err


def test_a_file_of_some_states_with_a_path_of_the_editors(
    heaters: Heaters, video: int, tmp_path: Path, db: Database
) -> None:
    with db.transaction() as tx:
        tx.execute("update clips set state = 'review_approved' where start_frame = 20")
    out = tmp_path / "lists" / "a.otio"
    done = heaters(
        *("cuts", "/videos/a", "--format", "otio", "--out", out, "--state", "review_approved"),
        *("--media", "/mnt/films/é a.mov", "--source-start", "10:00:00:00"),
    )
    assert (done.code, done.out) == (0, ""), done.err
    (clip,) = otio.adapters.read_from_file(str(out)).video_tracks()[0]
    assert clip.source_range.start_time.value == 10 * 3600 * 25 + 20
    assert clip.media_reference.target_url == "file:///mnt/films/%C3%A9%20a.mov"
    assert clip.metadata["heaters"]["confidence"] == pytest.approx(0.9)
    assert sorted(out.parent.iterdir()) == [out]


def test_another_rate_and_the_formats(heaters: Heaters, video: int) -> None:
    done = heaters("cuts", str(video), "--format", "fcpxml", "--rate", "29.97", "--non-drop")
    assert done.code == 0, done.err
    assert 'frameDuration="1001/30000s"' in done.out
    assert 'tcFormat="NDF"' in done.out
    assert "29.97 frames a second, by time" in done.err
    assert [row["frame"] for row in json.loads(heaters("cuts", str(video), "--json").out)] == [20, 40]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "xml"], "--format is one of edl, fcpxml, otio"),
        (["--format", "edl", "--json"], "without --json"),
        (["--format", "edl", "--rate", "13"], "a rate is one of"),
        (["--format", "edl", "--drop"], "drop-frame timecode is for 29.97 and 59.94"),
        (["--format", "edl", "--state", "lost"], "a state is one of"),
        (["--format", "edl", "--state", "embedded"], "a state is one of"),
        (["--format", "edl", "--state", "review_skipped"], "no clips in these states"),
        (["--format", "edl", "--source-start", "1:2"], "a timecode is HH:MM:SS:FF"),
    ],
)
def test_wrong_usage_is_said(heaters: Heaters, video: int, arguments: list[str], message: str) -> None:
    done = heaters("cuts", str(video), *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_list_begins_at_the_files_own_timecode(heaters: Heaters, video: int, db: Database) -> None:
    with db.transaction() as tx:
        tx.execute("update videos set timecode = '10:00:00:12', timecode_rate = '25'")
    done = heaters("cuts", str(video), "--format", "edl")
    timeline = otio.adapters.read_from_string(done.out, "cmx_3600", rate=25)
    begin = 10 * 3600 * 25 + 12
    assert [c.source_range.start_time.value - begin for c in timeline.video_tracks()[0]] == [0, 20, 40]
    assert "from 10:00:00:12" in done.err
    done = heaters("cuts", str(video), "--format", "edl", "--source-start", "01:00:00:00")
    assert " 01:00:00:00 01:00:00:20 " in done.out


def test_a_timecode_that_cannot_be_counted_is_told(heaters: Heaters, video: int, db: Database) -> None:
    with db.transaction() as tx:
        tx.execute("update videos set timecode = '10:00:00;12'")
    done = heaters("cuts", str(video), "--format", "edl")
    assert done.code == 0, done.err
    assert " 00:00:00:00 00:00:00:20 " in done.out
    assert "its timecode 10:00:00;12 is left out" in done.err
