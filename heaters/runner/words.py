"""What a call at Ray says to its driver. Values only, which pass between processes."""

from dataclasses import dataclass
from typing import Any

from heaters.errors import HeatersError


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A worker has begun with a call."""

    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a call: one outcome for each item."""

    outcomes: list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A worker could not be built: a setting of its node is wrong, or something is missing there."""

    node: str
    error: HeatersError
