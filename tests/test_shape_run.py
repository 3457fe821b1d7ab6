"""A film whose picture changes its shape, through the whole of it: files, record, dataset, video's page."""

import json
import tarfile
from pathlib import Path

import pytest
from command import Heaters
from rows import rows
from shaped import PART, SIZES, changing, shown

from heaters.core.shapes import Shapes
from heaters.store.db import Database

STRIDE = {"HEATERS_DETECTOR": "stride", "HEATERS_STRIDE_SECONDS": "0.8"}
RUNS = [[place * PART, *size] for place, size in enumerate(SIZES)]


@pytest.mark.timeout(300)
def test_every_clip_has_its_own_shape_everywhere(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    source = changing(tmp_path)
    ran = heaters("run", source, "--auto-approve", "--json", **STRIDE)
    assert ran.code == 0, ran.err
    assert rows(db, "select width, height, shapes from videos") == [{"width": 96, "height": 64, "shapes": RUNS}]
    shapes = Shapes.stored(RUNS)
    assert shapes is not None
    clips = heaters("clips", source, "--json").json
    wanted = {clip["id"]: shapes.size(clip["start_frame"], clip["end_frame"]) for clip in clips}
    assert set(wanted.values()) == set(SIZES)
    for clip in clips:
        width, height = wanted[clip["id"]]
        assert (clip["export_width"], clip["export_height"]) == (width, height)
        assert shown(Path(clip["export_path"])) == width / height
    out = tmp_path / "dataset"
    assert heaters("export-dataset", out).code == 0
    records = []
    for shard in out.glob("**/*.tar"):
        with tarfile.open(shard) as tar:
            records += [json.load(tar.extractfile(name)) for name in tar.getnames() if name.endswith(".json")]  # type: ignore[arg-type]
    assert {record["clip_id"]: (record["width"], record["height"]) for record in records} == wanted
