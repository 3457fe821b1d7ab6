"""Many videos under random kills: every one done once or failed with a reason, and nothing left over.

The short form kills for some seconds; `make faults` has 200 videos and ten minutes.
"""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from command import Heaters
from outcome import check_rules, check_tiles
from processes import descendants, is_ffmpeg, is_task
from rows import one, rows
from shots import write_films, write_manifest

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
    write_films(folder, VIDEOS, dice, shots=3, frames_each=range(12, 52))
    (folder / "broken.mp4").write_bytes(b"\0" * 5000)
    assert heaters("submit", write_manifest(tmp_path / "all.txt", folder)).code == 0

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
    check_tiles(db)
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
