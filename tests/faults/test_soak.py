"""Many videos under random kills: every one done once or failed with a reason, and nothing left over.

The short form kills for some seconds; `make faults` has 200 videos and ten minutes.
"""

import os
import random
import signal
import time
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from command import Heaters
from outcome import check_rules
from processes import descendants, is_ffmpeg, is_task
from rows import one, rows
from shots import PHOTOS, write_film

from heaters.store.db import Database

IS_LONG = "HEATERS_REPEAT" in os.environ
VIDEOS, KILL_SECONDS = (200, 600.0) if IS_LONG else (3, 10.0)
DRAIN_SECONDS = 3000 if IS_LONG else 240
pytestmark = [pytest.mark.faults, pytest.mark.timeout(KILL_SECONDS + 2 * DRAIN_SECONDS)]

SHORT_LEASE = {"HEATERS_LEASE_SECONDS": "3"}
# What may be killed, by the start of its command line; a driver is killed by its pid.
VICTIMS = {
    "task": is_task,
    "ffmpeg": is_ffmpeg,
    "probe": lambda command: "heaters.media.probe" in command,
}


def test_nothing_is_lost_or_doubled(heaters: Heaters, db: Database, tmp_path: Path) -> None:
    dice = random.Random(7)
    folder = tmp_path / "films"
    folder.mkdir()
    # No two alike: equal bytes are one video.
    kinds = [(shots, frames) for shots in permutations(PHOTOS, 3) for frames in range(12, 52)]
    for number, (shots, frames) in enumerate(dice.sample(kinds, VIDEOS)):
        write_film(folder / f"{number:03d}.mp4", shots, frames_each=frames)
    (folder / "broken.mp4").write_bytes(b"\0" * 5000)
    (tmp_path / "all.txt").write_text("\n".join(map(str, sorted(folder.iterdir()))))
    assert heaters("submit", tmp_path / "all.txt").code == 0

    killed: Counter[str] = Counter()
    ends = time.monotonic() + KILL_SECONDS
    driver = heaters.start("run", "--auto-approve", "--json", **SHORT_LEASE)
    while time.monotonic() < ends:
        time.sleep(dice.uniform(0.2, 3.0))
        if driver.poll() is not None:
            driver.communicate(timeout=60)
            if driver.returncode in (0, 1) and not left(db):
                break
            driver = heaters.start("run", "--auto-approve", "--json", **SHORT_LEASE)
        kind = dice.choice([*VICTIMS, "driver"])
        if kind == "driver":
            driver.kill()
            killed[kind] += 1
            continue
        found = [pid for pid, command in descendants() if VICTIMS[kind](command)]
        if found:
            os.kill(dice.choice(found), signal.SIGKILL)
            killed[kind] += 1
    driver.kill()
    driver.communicate(timeout=60)
    heaters("retry", "--json")  # a video whose workers were killed as often as it has attempts
    ran = heaters("run", "--auto-approve", "--json", timeout_seconds=DRAIN_SECONDS, **SHORT_LEASE)
    assert ran.code == 1, ran.err  # the broken one
    report(db, killed)

    assert sum(killed.values()) > 0
    assert one(db, "select count(*) from videos where state = 'cut'") == VIDEOS
    (broken,) = rows(db, "select source, state::text from videos where state <> 'cut'")
    assert broken == {"source": str(folder / "broken.mp4"), "state": "new"}
    undone = "select count(*) from clips c where c.retired_at is null and (c.state <> 'review_approved' "
    for table in ("stills", "facts", "embeddings", "exports"):
        undone += f"or not exists (select from {table} d where d.clip_id = c.id) "
    assert one(db, undone + ")") == 0
    dead = rows(db, "select v.stage, f.error_type, f.error from failures f join variants v on v.id = f.variant")
    assert [(row["stage"], row["error_type"]) for row in dead] == [("download", "MediaError")]
    tiles = "select count(*) from (select video_id, sum(end_frame - start_frame) as n from clips where retired_at is null group by 1) c join videos v on v.id = c.video_id where c.n <> v.frame_count"  # noqa: E501
    assert one(db, tiles) == 0
    check_rules(db, Path(heaters.environment["HEATERS_HOME"]) / "media")


def left(db: Database) -> int:
    """Videos that are not cut, but for the broken one."""
    return int(one(db, "select count(*) from videos where state <> 'cut'")) - 1


def report(db: Database, killed: Counter[str]) -> None:
    """The counts, for whoever watches."""
    attempts = rows(
        db,
        "select v.stage, r.status::text, count(*) as n from stage_runs r join variants v on v.id = r.variant "
        "group by 1, 2 order by 1, 2",
    )
    print(f"{VIDEOS} videos; killed: {dict(killed)}")
    for row in attempts:
        print(f"  {row['stage']:<10} {row['status']:<9} {row['n']}")
