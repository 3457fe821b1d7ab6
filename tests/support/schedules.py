"""Schedules on a Ray of several simulated nodes, by the real runner on a real database; stages only wait.

    python tests/support/schedules.py DATABASE_URL FILE

writes what ran where and when, by schedule, as JSON to FILE. It is a process of its own: Ray reads how it authenticates
when it is imported, and the tests of the session have another. Ports are free to choose and the folder of this Ray is
its own, so that nobody else finds it.
"""

import hashlib
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import ray
from psycopg.types.json import Jsonb
from ray.cluster_utils import Cluster
from waiting import wait_until

from heaters.core.pipeline import POOL_LABEL, SERVE_POOL, STAGES, Stage
from heaters.runner import calls
from heaters.runner.cluster import Cluster as Known
from heaters.runner.cluster import survey
from heaters.runner.events import Several
from heaters.runner.heartbeat import Heartbeat
from heaters.runner.loop import Runner
from heaters.runner.tasks import TaskStore
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query

GIB = 2**30
SMALL = {"memory_bytes": 1, "timeout_seconds": 60}
PREPARE = replace(STAGES["prepare"], **SMALL)
DETECT = replace(STAGES["detect"], **SMALL)
ON_CPU = replace(DETECT, gpus=0.0, resident=False, batch=1)

ADD = """
    insert into videos (source, state, content_hash, size_bytes, frame_count, source_key, analysis_key, proxy_key,
                        pts_key, time_base_num, time_base_den)
    values (%(name)s, 'downloaded', %(hash)s, %(size)s, 100, %(prepare)s, %(detect)s, 'p', 't', 1, 25) returning id
"""
RAN = """
    select v.stage, r.video_id, r.status::text, r.attempt, r.error, r.result->>'node' as node,
           (r.result->>'process')::int as process, (r.result->>'begun')::float8 as begun,
           (r.result->>'ended')::float8 as ended
    from stage_runs r join variants v on v.id = r.variant where r.video_id = any (%(ids)s) order by r.id
"""

Play: TypeAlias = "float | dict[str, Any]"


class Theatre:
    """The cluster and the database, and a way to run videos over them."""

    def __init__(self, url: str, home: Path) -> None:
        self.database = Database(url, patience_seconds=30)
        self.settings = Settings(home=home, database_url=url)
        # A dashboard would want a port that another Ray on this machine may have.
        head = {"num_cpus": 0, "include_dashboard": False, "dashboard_agent_listen_port": 0}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        ray.init(address=self.cluster.address, log_to_driver=False, configure_logging=False)
        self._count = 0

    def add(self, *, prepare: Play = 0.0, detect: Play = 0.0, size: int = 1000) -> int:
        """A downloaded video whose stages take so many seconds, or do what stub_stages says."""
        self._count += 1
        row = {
            "name": f"/videos/{self._count}",
            "hash": hashlib.sha256(str(self._count).encode()).hexdigest(),
            "size": size,
            "prepare": _play(prepare),
            "detect": _play(detect),
        }
        with self.database.transaction() as tx:
            video = int(tx.execute(ADD, row).fetchone()["id"])  # type: ignore[index]
            tx.execute(query("announce_videos"), {"kind": "downloaded", "ids": [video]})
        return video

    def run(self, videos: Sequence[int], *stages: Stage, cluster: Known | None = None) -> list[dict[str, Any]]:
        """Run stages over videos until nothing is left, at first on what is known; what ran where."""
        tasks = TaskStore(self.database, self.settings, driver="theatre", scope=videos)
        beats = Database(self.settings.database_url, max_size=1)
        with Heartbeat(beats, tasks.driver, lease_seconds=60, on_trouble=print) as heartbeat:
            runner = Runner(
                settings=self.settings,
                tasks=tasks,
                heartbeat=heartbeat,
                cluster=cluster or survey(owned=False),
                stages=stages,
                observer=Several(),
                package="stub_stages",
            )
            assert runner.run()
        with self.database.transaction() as tx:
            return list(tx.execute(RAN, {"ids": list(videos)}).fetchall())  # type: ignore[call-overload]

    def failures(self, videos: Sequence[int]) -> list[dict[str, Any]]:
        """What failed of videos and is not done."""
        with self.database.transaction() as tx:
            statement = "select video_id, failures, error_type, next_attempt_at is null as dead from failures"
            return [row for row in tx.execute(statement).fetchall() if row["video_id"] in videos]


