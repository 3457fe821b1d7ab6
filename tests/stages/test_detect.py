"""Stage `detect` as plain Python: rows from evidence, and a batch in which one item fails alone."""

import io
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heaters.core.layout import Evidence, Rules
from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import IntegrityError, StageError
from heaters.settings import Settings
from heaters.stages import detect
from heaters.stages.base import Context
from heaters.store.evidence import unpack
from heaters.store.objects import open_store

HASH = "ab" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, detector="stride", stride_seconds=1.0, min_clip_seconds=0.5)


@pytest.fixture
def item(settings: Settings) -> detect.Input:
    """Four and a third seconds at 25 frames a second."""
    store = open_store(settings.store_location)
    buffer = io.BytesIO()
    np.save(buffer, np.arange(109, dtype=np.int64))
    store.put_bytes("v/pts", buffer.getvalue())
    store.put_bytes("v/frames", bytes(108 * 3888))
    return detect.Input(
        id=1, content_hash=HASH, analysis_key="v/frames", pts_key="v/pts", frame_count=108, time_base_num=1,
        time_base_den=25,
    )  # fmt: skip


def test_rows_carry_pts_kind_confidence_and_span() -> None:
    single = [0.9 if frame == 29 else 0.0 for frame in range(100)]
    table = PtsTable.of(range(0, 4000, 40), TimeBase(num=1, den=1000), 4000)
    cuts, clips = detect.kernel(Evidence.of(single), table, Rules())
    (cut,) = cuts
    assert (cut["frame"], cut["pts"], cut["kind"]) == (30, 1200, "hard")
    assert cut["confidence"] == pytest.approx(0.9)
    assert cut["metadata"] == {"span": [30, 30], "threshold": 0.5}
    assert clips == (
        {"start_frame": 0, "end_frame": 30, "start_pts": 0, "end_pts": 1200},
        {"start_frame": 30, "end_frame": 100, "start_pts": 1200, "end_pts": 4000},
    )


def test_the_result_says_who_looked_and_under_which_rules(settings: Settings, item: detect.Input) -> None:
    (result,) = detect.Worker(settings)([item], Context())
    assert not isinstance(result, StageError)
    assert [cut["frame"] for cut in result.cuts] == [25, 50, 75], "the third of a second is merged into its neighbour"
    assert (result.method, result.model, result.device) == ("stride", "1s", "cpu")
    assert (result.threshold, result.min_clip_seconds, result.max_clip_seconds) == (0.5, 0.5, 0.0)
    seen = unpack(open_store(settings.store_location).read(result.probabilities_key), 108)
    assert seen.given == (25, 50, 75, 100), "what was seen is kept whole: another minimum is another cut of it"


def test_a_bad_item_fails_alone_and_the_answers_stay_in_order(settings: Settings, item: detect.Input) -> None:
    longer = replace(item, id=2, frame_count=109)
    other = replace(item, id=3, time_base_den=50)
    outcomes = detect.Worker(settings)([item, longer, other], Context())
    good, bad, last = outcomes
    assert isinstance(bad, IntegrityError)
    assert "must hold 109 frames" in str(bad)
    assert not isinstance(good, StageError)
    assert not isinstance(last, StageError)
    assert (len(good.cuts), len(last.cuts)) == (3, 1)


def test_the_time_of_a_batch_is_counted_once(settings: Settings, item: detect.Input) -> None:
    items = [replace(item, id=number) for number in range(1, 9)]
    begun = time.monotonic()
    outcomes = detect.Worker(settings)(items, Context())
    took = time.monotonic() - begun
    seconds = [one.seconds for one in outcomes if not isinstance(one, StageError)]
    assert len(seconds) == 8
    assert 0 < sum(seconds) <= took
