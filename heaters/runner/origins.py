"""What each video came from, for those who name it: loaded at once, and for later arrivals one by one."""

from collections.abc import Sequence
from pathlib import Path

from heaters.store.db import Database
from heaters.store.queries import query


class Origins:
    """Sources by video. Threads must not share one."""

    def __init__(self, database: Database, scope: Sequence[int] | None) -> None:
        self._database = database
        self._known = self._load(None if scope is None else list(scope))

    def __getitem__(self, video_id: int) -> str:
        if video_id not in self._known:
            self._known |= self._load([video_id])
        return self._known.get(video_id, f"video {video_id}")

    def name(self, video_id: int) -> str:
        """The last part of the source: what a line of progress has room for."""
        source = self[video_id]
        return Path(source).name or source

    def _load(self, ids: list[int] | None) -> dict[int, str]:
        with self._database.transaction() as tx:
            rows = tx.execute(query("video_sources"), {"ids": ids}).fetchall()
        return {row["id"]: row["source"] for row in rows}
