"""Odd but good files in one run: their names, timecode, damage and place come through the whole of it."""

import os
from pathlib import Path

import barcode
import pytest
from command import Heaters
from media_files import DAMAGED
from rows import rows
from shots import write_film

from heaters.store.db import Database

# Without the network: what is tested is what comes before it.
STRIDE = {"HEATERS_DETECTOR": "stride", "HEATERS_STRIDE_SECONDS": "1"}


@pytest.mark.timeout(300)
def test_odd_files_are_kept_or_refused_for_the_right_reason(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    write_film(tmp_path / "film.mp4", frames_each=10)
    latin = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mov")
    timecode = ("-c", "copy", "-timecode", "10:00:00:00")
    barcode.ffmpeg("-i", tmp_path / "film.mp4", *timecode, latin)
    key = ("-encryption_key", "0" * 32, "-encryption_kid", "1" * 32)
    encrypted = tmp_path / "encrypted.mp4"
    barcode.ffmpeg("-i", tmp_path / "film.mp4", "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *key, encrypted)
    short = DAMAGED["short_mp4"](tmp_path)
    missing = os.fsdecode(b"/missing/\xff.mp4")
    ran = heaters("run", missing, latin, encrypted, short, "--auto-approve", "--json", **STRIDE)
    assert ran.code == 1, ran.err
    found = {video["source"]: video for video in ran.json["videos"]}
    good = found[f"file://{tmp_path}/caf%E9.mov"]
    assert (good["state"], good["error"], good["frame_count"], good["is_partial"]) == ("cut", None, 50, False)
    assert found["/missing/\ufffd.mp4"]["state"] == "refused"
    assert "is encrypted (DRM)" in found[str(encrypted)]["error"]
    assert (found[str(short)]["state"], found[str(short)]["is_partial"]) == ("cut", True)
    assert found[str(short)]["partial_reason"]
    assert " 10:00:00:00 " in heaters("cuts", latin, "--format", "edl").out
    assert "cut, partial" in heaters("status").out
    assert "the video is PARTIAL" in heaters("clips", str(short)).out
    assert rows(db, "select title from videos where timecode <> ''") == [{"title": "caf\ufffd"}]
