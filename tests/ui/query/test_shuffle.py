"""The shuffle of ids: one-to-one, its own inverse's inverse, and the same for the same seed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ui.query.shuffle import MOST_BITS, Shuffle


@given(seed=some.integers(-(2**63), 2**63 - 1), bits=some.integers(1, 10))
def test_every_id_has_one_place(seed: int, bits: int) -> None:
    shuffle = Shuffle(seed=seed, bits=bits)
    assert sorted(map(shuffle.id_at, range(shuffle.size))) == list(range(shuffle.size))


@given(seed=some.integers(-(2**63), 2**63 - 1), bits=some.integers(1, MOST_BITS), data=some.data())
def test_a_place_leads_back_to_its_id(seed: int, bits: int, data: some.DataObject) -> None:
    shuffle = Shuffle(seed=seed, bits=bits)
    place = data.draw(some.integers(0, shuffle.size - 1))
    assert shuffle.place_of(shuffle.id_at(place)) == place


def test_neighbours_come_apart_and_seeds_differ() -> None:
    first, second = ([Shuffle(seed=seed, bits=20).id_at(n) for n in range(1000)] for seed in (7, 8))
    assert first != second
    near = sum(abs(a - b) < 1000 for a, b in pairwise(first))
    assert near < 10  # of a random order two, of an order by id all


def test_a_size_is_checked() -> None:
    for bits in (0, MOST_BITS + 1):
        with pytest.raises(ValueError, match="bits"):
            Shuffle(seed=1, bits=bits)
