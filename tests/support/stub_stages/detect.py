"""`detect`, waiting instead."""

from dataclasses import dataclass

from heaters.stages.base import StageCode
from stub_stages import Waiter, record


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


STAGE = StageCode(input=Input, worker=Waiter, record=record)
