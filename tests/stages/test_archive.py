"""Archived clips lose their objects, and every row that says these are there."""

from made import add_stills
from rows import add_clips, add_video, rows

from heaters.stages.archive import STAGE, ArchiveResult, Input
from heaters.store.db import Database


def test_a_retired_clip_of_the_same_frames_has_no_stills_either(db: Database) -> None:
    video = add_video(db, "a", "cut")
    first, other = add_clips(db, video, [50])
    add_stills(db, [first, other], "multi", [[b"a"] * 3, [b"b"] * 3])
    with db.transaction() as tx:  # split and merged again: the same frames, another clip
        tx.execute("update clips set state = 'retired', retired_at = now() where id = %s", (first,))
        row = tx.execute(
            "insert into clips (video_id, start_frame, end_frame, start_pts, end_pts, seconds, state) "
            "values (%s, 0, 50, 0, 50, 2, 'review_archived') returning id",
            (video,),
        ).fetchone()
    assert row is not None
    add_stills(db, [row["id"]], "multi", [[b"a"] * 3])
    frames = {"start_frame": 0, "end_frame": 50}
    item = Input(
        id=row["id"], video_id=video, stretch=0, content_hash="0" * 64, **frames, strategies=["multi"], files=[]
    )
    with db.transaction() as tx:
        STAGE.record(tx, 1, [(item, ArchiveResult(seconds=0.1, objects_deleted=3, bytes_freed=3))])
    assert rows(db, "select clip_id from stills") == [{"clip_id": other}]
