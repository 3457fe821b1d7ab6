"""Withdrawing videos once their rows are gone: objects, what this machine keeps, which datasets hold clips still."""

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from heaters.core.address import whole
from heaters.core.names import path_of
from heaters.dataset.holders import Holder, holders, outputs
from heaters.settings import Settings
from heaters.stages.tidy import tidy
from heaters.store.db import Database
from heaters.store.objects import Deleted
from heaters.store.withdrawals import Withdrawals, Withdrawn

LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is withdrawn now, what was deleted for it, which datasets hold clips of it, and who still works on it."""

    withdrawn: tuple[Withdrawn, ...]
    deleted: Deleted
    datasets: tuple[Holder, ...]
    at_work: tuple[dict[str, Any], ...]

    @property
    def code(self) -> int:
        """The exit code of a command: 1 where something is not finished."""
        return 1 if any(one.finished_at is None for one in self.withdrawn) else 0

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "withdrawn": [withdrawn_row(one) for one in self.withdrawn],
            "unfinished": sum(one.finished_at is None for one in self.withdrawn),
            "objects_deleted": self.deleted.objects,
            "bytes_freed": self.deleted.size_bytes,
            "datasets": [asdict(holder) for holder in self.datasets],
            "at_work": list(self.at_work),
        }


def withdrawn_row(one: Withdrawn) -> dict[str, Any]:
    """A tombstone as a line of a listing."""
    return {
        "video_id": one.video_id,
        "source": str(one.source),
        "content_hash": one.content_hash,
        "title": one.title,
        "clips": one.clips,
        "reason": one.reason,
        "by": one.withdrawn_by,
        "at": one.withdrawn_at.isoformat(),
        "finished": one.finished_at is not None,
    }


def clear(
    settings: Settings,
    database: Database,
    withdrawals: Withdrawals,
    sources: Sequence[str] | None,
    more_datasets: Sequence[str] = (),
    *,
    wait_seconds: float = 0.0,
) -> Report:
    """Delete what is left of these withdrawals (None: of all that are not finished), and say how they stand.

    Waits up to `wait_seconds` for drivers that work on the videos. Raises StoreError.
    """
    begun = time.monotonic()
    before = tuple(withdrawals.tombstones(sources, unfinished=sources is None))
    chosen = [whole(one.source) for one in before]
    deleted = sum(withdrawals.clear(chosen), Deleted())
    while _is_any_left(withdrawals, chosen) and time.monotonic() - begun < wait_seconds:
        time.sleep(LOOK_SECONDS)
        deleted += sum(withdrawals.clear(chosen), Deleted())
    after = tuple(withdrawals.tombstones(chosen))
    contents = {one.content_hash for one in after if one.content_hash}
    _forget_here(settings, after)
    looked = list(dict.fromkeys([*outputs(database), *more_datasets])) if contents else []
    return Report(
        withdrawn=after,
        deleted=deleted,
        datasets=tuple(holders(settings, looked, contents)),
        at_work=tuple(withdrawals.at_work([one.video_id for one in after])),
    )


def _is_any_left(withdrawals: Withdrawals, chosen: Sequence[str]) -> bool:
    return next(withdrawals.tombstones(chosen, unfinished=True), None) is not None


def _forget_here(settings: Settings, withdrawn: Sequence[Withdrawn]) -> None:
    """Delete what this machine keeps of them: caches, pictures, partial downloads, and files that came by the UI."""
    tidy(
        settings,
        contents=frozenset(one.content_hash for one in withdrawn if one.content_hash),
        videos=frozenset(one.video_id for one in withdrawn),
    )
    for one in withdrawn:
        path = Path(path_of(whole(one.source)))
        if path.parent.parent == settings.uploads_folder:
            with suppress(FileNotFoundError):
                shutil.rmtree(path.parent)
