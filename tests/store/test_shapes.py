"""The shapes of a clip out of those of its video, by the database."""

import pytest
from psycopg.types.json import Jsonb

from heaters.store.db import Database

RUNS = [[0, 640, 360], [40, 320, 180], [90, 360, 640]]


@pytest.mark.parametrize(
    ("clip", "found"),
    [
        ((0, 40), [[0, 640, 360]]),
        ((0, 41), [[0, 640, 360], [40, 320, 180]]),
        ((39, 200), [[0, 640, 360], [1, 320, 180], [51, 360, 640]]),
        ((60, 70), [[0, 320, 180]]),
        ((90, 91), [[0, 360, 640]]),
    ],
)
def test_runs_count_from_the_clips_first_frame(db: Database, clip: tuple[int, int], found: list[list[int]]) -> None:
    with db.transaction() as tx:
        row = tx.execute("select clip_shapes(%s, %s, %s) as runs", (Jsonb(RUNS), *clip)).fetchone()
    assert row is not None
    assert row["runs"] == found


def test_a_video_of_one_shape_has_none_listed(db: Database) -> None:
    with db.transaction() as tx:
        row = tx.execute("select clip_shapes('[]', 0, 10) as runs").fetchone()
    assert row is not None
    assert row["runs"] == []
