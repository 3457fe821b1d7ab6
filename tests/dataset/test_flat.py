"""Exports of many clips: neither what is chosen nor what is there already is ever in memory as a whole."""

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from heaters.core.splits import Splits
from heaters.dataset.chosen import Chosen
from heaters.dataset.contents import Contents, Entry
from heaters.dataset.recipe import Recipe, plan
from heaters.store.db import connect

FILL = """
    insert into pg_temp.chosen (id, content_hash, start_frame, end_frame, size_bytes, is_ready, place)
    select n, encode(sha256((n / 50)::text::bytea), 'hex'), n %% 50 * 10, n %% 50 * 10 + 10, 1000, true, n
    from generate_series(1, %(n)s) n
"""
RECIPE = Recipe(form="webdataset", splits=Splits.parse("train=0.5,test=0.5", ""), shard_clips=500)


@pytest.fixture
def chosen(database_url: str) -> Iterator[Callable[[int], Chosen]]:
    """So many clips that are chosen, ready and not in the output."""
    with connect(database_url) as connection:

        def make(count: int) -> Chosen:
            made = Chosen(connection)
            connection.execute(FILL, {"n": count})
            return made

        yield make


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_planning_takes_the_same_memory_for_ten_times_the_clips(chosen: Callable[[int], Chosen]) -> None:
    peaks, clips = [], []
    for count in (10_000, 10_000, 100_000):  # the first time loads what is loaded once
        there = chosen(count)
        peaks.append(peak_bytes(lambda: clips.append(sum(len(shard.clips) for shard in plan(there.new(), RECIPE)))))  # noqa: B023
    assert clips == [10_000, 10_000, 100_000]
    assert peaks[2] < 1.2 * peaks[1], peaks


def test_clips_that_are_in_the_output_are_told_by_their_samples(chosen: Callable[[int], Chosen]) -> None:
    there = chosen(3)
    names = [clip.sample for clip in there.new()]
    there.enter(names[:2])
    assert there.strangers([*names, "other"]) == {names[2], "other"}


def entry(number: int, clips: int) -> Entry:
    clip: dict[str, Any] = {
        "sample": f"{number}", "clip_id": 1, "source": f"{number:064d}", "seconds": 2.5, "frames": 10, "size_bytes": 7,
        "confidence": [0.95, 1.0], "kinds": ["hard", "end"], "licence": "",
    }  # fmt: skip
    return Entry(
        name=f"train-{number}", split="train", file=f"{number}.tar", size_bytes=5, sha256="0", more_bytes=1,
        clips=tuple(dict(clip) for _ in range(clips)),
    )  # fmt: skip


def test_what_is_in_an_output_is_kept_as_counts() -> None:
    found = Contents(("train", "test"))
    peak = peak_bytes(lambda: [found.add(entry(number, 1000)) for number in range(100)])
    assert found.totals() == {
        "clips": 100_000,
        "sources": 100,
        "seconds": 250_000.0,
        "frames": 1_000_000,
        "size_bytes": 600,
    }
    assert found.totals("test")["clips"] == 0
    assert (found.lengths["2–4"], found.confidences["0.9+"]) == (100_000, 100_000)
    assert (found.kinds, found.licences) == ({"hard": 100_000}, {"not stated": 100_000})
    assert peak < 3 * 2**20  # of one shard's clips; all of them take a hundred times that
