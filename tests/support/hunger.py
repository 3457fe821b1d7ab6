"""A node whose memory runs out under a task and under an actor: `python tests/support/hunger.py DATABASE_URL FILE`.

Ray ends the process that takes too much, as on a real node; only its threshold is lower here: what is in use now, and
a bit. Writes what ran as JSON to FILE.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import ray
from ray._common.utils import get_system_memory
from ray._private.utils import get_used_memory
from schedules import DETECT, PREPARE, Theatre

from heaters.runner import blame, endings, loop

ROOM_BYTES = 2 * 2**30
MEAL_BYTES = 4 * 2**30
ORDINARY = 6
MOST_LOST = 3


def main(url: str, file: Path) -> None:
    """One that always eats, one that does once, in each of two stages; and some that do not."""
    threshold = (get_used_memory() + ROOM_BYTES) / get_system_memory()
    os.environ.update(RAY_memory_monitor_refresh_ms="100", RAY_memory_usage_threshold=str(threshold))
    endings.MAX_LOSSES = loop.MAX_LOSSES = MOST_LOST  # ten losses as they are take minutes
    blame._TABLE = tuple(
        (kind, *(replace(row, delay_seconds=row.delay_seconds * 0.03) for row in rows)) for kind, *rows in blame._TABLE
    )
    theatre = Theatre(url, file.parent / "home")
    theatre.cluster.add_node(num_cpus=2)
    always = {"eats_bytes": MEAL_BYTES}
    videos = {
        "always in a task": theatre.add(prepare=always),
        "always in an actor": theatre.add(detect=always),
        "once in a task": theatre.add(prepare={**always, "once": str(file.parent / "task")}),
        "once in an actor": theatre.add(detect={**always, "once": str(file.parent / "actor")}),
        **{f"never {n}": theatre.add(prepare={"seconds": 0.2}) for n in range(ORDINARY)},
    }
    runs = theatre.run(list(videos.values()), PREPARE, DETECT)
    theatre.database.close()
    ray.shutdown()
    theatre.cluster.shutdown()
    file.write_text(json.dumps({"videos": videos, "runs": runs, "most_lost": MOST_LOST}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
