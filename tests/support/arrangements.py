"""3,000 clips whose vectors lie in segments as a test wants them; what searches then find in them."""

from collections.abc import Callable

import numpy as np
import pytest
from segments import close, one_graph, use_small_segments
from spaces import Axes, add_embedded_clips, add_vectors, space, units

from heaters.search import Query, Term
from heaters.search.spaces import Chosen
from heaters.store.db import Database

COUNT, DIMENSION = 3000, 24
TABLES = "select relname from pg_class where relname ~ '^near_.*(hnsw|ivfflat)$' and relkind = 'r'"

# How the vectors of the clips lie: (how many arrive, what is done then).
ARRANGEMENTS: dict[str, list[tuple[int, Callable[[Database, Chosen], object]]]] = {
    "nothing": [(3000, lambda _db, _space: None)],
    "lists": [(3000, close)],
    "graph": [(3000, one_graph)],
    "all": [(1800, one_graph), (700, close), (400, close), (100, lambda _db, _space: None)],
}
every_arrangement = pytest.mark.parametrize("arranged", list(ARRANGEMENTS), indirect=True)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments are small, so that these clips need several."""
    use_small_segments(monkeypatch)


@pytest.fixture
def clips(db: Database) -> list[int]:
    """3,000 clips, a third of each of three videos."""
    return [clip for name in "abc" for clip in add_embedded_clips(db, COUNT // 3, name)]


@pytest.fixture
def chosen(db: Database) -> Chosen:
    """The space of their vectors."""
    return space(db, dimension=DIMENSION)


@pytest.fixture
def arranged(request: pytest.FixtureRequest, db: Database, clips: list[int], chosen: Chosen) -> list[int]:
    """The clips with their vectors, lying as ARRANGEMENTS says."""
    vectors, done = clustered(COUNT), 0
    order = np.random.default_rng(2).permutation(COUNT)  # clips do not arrive in the order of their numbers
    for count, do in ARRANGEMENTS[getattr(request, "param", "all")]:
        these = order[done : done + count]
        add_vectors(db, [clips[n] for n in these], vectors[these])
        do(db, chosen)
        done += count
    with db.transaction() as tx:
        tx.execute("analyze")
    return clips


def clustered(count: int, seed: int = 5) -> np.ndarray:
    """Vectors around 60 centres: near ones are many and near each other."""
    random = np.random.default_rng(seed)
    return units(
        random.normal(size=(60, DIMENSION))[np.arange(count) % 60] + 0.3 * random.normal(size=(count, DIMENSION))
    )


def ask(text: str = "abc", **options) -> Query:
    """A query by a text."""
    return Query(terms=(Term.text(text),), **options)


def vector(text: str) -> np.ndarray:
    """A text's vector."""
    return Axes(dimension=DIMENSION).embed_texts([text])[0]


def near(text: str, count: int) -> np.ndarray:
    """Vectors so near to a text's that they are its first hits."""
    noise = np.random.default_rng(count).normal(size=(count, DIMENSION))
    return units(vector(text) + 0.01 * noise)
