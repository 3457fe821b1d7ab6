"""A shuffle of all ids there can be: from a place in it to the id there, and back. Pure; nothing is kept or sorted.

A library's ids lie in [0, 2^bits). A seed gives a one-to-one mixing of that range, so a million clips are read in a
random order by asking for the ids at places 0, 1, 2, …; new clips with ids in the range never move the others.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

MOST_BITS = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Shuffle:
    """The ids in [0, 2^bits) in the random order of a seed."""

    seed: int
    bits: int

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= MOST_BITS:
            raise ValueError(f"a shuffle has 1 to {MOST_BITS} bits; got {self.bits}")

    @property
    def size(self) -> int:
        """How many places there are."""
        return 1 << self.bits

    def id_at(self, place: int) -> int:
        """The id at a place in [0, size)."""
        value, last, half = place, self.size - 1, self._half
        for factor, _, summand in _rounds(self.seed, self.bits):
            value = (value * factor + summand) & last
            value ^= value >> half
        return value

    def place_of(self, id_: int) -> int:
        """The place of an id in [0, size)."""
        value, last, half = id_, self.size - 1, self._half
        for _, inverse, summand in reversed(_rounds(self.seed, self.bits)):
            value ^= value >> half  # at least half of the bits: doing it twice undoes it
            value = (value - summand) * inverse & last
        return value

    @property
    def _half(self) -> int:
        return (self.bits + 1) // 2


@lru_cache(maxsize=64)
def _rounds(seed: int, bits: int) -> tuple[tuple[int, int, int], ...]:
    """Two rounds of an odd factor, its inverse among the numbers of so many bits, and a summand."""
    digest = hashlib.sha256(str(seed).encode()).digest()
    words = [int.from_bytes(digest[n : n + 8], "big") for n in range(0, 32, 8)]
    size = 1 << bits
    return tuple(
        (factor % size, pow(factor, -1, size), summand % size)
        for factor, summand in ((words[0] | 1, words[1]), (words[2] | 1, words[3]))
    )
