"""What is measured of each clip, by name: one table that the stage, filters, listings and datasets read.

A fact is a number, or None where there is nothing to measure (the sound of a silent file).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from heaters.errors import UsageError

# Name → what it says, with its range.
FACTS: dict[str, str] = {
    "motion": "mean change of a pixel's brightness from frame to frame, 0 to 1: camera and people alike",
    "brightness": "mean brightness, 0 to 1",
    "black_share": "share of the frames that are black",
    "frozen_share": "share of the frames that are the same as the one before",
    "letterbox": "share of the picture that is black bars throughout",
    "sharpness": "detail of the stills: standard deviation of their Laplacian at 480 pixels' width, 0 to about 0.5",
    "text_share": "share of the middle still that is text which can be read; measured with HEATERS_TEXT=1 alone",
    "loudness_dbfs": "root mean square of the sound in decibels below full scale, -100 at least",
    "silence_share": "share of the time in which the sound is silent",
}
ENDLESS = 1e300  # stands for no bound: JSON has no infinity
_BOUND = re.compile(r"\s*([a-z_]+)\s*(>=|<=|=)\s*(-?[0-9.]+(?:e-?[0-9]+)?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Clips whose fact lies in [low, high]. A clip that lacks the fact is outside."""

    name: str
    low: float = -ENDLESS
    high: float = ENDLESS

    def __post_init__(self) -> None:
        if self.name not in FACTS:
            raise UsageError(f"a fact is one of {', '.join(FACTS)}; got {self.name!r}")
        if not -ENDLESS <= self.low <= self.high <= ENDLESS:
            raise UsageError(f"a bound is a range low ≤ high; got [{self.low}, {self.high}] for {self.name}")

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.name}={self.low:.9g}"  # facts are 32-bit numbers, which nine digits tell apart
        low = [f"{self.name}>={self.low:.9g}"] * (self.low > -ENDLESS)
        high = [f"{self.name}<={self.high:.9g}"] * (self.high < ENDLESS)
        return ", ".join(low + high)

    @classmethod
    def parse(cls, text: str) -> "Bound":
        """`motion>=0.02`, `black_share<=0.5`. Raises UsageError for anything else."""
        match = _BOUND.fullmatch(text)
        try:
            value = float(match[3]) if match else None
        except ValueError:
            value = None
        if match is None or value is None:
            rule = f"a bound is FACT>=NUMBER, FACT<=NUMBER or FACT=NUMBER, FACT one of {', '.join(FACTS)}"
            raise UsageError(f"{rule}; got {text!r}")
        return cls(
            name=match[1],
            low=-ENDLESS if match[2] == "<=" else value,
            high=ENDLESS if match[2] == ">=" else value,
        )


def parsed(texts: Iterable[str]) -> tuple[Bound, ...]:
    """The bounds that a person wrote. Raises UsageError for one that is none."""
    return tuple(map(Bound.parse, texts))


def as_text(bounds: Iterable[Bound]) -> str:
    """Bounds as a person writes them, in an order of their own: "" for none."""
    return ", ".join(sorted(map(str, bounds)))
