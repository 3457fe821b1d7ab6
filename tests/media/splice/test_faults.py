"""A copy that is killed, runs out of disk or of time leaves nothing that could be taken for a clip."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import FILMS
from prepared_source import Source, make

from heaters.errors import StageTimeout, StoreError
from heaters.media.profiles import copy_master

CLIP = (10, 61)
SCRIPT = """
import json, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from heaters.media.profiles import copy_master
source, out, pictures, base, bounds = sys.argv[1:]
copy_master(Path(source), Path(out), **json.loads(bounds), time_base=Fraction(base), has_audio=True, threads=1,
            timeout_seconds=60, pictures=np.load(pictures))
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make(FILMS["b_pyramid"].make(tmp_path_factory.mktemp("film")))


def copy(film: Source, out: Path, *, timeout_seconds: float = 60) -> None:
    start, end = CLIP
    bounds, base = film.bounds(start, end), film.prepared.time_base
    made = copy_master(
        film.path, out, **bounds, time_base=base, has_audio=True, threads=1, timeout_seconds=timeout_seconds,
        pictures=film.pictures[start:end],
    )  # fmt: skip
    assert made.copied


@pytest.mark.faults
@pytest.mark.parametrize("until", ["clip.mp4.m4a", "clip.mp4.head", "clip.mp4"])
def test_killed_and_run_again(film: Source, until: str, tmp_path: Path) -> None:
    copy(film, tmp_path / "whole.mp4")
    folder = tmp_path / "killed"
    folder.mkdir()
    np.save(tmp_path / "pictures.npy", film.pictures[slice(*CLIP)])
    bounds = str(film.bounds(*CLIP)).replace("'", '"')
    arguments = [str(film.path), str(folder / "clip.mp4"), str(tmp_path / "pictures.npy")]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments, str(Fraction(film.prepared.time_base)), bounds]
    )
    while not (folder / until).exists():
        assert process.poll() is None
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    copy(film, folder / "clip.mp4")
    assert (folder / "clip.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert [path.name for path in folder.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("free_bytes", [0, 16_384, 98_304])
def test_a_full_disk_is_no_fault_of_the_file(film: Source, free_bytes: int, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(2**20 - free_bytes))
    with pytest.raises(StoreError, match="disk is full"):
        copy(film, small_disk / "clip.mp4")
    assert {path.name for path in small_disk.iterdir()} <= {"filler", "clip.mp4"}


def test_out_of_time(film: Source, tmp_path: Path) -> None:
    with pytest.raises(StageTimeout):
        copy(film, tmp_path / "clip.mp4", timeout_seconds=0.01)
    assert not [path for path in tmp_path.iterdir() if path.name != "clip.mp4"]
