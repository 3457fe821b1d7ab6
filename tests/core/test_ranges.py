"""Ids as multiranges: these ids and no others, in as few ranges as hold them."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rows import one

from heaters.core.ranges import multirange
from heaters.store.db import Database


def test_neighbours_share_a_range() -> None:
    assert multirange([3, 1, 2, 2, 7]) == "{[1,4),[7,8)}"
    assert multirange([]) == "{}"


@given(st.lists(st.integers(1, 60)))
def test_a_range_ends_where_ids_are_missing(ids: list[int]) -> None:
    pairs = [(int(low), int(high)) for low, high in re.findall(r"\[(\d+),(\d+)\)", multirange(ids))]
    assert [n for low, high in pairs for n in range(low, high)] == sorted(set(ids))
    assert all(high < low for (_, high), (low, _) in pairwise(pairs))


def test_the_database_reads_it(db: Database) -> None:
    ids = [1, 2, 3, 9, 2**40]
    statement = "select array(select n from unnest(%(n)s::bigint[]) n where %(r)s::int8multirange @> n order by n)"
    assert one(db, statement, {"n": [*ids, 4, 8, 10, 2**40 + 1], "r": multirange(ids)}) == ids
    assert one(db, statement, {"n": ids, "r": multirange([])}) == []
