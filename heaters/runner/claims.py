"""What a driver holds: claims, and how they end. Values only; `tasks.py` is their way to PostgreSQL."""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from heaters.core.address import redact
from heaters.core.names import readable
from heaters.errors import StageError
from heaters.stages.base import StageResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One attempt at a stage of a video (stretch 0), or of a stretch of its clips. `losses` counts earlier attempts
    that ended with their driver, worker or node; after one of these `is_alone` may ask that items run one at a time.
    """

    video_id: int
    stretch: int
    attempt: int
    losses: int = 0
    is_alone: bool = False
    size_bytes: int = 0  # of the video's source


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one claim statement gave. `at_end`: nothing more is due in the changes there are."""

    claims: tuple[Claim, ...] = ()
    at_end: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Items of a claim that are done or failed: all of them, or with `goes_on` some, and the claim is held still."""

    claim: Claim
    items: Sequence[Any] = ()
    outcomes: Sequence[StageResult | StageError] = ()
    goes_on: bool = False

    @property
    def done(self) -> list[tuple[Any, StageResult]]:
        return [(i, o) for i, o in zip(self.items, self.outcomes, strict=True) if not isinstance(o, StageError)]

    @property
    def failed(self) -> list[tuple[Any, StageError]]:
        return [(i, o) for i, o in zip(self.items, self.outcomes, strict=True) if isinstance(o, StageError)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What the database made of a failure: the item is dead, or tried again after `delay_seconds`. `clip_id` is 0 for a
    video as a whole; `failures` counts those of the item so far, of which its stage allows `max_failures`.
    """

    video_id: int
    clip_id: int
    error_type: str
    error: str
    failures: int
    max_failures: int
    dead: bool
    delay_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What became of ended claims: `recorded` are in the database, with `failures`; `fenced` were another's by then."""

    recorded: tuple[Ended, ...] = ()
    failures: tuple[Failure, ...] = ()
    fenced: tuple[Claim, ...] = field(default=())


def driver_name() -> str:
    """Unique for each start of each driver, readable in a listing."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"


def text_of(error: BaseException) -> str:
    """An error's message as the database can hold it, and as people may see it."""
    text = readable(redact(str(error)))
    return text[:4000] or type(error).__name__
