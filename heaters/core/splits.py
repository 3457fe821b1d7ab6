"""Which part of a dataset a source video belongs to: a pure function of its bytes, so it never moves.

All clips of one source fall into one split: a model tested on a shot of a film that it was trained on would know the
actors. And because no other video is looked at, adding videos later changes nothing for those that are there.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from heaters.errors import RuleError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The shares of the splits, by name, in order; they sum to 1. `seed` deals the videos anew."""

    shares: tuple[tuple[str, Fraction], ...]
    seed: str = ""

    def __post_init__(self) -> None:
        names = [name for name, _ in self.shares]
        if not names or len(set(names)) < len(names) or not all(_NAME.fullmatch(name) for name in names):
            raise RuleError(f"splits have different names of lower-case letters, digits and '_'; got {names}")
        if any(share <= 0 for _, share in self.shares) or sum(share for _, share in self.shares) != 1:
            raise RuleError(f"the shares of splits are above 0 and sum to 1; got {self}")

    @classmethod
    def parse(cls, text: str, seed: str = "") -> "Splits":
        """`train=0.8,validation=0.1,test=0.1`, or weights such as `train=8,test=2`. Raises RuleError."""
        shares: dict[str, Fraction] = {}
        for part in text.split(","):
            name, _, number = part.strip().partition("=")
            try:
                shares[name.strip()] = Fraction(number.strip() or "1")
            except (ValueError, ZeroDivisionError) as error:
                raise RuleError(f"a split is name=share, such as train=0.9; got {part!r}") from error
        total = sum(shares.values())
        if total <= 0:
            raise RuleError(f"the shares of splits are above 0; got {text!r}")
        return cls(shares=tuple((name, share / total) for name, share in shares.items()), seed=seed)

    def of(self, content_hash: str) -> str:
        """The split of a source, by the SHA-256 of its bytes."""
        digest = hashlib.sha256(f"{self.seed}:{content_hash}".encode()).digest()
        place = Fraction(int.from_bytes(digest[:8], "big"), 2**64)
        for name, share in self.shares:
            if place < share:
                return name
            place -= share
        return self.shares[-1][0]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.shares)

    def plain(self) -> Mapping[str, str]:
        """As JSON takes it."""
        return {name: str(share) for name, share in self.shares}

    def __str__(self) -> str:
        return ", ".join(f"{name}={share}" for name, share in self.shares)
