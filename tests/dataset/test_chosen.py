"""Which clips go into a dataset, and what is written of each: filters, facts, files, clips that look alike."""

import hashlib
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_clips import FRAMES, MODEL, PARAMS, STRATEGY, add_exported, file_key, film
from made import add_facts, add_files
from rows import one
from spaces import add_vectors

from heaters.core.facts import FACTS, Bound
from heaters.core.splits import Splits
from heaters.dataset.export import Report, export
from heaters.dataset.recipe import Candidate, Choice, Recipe, Shard
from heaters.dataset.records import samples
from heaters.errors import UsageError
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.objects import ObjectStore
from heaters.store.open import open_database

Run = Callable[..., Report]


def records(out: Path) -> list[dict[str, Any]]:
    """The records in an output of WebDataset shards."""
    found = []
    for path in sorted(out.glob("*/*.tar")):
        with tarfile.open(path) as tar:
            found += [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]  # type: ignore[arg-type]
    return found


def test_what_is_not_ready_waits(run: Run, clips: list[int], db: Database, store: ObjectStore) -> None:
    add_exported(db, store, "bare", 2, vectors=False)
    with db.transaction() as tx:
        tx.execute("update clips set state = 'review_skipped' where id = %s", (clips[0],))
    report = run()
    assert (report.clips_new, report.waiting) == (17, 2)
    assert run(model="", strategy="", out=report.location + "2").clips_new == 19


def test_filters(run: Run, clips: list[int], db: Database, tmp_path: Path) -> None:
    video = one(db, "select video_id from clips where id = %(id)s", {"id": clips[0]})
    assert run(out=tmp_path / "1", choice=Choice(videos=(video,))).clips_new == 3
    assert run(out=tmp_path / "2", choice=Choice(min_seconds=0.41)).clips_new == 0
    assert run(out=tmp_path / "3", choice=Choice(max_seconds=0.41, states=("review_approved",))).clips_new == 18
    assert run(out=tmp_path / "4", choice=Choice(min_seconds=0.4)).clips_new == 18, "a bound is met by what equals it"
    assert run(out=tmp_path / "5", choice=Choice(max_seconds=0.4)).clips_new == 0
    for state in ("pending_review", "exported"):
        with pytest.raises(UsageError, match="a clip of a dataset is"):
            Choice(states=(state,))
    with pytest.raises(UsageError, match="must not be empty"):
        Choice(min_seconds=2, max_seconds=2)


def test_bounds_on_facts_are_by_the_settings_of_the_session(
    run: Run, clips: list[int], db: Database, settings: Settings, tmp_path: Path
) -> None:
    still, moving = {"motion": 0.001, "black_share": 0.0}, {"motion": 0.1, "black_share": 0.5}
    add_facts(db, clips[:4], [still, moving, moving, {"black_share": 0.0}])
    add_facts(db, clips[4:6], [moving, moving], settings="1-32")
    choice = Choice(facts=(Bound(name="motion", low=0.1),))
    assert run(out=tmp_path / "1", choice=choice).clips_new == 0, "this session says nothing of facts"
    recipe = Recipe(form="webdataset", splits=Splits.parse("train=1"))
    database = open_database(settings)  # says which facts it means
    try:
        assert export(database, settings, str(tmp_path / "2"), recipe, choice).clips_new == 2
        both = Choice(facts=(*choice.facts, Bound(name="black_share", high=0.4)))
        assert export(database, settings, str(tmp_path / "3"), recipe, both).clips_new == 0
        assert export(database, settings, str(tmp_path / "4"), recipe, Choice()).clips_new == 18
    finally:
        database.close()
    found = {record["clip_id"]: json.loads(record["facts"]) for record in records(tmp_path / "4")}
    assert found[clips[1]] == {**dict.fromkeys(FACTS), "motion": 0.1, "black_share": 0.5}
    assert found[clips[3]] == {**dict.fromkeys(FACTS), "black_share": 0.0}
    assert found[clips[4]] == dict.fromkeys(FACTS), "measured by other settings alone"


