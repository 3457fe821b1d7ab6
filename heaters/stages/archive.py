"""Stage `archive`: delete the objects of an archived clip, verified. Run when an operator asks for it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from heaters.errors import StoreError
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageResult, Transaction, each
from heaters.store.objects import store_of
from heaters.store.queries import query

INPUT = "input_archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Every object made from a clip."""

    id: int
    keys: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveResult(StageResult):
    """The objects are gone; `bytes_freed` counts those that were still there."""

    objects_deleted: int
    bytes_freed: int

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.objects_deleted} objects, {self.bytes_freed / 1e6:.1f} MB freed"


Result = ArchiveResult


class Worker:
    """Deletes from the object store; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._store = store_of(settings)

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[ArchiveResult]]:
        del context
        return each(items, self._one)

    def _one(self, item: Input) -> ArchiveResult:
        begun = time.monotonic()
        there = [key for key in item.keys if self._store.stat(key) is not None]
        freed = self._store.delete(there)
        left = [key for key in there if self._store.stat(key) is not None]
        if left:
            raise StoreError(
                f"{len(left)} of {len(there)} objects of clip {item.id} are still there, the first is {left[0]}"
            )
        return ArchiveResult(objects_deleted=len(there), bytes_freed=freed, seconds=time.monotonic() - begun)


def record(tx: Transaction, item: Input, result: ArchiveResult) -> None:
    """Forget the clip's files."""
    del result
    tx.execute(query("record_archive"), {"id": item.id})
    tx.execute(query("forget_export"), {"id": item.id})
