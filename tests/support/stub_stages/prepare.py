"""`prepare`, waiting instead."""

from dataclasses import dataclass

from stub_stages import Waiter as Worker
from stub_stages import record

__all__ = ["INPUT", "Input", "Worker", "record"]

INPUT = "input_prepare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """As the query gives it."""

    id: int
    content_hash: str
    source_key: str
