"""Each form read back by the library it is for: every byte as in the store, every value as in the database."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import lance
import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset
from dataset_clips import PARAMS, TAGS
from rows import rows

from heaters.core import keys
from heaters.core.states import ReviewAction
from heaters.dataset.export import Report
from heaters.media.clip_stills import clip_stills
from heaters.store.approval import approve_pending
from heaters.store.db import Database
from heaters.store.objects import ObjectStore
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks

Run = Callable[..., Report]
TRUTH = """
    select c.id, v.content_hash, c.start_frame, c.end_frame, encode(x.sha256, 'hex') as sha256, e.vector
    from clips c join videos v on v.id = c.video_id
    join exports x on x.clip_id = c.id join embeddings e on e.clip_id = c.id
"""


@pytest.fixture
def truth(db: Database, clips: list[int], store: ObjectStore, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What the database says of each clip, and its stills out of its file, by its sample's name."""
    found = {}
    for row in rows(db, TRUTH):
        span = (row["content_hash"], row["start_frame"], row["end_frame"])
        key = keys.clip_export(*span, "copy", PARAMS)
        film = tmp_path / "clip.mp4"
        film.write_bytes(store.read(key))
        objects = {"key": key, "stills": dict(zip(TAGS, clip_stills(film, [2, 5, 7], tmp_path), strict=True))}
        found[f"{span[0][:16]}-{span[1]:08d}-{span[2]:08d}"] = row | objects
    return found


def shards(out: Path, pattern: str) -> list[str]:
    return sorted(map(str, out.glob(pattern)))


def check_record(record: dict[str, Any], row: dict[str, Any]) -> None:
    assert (record["clip_id"], record["start_frame"], record["end_frame"]) == (
        row["id"],
        row["start_frame"],
        row["end_frame"],
    )
    assert (record["state"], record["video"]["sha256"], record["source_sha256"]) == (
        *("review_approved", row["sha256"]),
        row["content_hash"],
    )
    assert record["seconds"] == pytest.approx((row["end_frame"] - row["start_frame"]) / 25)
    assert record["start_cut"]["kind"] == ("end" if row["start_frame"] == 0 else "hard")
    assert record["video"]["profile"] == "copy"
    assert [(still["tag"], still["frame"] - row["start_frame"]) for still in record["stills"]] == [
        ("p25", 2),
        ("p50", 5),
        ("p75", 7),
    ]


def test_webdataset_reads_what_the_store_holds(run: Run, truth: dict, store: ObjectStore, tmp_path: Path) -> None:
    assert run().clips_new == len(truth)
    seen = {}
    for raw in webdataset.WebDataset(shards(tmp_path / "out", "*/*.tar"), shardshuffle=False, empty_check=False):
        row = truth[raw["__key__"]]
        assert raw["mp4"] == store.read(row["key"])
        for tag in TAGS:
            assert raw[f"{tag}.jpg"] == row["stills"][tag]
        vector = np.load(io.BytesIO(raw["npy"]))
        assert vector.dtype == np.float16
        assert np.array_equal(vector, row["vector"].to_numpy())
        record = json.loads(raw["json"])
        check_record(record, row)
        assert raw["__url__"].split("/")[-2] == record["split"]
        assert raw["__key__"] not in seen
        seen[raw["__key__"]] = record
    assert seen.keys() == truth.keys()
    decoded = next(iter(webdataset.WebDataset(shards(tmp_path / "out", "*/*.tar"), shardshuffle=False).decode("rgb8")))
    assert decoded["p50.jpg"].shape == (48, 64, 3)
    assert decoded["json"] == seen[decoded["__key__"]]


def test_datasets_reads_the_shards(run: Run, truth: dict, db: Database, store: ObjectStore, tmp_path: Path) -> None:
    # It infers types from the first five samples: here only the last two of eighteen have a history.
    last = truth[max(truth)]["id"]
    Reviews(db, Tracks(store)).act(ReviewAction.GROUP, last, reviewer="ann", request_key="1")
    run(splits="train=1")
    files = {"train": shards(tmp_path / "out", "train/*.tar")}
    streamed = datasets.load_dataset("webdataset", data_files=files, streaming=True)["train"]
    assert sorted(sample["__key__"] for sample in streamed.decode(False)) == sorted(truth)
    kept = datasets.load_dataset("webdataset", data_files=files, cache_dir=str(tmp_path / "cache"))["train"]
    records = {sample["json"]["clip_id"]: sample["json"] for sample in kept.remove_columns(["mp4"])}
    assert records.keys() == {row["id"] for row in truth.values()}
    told = [clip for clip, record in records.items() if json.loads(record["review"])]
    assert told == [last - 1, last]


def test_parquet_and_its_files(run: Run, truth: dict, store: ObjectStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("parquet").clips_new == len(truth)
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))  # by the card's own head
    records = [record for split in loaded.values() for record in split]
    assert {record["sample"] for record in records} == truth.keys()
    for record in records:
        row = truth[record["sample"]]
        check_record(record, row)
        assert (out / record["video_path"]).read_bytes() == store.read(row["key"])
        for still in record["stills"]:
            assert (out / still["path"]).read_bytes() == row["stills"][still["tag"]]
        assert np.array_equal(np.float32(record["vector"]), row["vector"].to_numpy().astype(np.float32))
        assert json.loads(record["provenance"])["license"] == "CC-BY"
    types = pq.read_schema(shards(out, "train/*.parquet")[0])
    assert str(types.field("vector").type) == "fixed_size_list<element: float>[16]"