def test_the_file_of_the_profile_in_use_is_taken_else_the_latest(
    run: Run, clips: list[int], db: Database, store: ObjectStore, settings: Settings, tmp_path: Path
) -> None:
    """The first clip has both files, the proxy's later; the second one from the proxy alone."""
    proxies = {clips[0]: film(901), clips[1]: film(902)}
    sources = {clip: hashlib.sha256(store.read(file_key(db, clip))).hexdigest() for clip in clips}
    add_files(db, list(proxies), "proxy", list(proxies.values()), params="b" * 10, frames=FRAMES)
    for clip, data in proxies.items():
        store.put_bytes(file_key(db, clip, "proxy", "b" * 10), data)
    with db.transaction() as tx:
        tx.execute("delete from exports where clip_id = %s and params = %s", (clips[1], PARAMS))
    hashes = {clip: hashlib.sha256(data).hexdigest() for clip, data in proxies.items()}
    recipe = Recipe(form="webdataset", splits=Splits.parse("train=1"))
    for profile, first in (("copy", "copy"), ("proxy", "proxy"), ("none", "proxy")):
        out = tmp_path / profile
        assert export(db, replace(settings, export_profile=profile), str(out), recipe, Choice()).clips_new == 18
        found = {record["clip_id"]: record["video"] for record in records(out)}
        expected = sources[clips[0]] if first == "copy" else hashes[clips[0]]
        assert (found[clips[0]]["profile"], found[clips[0]]["sha256"]) == (first, expected)
        assert (found[clips[1]]["profile"], found[clips[1]]["sha256"]) == ("proxy", hashes[clips[1]])
        assert {(found[c]["profile"], found[c]["sha256"]) for c in clips[2:]} == {
            ("copy", sources[c]) for c in clips[2:]
        }


def test_unique_leaves_out_what_looks_like_what_is_in(
    run: Run, clips: list[int], db: Database, store: ObjectStore
) -> None:
    scenes = np.repeat(np.random.default_rng(3).normal(size=(6, 16)), 3, axis=0)
    add_vectors(db, clips, scenes)  # the three clips of a video look alike
    report = run(choice=Choice(unique=0.99))
    assert (report.clips, report.clips_new, report.alike) == (6, 6, 12)
    more = add_exported(db, store, "0 before all others", 2)
    add_vectors(db, more, np.stack([scenes[0], np.ones(16)]))
    again = run(choice=Choice(unique=0.99))
    assert (again.clips, again.clips_new, again.alike) == (7, 1, 13)
    assert run(choice=Choice(unique=0.99)).clips_new == 0
    assert run(choice=Choice()).clips == 20
    with pytest.raises(UsageError, match="told by vectors"):
        run(out=report.location + "2", model="", strategy="", choice=Choice(unique=0.9))
    with pytest.raises(UsageError, match=r"in \(0, 1\]"):
        Choice(unique=0.0)


def test_a_clip_that_changed_since_it_was_chosen_is_left_out_and_no_failure(
    clips: list[int], db: Database, tmp_path: Path, settings: Settings
) -> None:
    recipe = Recipe(form="webdataset", splits=Splits.parse("train=1"), stills="multi", model=MODEL, strategy=STRATEGY)
    chosen = [
        Candidate(id=clip, content_hash="ab" * 32, start_frame=n, end_frame=n + 1, size_bytes=1)
        for n, clip in enumerate(clips)
    ]
    with db.transaction() as tx:
        tx.execute("update clips set state = 'review_skipped' where id = %s", (clips[0],))
        tx.execute("delete from stills where clip_id = %s", (clips[1],))
        tx.execute("delete from embeddings where clip_id = %s", (clips[2],))
        tx.execute("delete from exports where clip_id = %s", (clips[3],))
    found = samples(db, Shard(split="train", clips=tuple(chosen)), recipe, "copy")
    assert [sample.clip_id for sample in found] == clips[4:]
