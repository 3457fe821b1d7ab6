"""What the tests of datasets share: a store with clips of several videos, and an export of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataset_clips import MODEL, STRATEGY, add_exported

from heaters.core.splits import Splits
from heaters.dataset.export import Report, export
from heaters.dataset.recipe import Choice, Recipe
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.objects import ObjectStore, open_store

VIDEOS = ("a", "b", "c", "d", "e", "f")
CLIPS_EACH = 3


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    return open_store(settings.store_location)


@pytest.fixture
def clips(db: Database, store: ObjectStore) -> list[int]:
    """Three clips each of six videos."""
    return [clip for name in VIDEOS for clip in add_exported(db, store, name, CLIPS_EACH)]


@pytest.fixture
def run(db: Database, settings: Settings, tmp_path: Path) -> Callable[..., Report]:
    """Exports to a folder of the test's own (`out`), four clips a shard at most unless told otherwise."""

    def go(form: str = "webdataset", out: str | Path = tmp_path / "out", **more: Any) -> Report:
        choice = more.pop("choice", Choice())
        recipe = {"stills": "multi", "model": MODEL, "strategy": STRATEGY, "shard_clips": 4, **more}
        splits = recipe.pop("splits", "train=0.5,test=0.5")
        return export(db, settings, str(out), Recipe(form=form, splits=Splits.parse(splits), **recipe), choice)

    return go
