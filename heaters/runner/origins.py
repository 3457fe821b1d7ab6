"""What each video came from, for those who name it in lines of progress and logs."""

from collections import OrderedDict
from pathlib import Path

from heaters.core.address import Address
from heaters.store.db import Database
from heaters.store.queries import query

MOST_KNOWN = 10_000


class Origins:
    """Sources by video, those asked for last remembered. Threads must not share one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[int, str | Address] = OrderedDict()

    def __getitem__(self, video_id: int) -> str | Address:
        if video_id not in self._known:
            with self._database.transaction() as tx:
                row = tx.execute(query("video_source"), {"id": video_id}).fetchone()
            self._known[video_id] = row["source"] if row else f"video {video_id}"
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return self._known[video_id]

    def name(self, video_id: int) -> str:
        """The last part of the source: what a line of progress has room for."""
        source = str(self[video_id])
        return Path(source).name or source
