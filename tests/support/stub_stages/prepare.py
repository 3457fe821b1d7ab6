"""`prepare`, waiting instead."""

from dataclasses import dataclass

from heaters.stages.base import StageCode
from stub_stages import Waiter, record


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """As the query gives it."""

    id: int
    content_hash: str
    source_key: str


STAGE = StageCode(input=Input, worker=Waiter, record=record)
