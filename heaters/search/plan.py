"""The choice between looking at every vector and asking the indexes, and how far these are asked. Pure.

An index gives its nearest and the filter drops from those, so a narrow filter leaves it nothing (of a 2 % filter's ten
nearest it found half); looking at every vector that passes costs by their number. Whatever the indexes leave short is
looked at exactly, so a wrong guess here costs time and never hits.
"""

import math
from dataclasses import dataclass

from heaters.search.results import How

# With a filter the index must pass over what is dropped, and loses by it: up to here exact is as fast, and right.
EXACT_FILTERED_ROWS = 40_000
# More vectors than this are not looked at one by one for every search: people are told that an index is missing.
UNINDEXED_ROWS = 40_000
# The list of candidates that a graph keeps. Measured in benchmarks/search.py; recall@10 of a million is 0.999.
BREADTH = 150
# How many of the nearest lists are looked at: in all segments with lists together, and at least and at most in each.
PROBES, FEWEST_PROBES, MOST_PROBES = 96, 16, 64
# What a filter leaves short of the window is looked for in so many times as many lists.
FURTHER_PROBES = 2
# Pages are cut out of windows of a multiple of this, so that the pages of a window come from one and the same list.
BLOCK = 50
# The index orders by copies that are rounded after they were normalised, so near-ties change places (cosines 8e-6 apart
# did): so many more than are shown are put in order by the vectors themselves.
SPARE = 10
# Deeper than this (also pgvector's largest breadth) every page is exact.
DEEPEST = 1000
# A graph gives up after so many vectors for each one wanted: then the filter is narrower than it seemed.
SCAN_PER_HIT, LEAST_SCAN = 60, 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a page is found. `window` is how many hits each index is asked for; `breadth` is a graph's list of candidates
    and `scan` its limit; `probes` is how many lists are looked at.
    """

    how: How
    window: int = 0
    breadth: int = 0
    scan: int = 0
    probes: int = 0


EXACT = Plan(how="exact")


def plan(*, graphs: int, lists: int, matching: int | None, depth: int) -> Plan:
    """The plan for hits up to number `depth` in so many segments with graphs and with lists. `matching`: how many
    vectors are expected to pass the filters; None where there are no filters.
    """
    if graphs + lists == 0 or depth > DEEPEST or (matching is not None and matching <= EXACT_FILTERED_ROWS):
        return EXACT
    window = min(BLOCK * math.ceil((depth + SPARE) / BLOCK), DEEPEST)
    return Plan(
        how="hnsw",
        window=window,
        breadth=max(BREADTH, window),
        scan=max(LEAST_SCAN, SCAN_PER_HIT * window),
        probes=min(max(PROBES // max(lists, 1), FEWEST_PROBES), MOST_PROBES),
    )
