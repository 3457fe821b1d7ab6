"""Review proxies that are wanted: by somebody who opens a video, or by files that are copied from one.

It makes none.
"""

import time
from collections.abc import Sequence

from heaters.core.pipeline import Change
from heaters.store.db import Database
from heaters.store.queries import query

VIDEOS_AT_ONCE = 1000
REST_SECONDS = 30.0  # between looks for clips that were approved since


def watch(database: Database, video_id: int) -> None:
    """Somebody wants to see a video: its proxy is due ahead of other work, where it has none."""
    with database.transaction() as tx:
        tx.execute(query("watch_video"), {"id": video_id})


class ForFiles:
    """Makes proxies due for the profile `proxy`. A driver calls `look` between its calls.

    Of videos prepared without one: those with approved clips, or `whole`, all of them, because the run approves.
    """

    def __init__(self, database: Database, scope: Sequence[int] | None, *, whole: bool) -> None:
        self._database = database
        self._scope = None if scope is None else list(scope)
        self._whole = whole
        self._rests_until = 0.0
        while self._announce():  # before the run fixes up to where its stages go
            pass

    def look(self) -> Change | None:
        """Look for clips that were approved since the last look, now and then."""
        if time.monotonic() < self._rests_until:
            return None
        self._rests_until = time.monotonic() + REST_SECONDS
        return Change.WATCHED if self._announce() else None

    def is_done(self) -> bool:
        """Clips that are approved from here on are another run's."""
        return True

    def _announce(self) -> int:
        given = {"scope": self._scope, "all": self._whole, "most": VIDEOS_AT_ONCE}
        with self._database.transaction() as tx:
            tx.execute(query("hold_off_cleaner"))
            return int(tx.execute(query("watch_for_files"), given).fetchone()["n"])  # type: ignore[index]
