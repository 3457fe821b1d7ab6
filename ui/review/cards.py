"""What the page is told of a clip: its frames in time, its cuts, its neighbours, where its pictures are."""

from collections.abc import Sequence
from typing import Any

from heaters.core.shapes import Shapes
from heaters.errors import HeatersError
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.tracks import Tracks
from ui.media import mark
from ui.review.track import Window, curve, times

_SHOWN = (
    *("id", "version", "state", "video_id", "start_frame", "end_frame", "group_id", "reviewed_by", "held_by"),
    *("frame_count", "duration_seconds", "width", "height", "is_vfr", "has_audio", "number", "clips"),
    *("start_kind", "start_confidence", "end_kind", "end_confidence"),
)

# A table that cannot be read costs its clip, not the reviewer's whole queue.
UNREADABLE = (HeatersError, ValueError, OSError, KeyError, IndexError)


class Cards:
    """Makes cards. Threads may share it."""

    def __init__(self, database: Database, tracks: Tracks) -> None:
        self._database = database
        self._tracks = tracks

    def of(self, ids: Sequence[int], reviewer: str) -> list[dict[str, Any]]:
        """The cards of these clips, in this order; those that are not there are left out."""
        if not ids:
            return []
        with self._database.transaction() as tx:
            rows = tx.execute(query("review_cards"), {"ids": list(ids), "reviewer": reviewer}).fetchall()
        return [self._card(row) for row in rows]

    def _card(self, row: dict[str, Any]) -> dict[str, Any]:
        card = {name: row[name] for name in _SHOWN}
        window = Window.around(row)
        shapes = Shapes.stored(row["shapes"])
        if shapes is not None:
            card["width"], card["height"] = shapes.size(0, row["end_frame"] - row["start_frame"])
        card |= {
            "title": row["title"] or str(row["source"]).rstrip("/").rpartition("/")[2],
            "is_gone": row["is_retired"],
            "window": [window.start_frame, window.end_frame],
            "time_base": [row["time_base_num"], row["time_base_den"]],
            "proxy": proxy_address(row["video_id"], row["proxy_key"]),
            "master": f"/media/videos/{row['video_id']}/master" if row["is_playable"] else None,
            "poster": f"/media/clips/{row['id']}/poster",
            "previous": _neighbour(row, "previous", "start_frame"),
            "next": _neighbour(row, "next", "end_frame"),
            "times": None,
            "curves": None,
            "problem": "",
        }
        try:
            card["times"] = times(self._tracks.pts(row["pts_key"]), window)
            if row["probabilities_key"]:
                heads = self._tracks.probabilities(row["probabilities_key"])
                card["curves"] = [curve(head, window) for head in heads]
        except UNREADABLE as error:
            card["problem"] = f"the frames of video {row['video_id']} cannot be read: {error}"
        return card


def proxy_address(video_id: int, key: str | None) -> str | None:
    """Where a video's review proxy is; None while there is none."""
    return None if key is None else f"/media/videos/{video_id}/proxy?v={mark(key)}"


def _neighbour(row: dict[str, Any], side: str, far_end: str) -> dict[str, Any] | None:
    if row[f"{side}_id"] is None:
        return None
    return {
        "id": row[f"{side}_id"],
        "version": row[f"{side}_version"],
        "state": row[f"{side}_state"],
        far_end: row[f"{side}_{far_end}"],
    }
