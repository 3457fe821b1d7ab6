"""Sets of ids as PostgreSQL's int8multirange: those of one submission follow each other, so a few ranges hold many."""

from collections.abc import Iterable


def multirange(ids: Iterable[int]) -> str:
    """The text of a multirange that holds these ids and no others."""
    ranges: list[list[int]] = []
    for number in sorted(set(ids)):
        if ranges and ranges[-1][1] == number:
            ranges[-1][1] = number + 1
        else:
            ranges.append([number, number + 1])
    return "{" + ",".join(f"[{low},{high})" for low, high in ranges) + "}"
