"""From a film to a dataset, by the commands alone: what is in the shards are the film's own shots."""

import io
import json
from pathlib import Path

import av
import pytest
import webdataset
from command import Heaters
from shots import PHOTOS, write_film


@pytest.mark.slow
def test_a_film_becomes_a_dataset(heaters: Heaters, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    cuts = write_film(film, frames_each=30)
    done = heaters("run", film, "--auto-approve", "--json")
    assert done.code == 0, done.err
    exported = heaters("export-dataset", tmp_path / "set", "--splits", "train=1", "--json")
    assert exported.code == 0, exported.err
    assert (exported.json["clips_new"], exported.json["waiting"]) == (len(PHOTOS), 0)
    (shard,) = (tmp_path / "set").glob("train/*.tar")
    bounds = []
    for raw in webdataset.WebDataset(str(shard), shardshuffle=False):
        record = json.loads(raw["json"])
        with av.open(io.BytesIO(raw["mp4"])) as container:
            assert sum(1 for _ in container.decode(video=0)) == record["frames"]
        assert {key for key in raw if not key.startswith("__")} == {
            "mp4",
            "json",
            "npy",
            "p25.jpg",
            "p50.jpg",
            "p75.jpg",
        }
        assert json.loads(record["review"])[0]["by"] == "auto-approve"
        assert record["embedding"]["model"].startswith("starter")
        bounds.append((record["start_frame"], record["end_frame"]))
    assert bounds == list(zip([0, *cuts], [*cuts, 30 * len(PHOTOS)], strict=True))