def test_lance_holds_the_bytes(run: Run, truth: dict, store: ObjectStore, tmp_path: Path) -> None:
    assert run("lance").clips_new == len(truth)
    table = lance.dataset(str(tmp_path / "out" / "data.lance")).to_table().to_pylist()
    assert {record["sample"] for record in table} == truth.keys()
    assert len(table) == len(truth)
    for record in table:
        row = truth[record["sample"]]
        check_record(record, row)
        assert record["video_bytes"] == store.read(row["key"])
        assert [still["bytes"] for still in record["stills"]] == [row["stills"][tag] for tag in TAGS]
        assert np.array_equal(np.float32(record["vector"]), row["vector"].to_numpy().astype(np.float32))


def test_a_lance_commit_whose_entry_is_missing_is_not_repeated(run: Run, truth: dict, tmp_path: Path) -> None:
    run("lance")
    entries = sorted((tmp_path / "out" / "index").iterdir())
    entries[0].unlink()  # as after a kill between Lance's commit and our entry
    again = run("lance")
    assert again.shards_new == 1
    assert again.clips == len(truth)
    assert lance.dataset(str(tmp_path / "out" / "data.lance")).count_rows() == len(truth)


@pytest.mark.parametrize("form", ["webdataset", "parquet", "lance"])
def test_without_stills_and_vectors(run: Run, clips: list[int], form: str, tmp_path: Path) -> None:
    assert run(form, stills="", model="", strategy="").clips_new == len(clips)
    if form == "webdataset":
        first = next(iter(webdataset.WebDataset(shards(tmp_path / "out", "*/*.tar"), shardshuffle=False)))
        assert {key for key in first if not key.startswith("__")} == {"mp4", "json"}


def test_records_tell_the_cuts_and_who_did_what(
    run: Run, clips: list[int], db: Database, store: ObjectStore, tmp_path: Path
) -> None:
    reviews = Reviews(db, Tracks(store))
    reviews.act(ReviewAction.GROUP, clips[1], reviewer="ann", request_key="1")
    reviews.undo(reviewer="ann", request_key="2")
    with db.transaction() as tx:
        tx.execute("update cuts set kind = 'manual', confidence = null where frame = 20")
    run()
    found = {}
    for raw in webdataset.WebDataset(shards(tmp_path / "out", "*/*.tar"), shardshuffle=False):
        record = json.loads(raw["json"])
        texts = {name: json.loads(record[name]) for name in ("review", "parents", "provenance")}
        found[record["clip_id"]] = record | texts
    first, second, third = (found[clip] for clip in clips[:3])
    assert [(act["by"], act["action"], act["undoes"]) for act in second["review"]] == [
        ("ann", "group", 0),
        ("ann", "undo", 1),
    ]
    assert [act["action"] for act in first["review"]] == ["group", "undo"]
    assert third["review"] == []
    assert first["start_cut"] == {"kind": "end", "confidence": 1.0, "created_by": ""}
    assert first["end_cut"] == second["start_cut"] == {
        "kind": "hard", "confidence": pytest.approx(0.9), "created_by": "test",
    }  # fmt: skip
    assert third["start_cut"]["kind"] == "manual"
    assert first["provenance"] == {"extractor": "generic", "license": "CC-BY"}


def test_records_tell_decisions_on_many_clips(
    run: Run, clips: list[int], db: Database, store: ObjectStore, tmp_path: Path
) -> None:
    """Their events have no image of each clip; undo and redo of them are told as well."""
    with db.transaction() as tx:
        tx.execute("create table files as select * from exports")
        tx.execute("delete from exports")
        tx.execute("update clips set state = 'pending_review', reviewed_at = null where id <> %s", (clips[0],))
    assert approve_pending(db, None, reviewer="auto-approve") == len(clips) - 1
    reviews = Reviews(db, Tracks(store))
    undone = reviews.undo(reviewer="auto-approve", request_key="1")  # of one video's clips
    redone = reviews.redo(reviewer="auto-approve", request_key="2")
    with db.transaction() as tx:
        tx.execute("insert into exports select * from files")
    run()
    found = {}
    for raw in webdataset.WebDataset(shards(tmp_path / "out", "*/*.tar"), shardshuffle=False):
        record = json.loads(raw["json"])
        found[record["clip_id"]] = json.loads(record["review"])
    assert found[clips[0]] == []
    events = {row["id"]: row for row in rows(db, "select * from review_events")}
    back = [("undo", undone.change.undoes), ("redo", undone.id)]
    assert redone.change.clip_ids == undone.change.clip_ids
    for clip in clips[1:]:
        expected = [("approve", 0), *(back if clip in undone.change.clip_ids else [])]
        assert [(act["action"], act["undoes"]) for act in found[clip]] == expected
        for act in found[clip]:
            event = events[act["event"]]
            assert (act["by"], act["at"]) == ("auto-approve", event["created_at"].isoformat())
            assert clip in event["clip_ids"]
