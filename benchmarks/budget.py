"""Core-hours that 1,000 hours of film would take, by what each stage takes for one film on one thread of this machine.

    python benchmarks/budget.py [FILM] [--hours 1000] [--cores 192] [--gpus 8] [--gpu-fps N] [--write]

Every stage runs here in this process, one after the other, on a fresh home; its CPU seconds are those of the process
and its children. Building a model is not counted. `decode` is a bare decode of the film, which a GPU's decoder can take
over with the share of `prepare` that it is; `detect` and `embed` a GPU takes over as a whole. --gpu-fps: frames a
second that one GPU decodes and detects, as benchmarks/gpu.py and gpu_decode.py measure it where there is one. Without
FILM: 24 seconds of 1080p as benchmarks/prepare.py makes them. --write puts the sheet into RESULTS.md.
"""

import argparse
import datetime
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prepare import source
from results import machine, table, write_section
from watched import cpu_seconds

from heaters import embedded
from heaters.core.pipeline import STAGES, Stage, machine_stages
from heaters.media import ffmpeg
from heaters.media.probe import probe
from heaters.runner.claims import Ended
from heaters.runner.heartbeat import Heartbeat
from heaters.runner.recorder import Recorder
from heaters.runner.tasks import TaskStore
from heaters.settings import EXPORT_PROFILES, Settings
from heaters.stages.base import Context, stage_code
from heaters.store.approval import Approver
from heaters.store.db import Database
from heaters.store.open import open_database
from heaters.store.queries import query
from heaters.submit import submit
from heaters.threads import be_frugal

