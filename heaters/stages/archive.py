"""Stage `archive`: delete the objects of an archived clip, verified. Run when an operator asks for it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from heaters.core.made import made_keys
from heaters.errors import StoreError
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each
from heaters.store.objects import store_of
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An archived clip and what was made from it: strategies of stills; profiles and parameters of files."""

    id: int
    video_id: int
    stretch: int
    content_hash: str
    start_frame: int
    end_frame: int
    strategies: list[str]
    files: list[str]  # "profile params"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveResult(StageResult):
    """The objects are gone; `bytes_freed` counts those that were still there."""

    objects_deleted: int
    bytes_freed: int

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.objects_deleted} objects, {self.bytes_freed / 1e6:.1f} MB freed"


def objects(item: Input) -> list[str]:
    """The keys of every object made from a clip."""
    span = (item.content_hash, item.start_frame, item.end_frame)
    return made_keys(*span, strategies=item.strategies, files=item.files)


class Worker:
    """Deletes from the object store; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._store = store_of(settings)

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[ArchiveResult]]:
        del context
        return each(items, self._one)

    def _one(self, item: Input) -> ArchiveResult:
        begun = time.monotonic()
        there = [key for key in objects(item) if self._store.stat(key) is not None]
        freed = self._store.delete(there)
        left = [key for key in there if self._store.stat(key) is not None]
        if left:
            raise StoreError(
                f"{len(left)} of {len(there)} objects of clip {item.id} are still there, the first is {left[0]}"
            )
        return ArchiveResult(objects_deleted=len(there), bytes_freed=freed, seconds=time.monotonic() - begun)


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, ArchiveResult]]) -> None:
    """Forget the clips' files."""
    del variant
    tx.execute(query("record_archive"), {"clip_ids": [item.id for item, _ in done]})


STAGE = StageCode(input=Input, worker=Worker, record=record)
