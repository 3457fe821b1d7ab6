"""Measures how many claims and records a driver manages in a second, and how many more two drivers manage.

    python benchmarks/drivers.py [--videos 600] [--clips 50] [--drivers 1,2,1,2] [--call-ms 0,8] [--no-write]

Each driver is a process that claims stretches, reads their inputs and records results at once, for all stages of clips.
Nothing is worked on and Ray is not called, so that the drivers and PostgreSQL are the only limits. With `--call-ms` a
driver also computes for that long for each stretch, like the driver's share of a call to Ray, which scale.py measures.
Each round has a fresh library of cut videos. The script prints items (a clip in one stage) a second, and writes the
section into RESULTS.md.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import results

from heaters import embedded
from heaters.core.pipeline import STAGES, Stage
from heaters.runner.claims import Ended
from heaters.runner.heartbeat import Heartbeat
from heaters.runner.recorder import Recorder
from heaters.runner.tasks import TaskStore
from heaters.settings import Settings
from heaters.stages.base import stage_code
from heaters.store.approval import Approver
from heaters.store.db import BY_INDEX, Database
from heaters.store.open import open_database
from heaters.submit import submit_all

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "benchmarks.scale_stages"
HEAD = (
    "ms for a call",
    "drivers",
    "items",
    "seconds",
    "items/s",
    "against one driver",
    "CPU ms of a driver an item",
    "CPUs busy",
)
AT_ONCE = 16  # videos or stretches that one claim takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures of one round. `cpu_seconds`: CPU time of all drivers together; `busy`: the share of all CPUs of the
    machine that was busy, 0 to 1.
    """

    drivers: int
    items: int
    seconds: float
    cpu_seconds: float
    busy: float


class Driver:
    """A driver whose stages do nothing: it claims stretches and records results."""

    def __init__(self, database: Database, settings: Settings, name: str, call_ms: float = 0.0) -> None:
        self.done = 0
        self._call_seconds = call_ms / 1000
        ours = database.like(application_name=name, max_size=1, patience_seconds=5.0, options=BY_INDEX)
        self._tasks = TaskStore(ours, settings, driver=name, scope=None)
        self._recorder = Recorder(self._tasks)
        Heartbeat(ours, name, lease_seconds=600.0, on_trouble=print).beat()

    def turn(self, stage: Stage) -> bool:
        """Claim once, and record the results. Returns whether the claim found anything."""
        from benchmarks.scale_stages import Waited

        claims = self._tasks.claim(stage, most=AT_ONCE, items=AT_ONCE * stage.batch).claims
        if not claims:
            return False
        code = stage_code(stage.name, PACKAGE)
        items = self._tasks.inputs(stage, code.input, claims)
        until = time.thread_time() + self._call_seconds * len(claims)
        while time.thread_time() < until:
            pass
        outcomes = {claim: [Waited(seconds=0.1) for _ in items[claim]] for claim in claims}
        ended = [Ended(claim=claim, items=items[claim], outcomes=outcomes[claim]) for claim in claims]
        self._recorder.finish(stage, code, ended)
        self.done += sum(len(one.items) for one in ended)
        return True

    def drain(self, *names: str) -> None:
        """Take turns at the stages until none of them has work."""
        while any(self.turn(STAGES[name]) for name in names):
            pass


def work(home: Path, number: int, call_ms: float, start: Any, told: Any) -> None:
    """The process of a driver."""
    from benchmarks.scale_stages import OF_CLIPS

    settings = Settings(home=home)
    driver = Driver(open_database(settings), settings, f"driver {number}", call_ms)
    start.wait()
    busy = time.process_time()
    driver.drain(*OF_CLIPS[::-1])
    told.put((driver.done, time.process_time() - busy))


def measure(home: Path, videos: int, drivers: int, call_ms: float) -> Measured:
    """Make a fresh library, and let `drivers` processes drain its stages of clips at once."""
    from benchmarks.scale_stages import OF_VIDEOS

    settings = Settings(home=home)
    database = open_database(settings)
    for _ in submit_all(database, (f"https://host{number}.example/film.mp4" for number in range(videos))):
        pass
    Driver(database, settings, "before").drain(*OF_VIDEOS)
    approver = Approver(database, None, reviewer="benchmark")
    while not approver.is_done():
        approver.look()
    with database.transaction() as tx:
        tx.execute("analyze")  # as autovacuum leaves it
    spawn = multiprocessing.get_context("spawn")
    start, told = spawn.Barrier(drivers + 1), spawn.Queue()
    processes = [spawn.Process(target=work, args=(home, n, call_ms, start, told)) for n in range(drivers)]
    for process in processes:
        process.start()
    start.wait()
    begun = time.monotonic()
    psutil.cpu_percent()  # from here on
    answers = [told.get() for _ in processes]
    seconds, busy = time.monotonic() - begun, psutil.cpu_percent() / 100
    for process in processes:
        process.join()
    database.close()
    embedded.release(home)
    items, cpu_seconds = (sum(column) for column in zip(*answers, strict=True))
    return Measured(drivers=drivers, items=items, seconds=seconds, cpu_seconds=cpu_seconds, busy=busy)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=600)
    parser.add_argument("--clips", type=int, default=50, help="of each video")
    parser.add_argument("--drivers", default="1,2,1,2")
    parser.add_argument("--call-ms", default="0,8", help="the driver's own time for each stretch")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    os.environ["SCALE_CLIPS"] = str(options.clips)
    sys.path.insert(0, str(ROOT))
    os.environ["PYTHONPATH"] = str(ROOT)
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory(prefix="drivers") as folder:
        for call_ms in map(float, options.call_ms.split(",")):
            one: float | None = None
            for drivers in map(int, options.drivers.split(",")):
                found = measure(Path(folder) / f"home{len(rows)}", options.videos, drivers, call_ms)
                rate = found.items / found.seconds
                one = rate if drivers == 1 or one is None else one
                rows.append([
                    f"{call_ms:g}", str(drivers), f"{found.items:,}", f"{found.seconds:.1f}", f"{rate:,.0f}",
                    f"{rate / one:.2f}", f"{found.cpu_seconds / found.items * 1000:.3f}", f"{found.busy:.2f}",
                ])  # fmt: skip
                print(dict(zip(HEAD, rows[-1], strict=True)), flush=True)
    if not options.no_write:
        about = (
            f"{date.today()} · {results.machine()} · `python benchmarks/drivers.py --videos {options.videos} --clips "
            f"{options.clips}` · {AT_ONCE} stretches a claim"
        )
        results.write_section("Drivers", f"{about}\n\n{results.table(HEAD, rows)}")


if __name__ == "__main__":
    main()