def _play(asked: Play) -> str:
    return json.dumps({"seconds": 0.0, **(asked if isinstance(asked, dict) else {"seconds": asked})})


def affinity(theatre: Theatre) -> dict[str, Any]:
    """Two stages of six videos, three times: the second one where the first one was, where there is always room."""
    runs = []
    for _ in range(3):
        runs += theatre.run([theatre.add(prepare=0.3, detect=0.1) for _ in range(6)], PREPARE, ON_CPU)
    return {"runs": runs}


def slow_one(theatre: Theatre) -> dict[str, Any]:
    """One huge and slow video first in the queue, and thirty others, through a task and a resident stage."""
    slow = theatre.add(prepare=4.0, detect=4.0, size=100 * GIB)
    others = [theatre.add(prepare=0.05, detect=0.05) for _ in range(30)]
    return {"slow": slow, "runs": theatre.run([slow, *others], PREPARE, DETECT)}


def full_disk(theatre: Theatre) -> dict[str, Any]:
    """Twelve sources of 40 GiB: of two nodes' 128 GiB in flight."""
    return {"runs": theatre.run([theatre.add(prepare=0.4, size=40 * GIB) for _ in range(12)], PREPARE)}


def two_on_gpus(theatre: Theatre) -> dict[str, Any]:
    """Two resident stages, each of which alone would fill all GPUs for long."""
    first = replace(PREPARE, gpus=0.5, resident=True)
    second = replace(DETECT, gpus=0.5, batch=1)
    return {"runs": theatre.run([theatre.add(prepare=0.3, detect=0.3) for _ in range(100)], first, second)}


def handed_over(theatre: Theatre) -> dict[str, Any]:
    """Two resident stages one after the other, on CPUs and of one size."""
    first, second = (replace(stage, gpus=0.0, resident=True, batch=1) for stage in (PREPARE, DETECT))
    return {"runs": [run for _ in range(3) for run in theatre.run([theatre.add(prepare=0.1)], first, second)]}


def one_node_more(theatre: Theatre) -> dict[str, Any]:
    """A node that was not there when the runner connected."""
    before = survey(owned=False)
    theatre.cluster.add_node(num_cpus=4, num_gpus=1)
    return {"runs": theatre.run([theatre.add(prepare=0.4) for _ in range(160)], PREPARE, cluster=before)}


def node_dies(theatre: Theatre) -> dict[str, Any]:
    """A node goes, with all that runs on it, in the middle of a task stage and a resident one."""
    going = theatre.cluster.add_node(num_cpus=4, num_gpus=1)
    with tempfile.TemporaryDirectory() as marks:
        removing = threading.Thread(target=_remove, args=(theatre, going, Path(marks, going.node_id)))
        removing.start()
        detect = {"seconds": 0.5, "marks": marks}
        runs = theatre.run([theatre.add(prepare=0.5, detect=detect) for _ in range(60)], PREPARE, DETECT)
        removing.join()
    return {"gone": going.node_id, "runs": runs}


def _remove(theatre: Theatre, node: Any, mark: Path) -> None:
    """Take a node away while it works."""
    wait_until(mark.exists, "work on the node that goes", timeout_seconds=60)
    theatre.cluster.remove_node(node, allow_graceful=False)


def late_start(theatre: Theatre) -> dict[str, Any]:
    """Calls that wait at Ray for much longer than their stage allows for the work."""
    holder = ray.remote(num_cpus=4)(_hold)
    busy = [holder.remote(4.0) for _ in range(2)]
    runs = theatre.run([theatre.add(prepare=0.1) for _ in range(3)], replace(PREPARE, timeout_seconds=1))
    ray.get(busy)
    return {"runs": runs}


def _hold(seconds: float) -> None:
    time.sleep(seconds)