LEASE_SECONDS = 3600.0
ON_GPUS = ("decode", "detect", "embed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """CPU seconds by stage for one film (`decode` is a part of prepare); those of exports by profile, apart."""

    film_seconds: float
    frames: int
    clips: int
    decode: float
    stages: dict[str, float]
    exports: dict[str, float]

    def core_hours(self, hours: float, profile: str, *, gpus: bool) -> float:
        """For so many hours of film."""
        spent = sum(self.stages.values()) + self.exports.get(profile, 0.0)
        if gpus:
            spent -= self.decode + sum(self.stages.get(name, 0.0) for name in ON_GPUS)
        return hours * spent / self.film_seconds


def spent_by(do: Callable[[], object]) -> float:
    """CPU seconds that a piece of work took in this process and in the children that end meanwhile."""
    before = cpu_seconds()
    do()
    return cpu_seconds() - before


class Worked:
    """Runs stages in this process, and keeps what each took."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._tasks = TaskStore(database, settings, driver="budget", scope=None)
        Heartbeat(database, "budget", lease_seconds=LEASE_SECONDS, on_trouble=print).beat()
        self._settings = settings
        self.seconds: dict[str, float] = defaultdict(float)

    def drain(self, stages: Sequence[Stage]) -> None:
        """Until none has anything to do. Raises SystemExit where something fails."""
        while any(self._once(stage) for stage in stages):
            pass

    def _once(self, stage: Stage) -> bool:
        claims = self._tasks.claim(stage, most=100).claims
        if not claims:
            return False
        code = stage_code(stage.name)
        work: Any = code.worker(self._settings)
        items = self._tasks.inputs(stage, code.input, claims)
        for claim in claims:
            outcomes: list[Any] = []
            context = Context(threads=1, timeout_seconds=LEASE_SECONDS)
            given = items[claim]
            self.seconds[stage.name] += spent_by(lambda: outcomes.extend(work(given, context)))  # noqa: B023
            ended = Ended(claim=claim, items=given, outcomes=outcomes)
            if ended.failed:
                raise SystemExit(f"{stage.name}: {ended.failed[0][1]}")
            Recorder(self._tasks).finish(stage, code, [ended])
        return True


def measured(film: Path, home: Path) -> Rates:
    """This machine's rates on one film."""
    settings = Settings(home=home, device="cpu")
    try:
        database = open_database(settings)
        worked = Worked(database, settings)
        video = submit(database, str(film.absolute())).video_id
        before = [stage for stage in machine_stages() if stage.name != "export"]
        worked.drain(before)
        Approver(database, None, bounds=(), reviewer="budget").look()
        exports = {}
        for profile in EXPORT_PROFILES:
            if profile != "none":
                anew = Worked(database, replace(settings, export_profile=profile))
                anew.drain([STAGES["export"]])
                exports[profile] = anew.seconds["export"]
        with database.transaction() as tx:
            row = tx.execute(query("videos"), {"ids": [video]}).fetchone()
        assert row is not None
        database.close()
    finally:
        embedded.release(home)
    decode = spent_by(
        lambda: ffmpeg.run(
            ["-threads", "1", "-i", str(film), "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "null", "-"],
            timeout_seconds=LEASE_SECONDS,
            memory_bytes=6 * 2**30,
        )
    )
    return Rates(
        film_seconds=probe(film).duration_seconds,
        frames=int(row["frame_count"]),
        clips=int(row["clips"]),
        decode=decode,
        stages=dict(worked.seconds),
        exports=exports,
    )


def sheet(rates: Rates, hours: float, cores: int, gpus: int, gpu_fps: float) -> str:
    """The sheet in Markdown."""
    per_hour = hours / rates.film_seconds
    rows = [[name, f"{seconds:.2f}", f"{seconds * per_hour:,.0f}"] for name, seconds in rates.stages.items()]
    rows.insert(0, ["(bare decode, part of prepare)", f"{rates.decode:.2f}", f"{rates.decode * per_hour:,.0f}"])
    rows += [[f"export {name}", f"{took:.2f}", f"{took * per_hour:,.0f}"] for name, took in rates.exports.items()]
    totals = []
    for profile in ("none", *rates.exports):
        alone, beside = (rates.core_hours(hours, profile, gpus=with_gpus) for with_gpus in (False, True))
        totals.append([profile, f"{alone:,.0f}", f"{alone / cores:.1f}", f"{beside:,.0f}", f"{beside / cores:.1f}"])
    text = (
        f"{rates.film_seconds:.0f} s of film, {rates.frames} frames, {rates.clips} clips.\n\n"
        + table(["stage", "CPU s of the film", f"core-hours for {hours:,.0f} hours"], rows)
        + "\n"
        + table(["export", "core-hours", f"hours on {cores} cores", "beside GPUs", f"hours on {cores} cores"], totals)
    )
    frames = hours * 3600 * rates.frames / rates.film_seconds
    if not gpu_fps:
        return (
            f"{text}\nGPUs get {frames / 1e6:,.0f} million frames; how fast one is was not measured here (--gpu-fps)."
        )
    on_gpus = frames / (gpu_fps * gpus) / 3600
    most = max(rates.exports, key=lambda name: rates.exports[name])
    on_cores = rates.core_hours(hours, most, gpus=True) / cores
    short = "cores" if on_cores > on_gpus else "GPUs"
    return (
        f"{text}\n{gpus} GPUs at {gpu_fps:,.0f} frames/s each take {on_gpus:.1f} hours, {cores} cores beside them "
        f"{on_cores:.1f} with exports by `{most}`: **{short} are short**."
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", nargs="?", type=Path)
    parser.add_argument("--hours", type=float, default=1000)
    parser.add_argument("--cores", type=int, default=192)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--gpu-fps", type=float, default=0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if "OMP_NUM_THREADS" not in os.environ:  # numpy has read its variables by now: begin again with all of them
        be_frugal()
        os.environ["OMP_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        film = options.film or source(folder, 24)
        rates = measured(film, folder / "home")
    text = f"{machine()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: `python benchmarks/budget.py`. " + sheet(
        rates, options.hours, options.cores, options.gpus, options.gpu_fps
    )
    print(text)
    if options.write:
        write_section("Budget", text)


if __name__ == "__main__":
    main()
