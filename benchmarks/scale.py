"""The runner with stages that only wait, on 1, 4 and 16 simulated nodes: what scheduling itself costs.

    python benchmarks/scale.py [--videos 1000] [--cut-videos 300] [--clips 50] [--nodes 1,4,16] [--cpus 4] [--speed 20]

A video goes through the whole table: three stages, its clips through four more. Per number of nodes it prints the
time to drain against the ideal (all work ÷ all CPUs), the driver's CPU time and the SQL statements for each item (a
video or clip in one stage), and writes the section into RESULTS.md. A second run at each number has videos that are cut
already, and tells what a clip costs in one stage. Simulated nodes are processes of this machine: many take its cores
from the driver.
"""

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import results
from drivers import Driver

from heaters import embedded
from heaters.core.pipeline import Stage, machine_stages
from heaters.settings import Settings
from heaters.store.approval import Approver
from heaters.store.db import BY_INDEX, Database
from heaters.store.open import open_database
from heaters.store.queries import query
from heaters.submit import submit_all

ROOT = Path(__file__).resolve().parent.parent
HEAD = (
    "nodes", "CPUs", "stages", "items", "drained in s", "ideal s", "ideal ÷ drained", "driver's CPU ms an item",
    "statements an item", "items/s",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One drain."""

    nodes: int
    cpus: int
    stages: str
    items: int
    seconds: float
    ideal_seconds: float
    driver_seconds: float
    statements: int

    def row(self) -> list[str]:
        """Its line of the table."""
        return [
            str(self.nodes), str(self.cpus), self.stages, f"{self.items:,}", f"{self.seconds:.1f}",
            f"{self.ideal_seconds:.1f}", f"{self.ideal_seconds / self.seconds:.2f}",
            f"{self.driver_seconds / self.items * 1000:.3f}", f"{self.statements / self.items:.3f}",
            f"{self.items / self.seconds:.0f}",
        ]  # fmt: skip


class Statements:
    """Counts what this process asks PostgreSQL."""

    def __init__(self) -> None:
        self.count = 0
        plain = psycopg.Cursor.execute

        def counted(cursor: Any, *arguments: Any, **options: Any) -> Any:
            self.count += 1
            return plain(cursor, *arguments, **options)

        psycopg.Cursor.execute = counted  # type: ignore[method-assign]


def stages(names: Collection[str]) -> tuple[Stage, ...]:
    """Rows of the table as plain CPU work, so that the ideal is all work ÷ all CPUs; batches as they are."""
    return tuple(replace(s, gpus=0.0, resident=False, memory_bytes=1) for s in machine_stages() if s.name in names)


def nap() -> None:
    """Import what a call imports, and wait long enough for Ray to start another worker for the next one."""
    importlib.import_module("heaters.runner.pools")
    importlib.import_module("benchmarks.scale_stages")
    time.sleep(5.0)


def drain(database: Database, settings: Settings, nodes: int, cpus: int, names: Collection[str]) -> tuple[float, float]:
    """Wall seconds, and CPU seconds of this process, from the first claim to nothing left."""
    import ray
    from ray.cluster_utils import Cluster

    from heaters.runner.cluster import survey
    from heaters.runner.events import Several
    from heaters.runner.heartbeat import Heartbeat
    from heaters.runner.loop import Runner
    from heaters.runner.tasks import TaskStore

    head = {"num_cpus": 0, "include_dashboard": False, "dashboard_agent_listen_port": 0}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(nodes):
        cluster.add_node(num_cpus=cpus)
    ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
    warm = ray.remote(nap)  # worker processes start and import once; that is not the scheduler's time
    ray.get([warm.remote() for _ in range(nodes * cpus)])
    tasks = TaskStore(database, settings, driver="scale", scope=None)
    with Heartbeat(Database(database.url, max_size=1), "scale", lease_seconds=60, on_trouble=print) as heartbeat:
        runner = Runner(
            settings=settings,
            tasks=tasks,
            heartbeat=heartbeat,
            cluster=survey(owned=False),
            stages=stages(names),
            observer=Several(),
            side_tasks=[Approver(database, None, reviewer="scale")],
            package="benchmarks.scale_stages",
        )
        begun, busy = time.monotonic(), time.process_time()
        assert runner.run()
        measured = time.monotonic() - begun, time.process_time() - busy
    ray.shutdown()
    cluster.shutdown()
    return measured


def measure(home: Path, videos: int, nodes: int, cpus: int, statements: Statements, *, whole: bool) -> Measured:
    """A fresh database with so many videos, drained: by the whole table, or by the stages of clips alone."""
    from benchmarks.scale_stages import CLIPS, OF_CLIPS, OF_VIDEOS, seconds_of

    settings = Settings(home=home)
    database = open_database(settings)
    for _ in submit_all(database, (f"https://host{number}.example/film.mp4" for number in range(videos))):
        pass
    names = (*OF_VIDEOS, *OF_CLIPS) if whole else OF_CLIPS
    if not whole:
        Driver(database, settings, "before").drain(*OF_VIDEOS)
    before = statements.count
    ours = database.like(application_name="scale", max_size=4, patience_seconds=5.0, options=BY_INDEX)
    seconds, driver_seconds = drain(ours, settings, nodes, cpus, names)
    asked = statements.count - before
    with database.transaction() as tx:
        given = {"scope": None, "stage": None, "error_type": None, "dead": None, "before": None, "limit": 1}
        failures = tx.execute(query("open_failures"), given).fetchall()
    if failures:
        raise SystemExit(f"the stages do not go through, so their time tells nothing: {failures[0]}")
    ours.close()
    database.close()
    embedded.release(home)
    items = {name: videos if name in OF_VIDEOS else videos * CLIPS for name in names}
    work = sum(seconds_of(name, n) for name in names for n in range(1, items[name] + 1))
    return Measured(
        nodes=nodes,
        cpus=nodes * cpus,
        stages="all" if whole else "of clips",
        items=sum(items.values()),
        seconds=seconds,
        ideal_seconds=work / (nodes * cpus),
        driver_seconds=driver_seconds,
        statements=asked,
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--cut-videos", type=int, default=300, help="of the second run")
    parser.add_argument("--clips", type=int, default=50, help="of each video")
    parser.add_argument("--nodes", default="1,4,16")
    parser.add_argument("--cpus", type=int, default=4, help="of each node")
    parser.add_argument("--speed", type=float, default=20.0, help="so many times faster than recorded")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    os.environ |= {
        "SCALE_SPEED": str(options.speed),
        "SCALE_CLIPS": str(options.clips),
        "PYTHONPATH": f"{ROOT}:{ROOT}/benchmarks",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    }
    sys.path.insert(0, str(ROOT))
    statements = Statements()
    found = []
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:  # short: Ray's sockets lie in it
        os.environ["RAY_TMPDIR"] = folder  # its own: others find the latest Ray by the usual one
        for nodes in map(int, options.nodes.split(",")):
            for whole in (True, False):
                home = Path(folder) / f"home{len(found)}"
                videos = options.videos if whole else options.cut_videos
                found.append(measure(home, videos, nodes, options.cpus, statements, whole=whole))
                print(dict(zip(HEAD, found[-1].row(), strict=True)), flush=True)
    if not options.no_write:
        about = (
            f"{date.today()} · {results.machine()} · `python benchmarks/scale.py --videos {options.videos} --clips "
            f"{options.clips} --nodes {options.nodes} --cpus {options.cpus} --speed {options.speed:g}` · stages wait, "
            f"{options.speed:g} times faster than recorded; nodes are processes of the same machine"
        )
        results.write_section("Scale", f"{about}\n\n{results.table(HEAD, [one.row() for one in found])}")


if __name__ == "__main__":
    main()
