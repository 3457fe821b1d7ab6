"""`heaters cut` as a person runs it: no torch, no Ray, every video, errors of one video alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import Heaters
from cut_video import add_cut_video, likely
from rows import one, rows

from heaters.store.db import Database
from heaters.store.objects import open_store

SINGLE = likely(100, f20=0.4, f40=0.9)
# The command, in a process where every import of these fails.
WITHOUT = (
    "import sys; sys.modules.update(dict.fromkeys(('torch', 'ray', 'cv2'))); from heaters.cli.main import main; main()"
)


@pytest.fixture
def heaters(tmp_path: Path, database_url: str) -> Heaters:
    """The command on a database and home of the test's own, without a Ray."""
    return Heaters({"HEATERS_HOME": str(tmp_path / "home"), "HEATERS_DATABASE_URL": database_url})


@pytest.fixture
def videos(db: Database, tmp_path: Path) -> list[int]:
    """Two videos of two clips each; at threshold 0.3 there is one cut more."""
    store = open_store(str(tmp_path / "home" / "media"))
    return [add_cut_video(db, store, name, SINGLE) for name in ("a", "b")]


def test_cutting_needs_neither_torch_nor_ray(heaters: Heaters, videos: list[int]) -> None:
    command = [sys.executable, "-c", WITHOUT, "cut", "/videos/a", "--threshold", "0.3", "--by", "ann", "--json"]
    done = subprocess.run(command, env=heaters.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["video_id"], row["cuts_before"], row["cuts"], row["clips"], row["error"]) == (videos[0], 1, 2, 3, None)
    assert (row["threshold"], row["created_by"]) == (0.3, "transnetv2 transnetv2@test")
    assert row["milliseconds"] > 0
    assert "1 → 2 cuts (+1 −0), 2 → 3 clips" in done.stderr


def test_all_videos_are_cut_and_one_that_cannot_be_fails_alone(
    heaters: Heaters, videos: list[int], db: Database, tmp_path: Path
) -> None:
    (tmp_path / "home" / "media" / "a" / "p").write_bytes(b"not an archive")
    done = heaters("cut", "--threshold", "0.3", "--json")
    assert done.code == 1
    failed, good = done.json
    assert failed["error"].startswith("IntegrityError: ")
    assert (good["video_id"], good["cuts"], good["error"]) == (videos[1], 2, None)
    assert rows(db, "select video_id from cuts where frame = 20") == [{"video_id": videos[1]}]
    assert heaters("cut", "2").out.startswith("video 2: 2 → 1 cuts (+0 −1), 3 → 2 clips; event ")


def test_a_dry_run_and_the_undo(heaters: Heaters, videos: list[int], db: Database) -> None:
    assert "dry run, nothing written" in heaters("cut", "1", "--threshold", "0.3", "--dry-run").out
    assert one(db, "select count(*) from review_events") == 0
    assert heaters("cut", "1", "--threshold", "0.3", "--by", "ann").code == 0
    undone = heaters("review", "undo", "--by", "ann")
    assert undone.code == 0, undone.err
    assert rows(db, "select frame from cuts where video_id = 1") == [{"frame": 40}]
    assert "nothing changes; nothing written" in heaters("cut", "1").out


def test_two_detectors_of_one_library_do_not_share_their_evidence(heaters: Heaters, videos: list[int]) -> None:
    for name in ("content", "adaptive"):
        looked = heaters("cut", "1", "--detector", name, "--dry-run")
        assert looked.code == 0, looked.err
        assert f"{name} pyscenedetect" in looked.out
        assert "looks at 100 frames" in looked.out


def test_another_detector_looks_once_and_signs_its_cuts(heaters: Heaters, videos: list[int], db: Database) -> None:
    first = heaters("cut", "1", "--detector", "stride", HEATERS_STRIDE_SECONDS="1")
    assert first.code == 0, first.err
    assert "stride 1s looks at 100 frames" in first.out
    found = rows(db, "select frame, created_by, metadata from cuts where video_id = 1 order by frame")
    assert [row["frame"] for row in found] == [25, 50, 75]
    assert {row["created_by"] for row in found} == {"stride 1s"}
    again = heaters("cut", "1", "--detector", "stride", HEATERS_STRIDE_SECONDS="1")
    assert "looks at" not in again.out
    assert "3 cuts, 4 clips: nothing changes" in again.out
    assert "3 → 1 cuts (+1 −3), 4 → 2 clips" in heaters("cut", "1").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1", "--threshold", "2"], "a threshold is a probability in (0, 1); got 2"),
        (["1", "--threshold", "nan"], "got nan"),
        (["1", "--min-clip-seconds", "2", "--max-clip-seconds", "3"], "at least twice the shortest"),
        (["1", "--min-clip-seconds", "-1"], "0 seconds or more"),
        (["1", "--detector", "guess"], "--detector must be one of transnetv2, stride, adaptive, content"),
        (["7"], "there is no video 7"),
    ],
)
def test_wrong_usage_is_said_and_changes_nothing(
    heaters: Heaters, videos: list[int], db: Database, arguments: list[str], message: str
) -> None:
    done = heaters("cut", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert one(db, "select count(*) from review_events") == 0
