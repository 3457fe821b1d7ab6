"""Near-duplicates: which clip stands for which, and groups of them in the database."""

import numpy as np
import pytest
from command import Heaters
from rows import add_clips, add_video, one
from spaces import MODEL, STRATEGY, add_vectors
from spaces import space as add_space

from heaters.errors import UsageError
from heaters.search import Filters
from heaters.search.collapse import leaders
from heaters.search.groups import groups, standing
from heaters.search.spaces import Chosen
from heaters.store.db import Database


def plain_leaders(vectors: np.ndarray, threshold: float) -> list[int]:
    """The rule, row by row."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    kept: list[int] = []
    owners = []
    for row in range(len(units)):
        near = [first for first in kept if units[first] @ units[row] >= threshold]
        owners.append(near[0] if near else row)
        if not near:
            kept.append(row)
    return owners


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 900])
def test_leaders_are_those_of_the_plain_rule(count: int) -> None:
    random = np.random.default_rng(count)
    scenes = random.normal(size=(40, 8))
    vectors = (scenes[random.integers(0, 40, count)] + 0.2 * random.normal(size=(count, 8))).astype(np.float32)
    for threshold in (0.5, 0.9, 0.97):
        assert leaders(vectors, threshold).tolist() == plain_leaders(vectors, threshold)


def test_a_slow_change_is_no_chain() -> None:
    angles = np.radians(np.arange(0, 90, 10))
    fan = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    near = float(np.cos(np.radians(15)))  # each is near to its neighbours alone
    assert leaders(fan, near).tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8]


@pytest.fixture
def space(db: Database) -> Chosen:
    return add_space(db)


def alike(db: Database, name: str, scenes: np.ndarray) -> list[int]:
    """Clips of a new video, two of each scene one after the other, and their vectors."""
    video = add_video(db, name, "cut", 10 * 2 * len(scenes))
    clips = add_clips(db, video, list(range(10, 20 * len(scenes), 10)), 20 * len(scenes))
    noise = 0.01 * np.random.default_rng(video).normal(size=(2 * len(scenes), 16))
    add_vectors(db, clips, np.repeat(scenes, 2, axis=0) + noise)
    return clips


def test_groups_of_a_space(db: Database, space: Chosen) -> None:
    scenes = np.random.default_rng(5).normal(size=(4, 16))
    first, second = alike(db, "a", scenes), alike(db, "b", scenes[:2])
    found = [group.clips for group in groups(db, space, 0.95)]
    assert found == [
        (*first[0:2], *second[0:2]),
        (*first[2:4], *second[2:4]),
        tuple(first[4:6]),
        tuple(first[6:8]),
    ]
    video = one(db, "select video_id from clips where id = %(i)s", {"i": second[0]})
    assert [group.clips for group in groups(db, space, 0.95, Filters(videos=(video,)))] == [
        tuple(second[:2]),
        tuple(second[2:]),
    ]
    assert standing(db, MODEL, STRATEGY, 0.95, [second[1], 10**9, first[0]]) == {
        second[1]: second[1],
        first[0]: second[1],
    }
    assert groups(db, space, 1.0) == []
    for wrong in (0.0, 1.01, float("nan")):
        with pytest.raises(UsageError, match=r"in \(0, 1\]"):
            groups(db, space, wrong)


def test_the_command_lists_them(heaters: Heaters, db: Database) -> None:
    assert heaters("duplicates", "--json").json == []
    scenes = np.random.default_rng(5).normal(size=(3, 16))
    clips = alike(db, "a", scenes)
    space = ("--model", MODEL, "--strategy", STRATEGY)
    assert heaters("duplicates", *space, "--json").json == [clips[0:2], clips[2:4], clips[4:6]]
    said = heaters("duplicates", *space)
    assert (said.code, "3 groups, 3 clips" in said.out + said.err) == (0, True), said.err
    assert heaters("duplicates", "--above", "2").code == 2
