"""The choice between looking at every vector and asking the index, and how far the index is asked. Pure.

An index gives its nearest and the filter drops from those, so a narrow filter leaves it nothing (of a 2 % filter's ten
nearest it found half); looking at every vector that passes costs by their number. Whatever the index leaves short is
looked at exactly, so a wrong guess here costs time and never hits.
"""

import math
from dataclasses import dataclass

from heaters.search.results import How

# So many vectors are looked at in about the time that the index needs, and then the answer is exact.
EXACT_ROWS = 5_000
# With a filter the index must pass over what is dropped, and loses by it: up to here exact is as fast, and right.
EXACT_FILTERED_ROWS = 40_000
# The list of candidates the index keeps. Measured in benchmarks/search.py; recall@10 of a million is above 0.98.
BREADTH = 200
# Pages are cut out of windows of a multiple of this, so that the pages of a window come from one and the same list.
BLOCK = 50
# The index orders by copies that are rounded after they were normalised, so near-ties change places (cosines 8e-6 apart
# did): so many more than are shown are put in order by the vectors themselves.
SPARE = 10
# Deeper than this (also pgvector's largest breadth) every page is exact.
DEEPEST = 1000
# The index gives up after so many vectors for each one wanted: then the filter is narrower than it seemed.
SCAN_PER_HIT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a page is found. `window` is how many the index is asked for, `breadth` its list, `scan` its limit."""

    how: How
    window: int = 0
    breadth: int = 0
    scan: int = 0


EXACT = Plan(how="exact")


def plan(*, has_index: bool, matching: int, narrow: bool, depth: int) -> Plan:
    """The plan for hits up to number `depth` where `matching` vectors are expected to pass the filters."""
    if not has_index or depth > DEEPEST:
        return EXACT
    if matching <= (EXACT_FILTERED_ROWS if narrow else EXACT_ROWS):
        return EXACT
    window = min(BLOCK * math.ceil((depth + SPARE) / BLOCK), DEEPEST)
    return Plan(how="hnsw", window=window, breadth=max(BREADTH, window), scan=max(20_000, SCAN_PER_HIT * window))