def hangs(theatre: Theatre) -> dict[str, Any]:
    """A video whose worker hangs, and another one."""
    videos = [theatre.add(prepare=60.0), theatre.add(prepare=0.1)]
    return {"videos": videos, "runs": theatre.run(videos, replace(PREPARE, timeout_seconds=1, attempts=1))}


def poison(theatre: Theatre) -> dict[str, Any]:
    """One of 24 items of a resident stage kills whatever process it is in."""
    bad = theatre.add(detect={"kills": True})
    others = [theatre.add() for _ in range(23)]
    stage = replace(DETECT, gpus=0.0, batch=24)
    runs = theatre.run([*others[:10], bad, *others[10:]], PREPARE, stage)
    return {"bad": bad, "others": others, "runs": runs, "failures": theatre.failures([bad, *others])}


def unfit_node(theatre: Theatre) -> dict[str, Any]:
    """On one node no worker of a stage can be built."""
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    folder = theatre.settings.home / "unfit"
    folder.mkdir(parents=True)
    (folder / nodes[0]).touch()
    runs = theatre.run([theatre.add(prepare=0.3) for _ in range(12)], PREPARE)
    (folder / nodes[0]).unlink()
    return {"node": nodes[0], "runs": runs}


def one_stretch(theatre: Theatre) -> dict[str, Any]:
    """One stretch of 40 clips, and nothing else to do on eight CPUs; then another one, of which a call dies."""
    found: dict[str, Any] = {"calls": []}
    folder = theatre.settings.home / "calls"
    for is_poisoned in (False, True):
        folder.mkdir()
        video = theatre.add()
        with theatre.database.transaction() as tx:
            bounds = [100 * n // 40 for n in range(41)]
            clips = [{"start_frame": a, "end_frame": b, "start_pts": a, "end_pts": b} for a, b in pairwise(bounds)]
            cuts = [{"frame": f, "pts": f, "kind": "hard", "confidence": 0.9, "metadata": {}} for f in bounds[1:-1]]
            tx.execute(query("record_cuts"), {"id": video, "cuts": Jsonb(cuts), "created_by": "theatre"})
            tx.execute(query("record_clips"), {"id": video, "clips": Jsonb(clips)})
            tx.execute("update videos set state = 'cut' where id = %s", [video])
            tx.execute(query("announce"), {"kind": "clips", "video_ids": [video], "stretches": [0]})
            last = tx.execute("select max(id) as id from clips where video_id = %s", [video]).fetchone()["id"]  # type: ignore[index]
        if is_poisoned:
            (theatre.settings.home / "poison").write_text(str(last))
        theatre.run([video], replace(STAGES["keyframes"], batch=5, **SMALL))
        with theatre.database.transaction() as tx:
            statement = "select count(*) as n from stills s join clips c on c.id = s.clip_id where c.video_id = %s"
            assert tx.execute(statement, [video]).fetchone()["n"] == 40  # type: ignore[index]
        found["calls"].append([json.loads(file.read_text()) for file in folder.iterdir()])
        shutil.rmtree(folder)
    return found


SCHEDULES: tuple[Callable[[Theatre], dict[str, Any]], ...] = (
    unfit_node,  # first: processes that have built a stage would go on
    affinity,
    slow_one,
    full_disk,
    two_on_gpus,
    handed_over,
    late_start,
    hangs,
    poison,
    one_stretch,
    one_node_more,
    node_dies,
)


def main(url: str, file: Path) -> None:
    """Two nodes for work and one that serves; each schedule in turn."""
    begun = time.monotonic()
    calls.HANG_SECONDS = 1.0
    theatre = Theatre(url, file.parent / "home")
    for _ in range(2):
        theatre.cluster.add_node(num_cpus=4, num_gpus=1)
    serving = theatre.cluster.add_node(num_cpus=4, num_gpus=1, labels={POOL_LABEL: SERVE_POOL})
    answers: dict[str, Any] = {"serving": serving.node_id, "survey": asdict(survey(owned=False))}
    for schedule in SCHEDULES:
        answers[schedule.__name__] = schedule(theatre)
        print(schedule.__name__, time.monotonic() - begun, flush=True)  # for when a later one never ends
    theatre.database.close()
    ray.shutdown()
    theatre.cluster.shutdown()
    file.write_text(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
