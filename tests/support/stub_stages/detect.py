"""`detect`, waiting instead."""

from dataclasses import dataclass

from stub_stages import Waiter as Worker
from stub_stages import record

__all__ = ["INPUT", "Input", "Worker", "record"]

INPUT = "input_detect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """As the query gives it."""

    id: int
    content_hash: str
    analysis_key: str
    pts_key: str
    frame_count: int
    time_base_num: int
    time_base_den: int
