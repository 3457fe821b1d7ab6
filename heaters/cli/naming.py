"""How a command is told which video is meant. It is imported by nearly all of them, so it imports little."""

from typing import Annotated

import typer

from heaters.errors import UsageError
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.submit import normalised

MOST_ID = 2**63 - 1  # what the database can count to
Video = Annotated[str, typer.Argument(help="A video: its number or its source.")]


def video_id(database: Database, video: str) -> int:
    """The id of a video given by number or source. Raises UsageError when there is none."""
    with database.transaction() as tx:
        if video.isdecimal():
            rows = tx.execute(query("videos"), {"ids": [int(video)] if int(video) <= MOST_ID else []}).fetchall()
            found = rows[0] if rows else None
        else:
            found = tx.execute(query("find_video"), {"source": normalised(video), "content_hash": None}).fetchone()
    if found is None:
        raise UsageError(f"there is no video {video}; `heaters status` lists them")
    return int(found["duplicate_of"] or found["id"])
