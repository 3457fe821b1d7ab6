"""A claim among clips that are done, by the functions of due work of migration 0012 and by those of 0011.

    python benchmarks/claims.py [--videos 20000] [--no-write]

All clips are in one state, as in a library that is done: nothing is due, then the clips of some videos. Prints the
medians of both and their ratio, and writes the section into RESULTS.md.
"""

import argparse
import re
import tempfile
import time
from datetime import date
from importlib import resources
from pathlib import Path
from statistics import median

import results

from heaters import embedded
from heaters.core.pipeline import STAGES, Subject
from heaters.runner.ledger import Ledger
from heaters.settings import Settings
from heaters.store.db import Connection, Database, connect
from heaters.store.open import open_database
from heaters.store.queries import parse

QUERIES = parse((Path(__file__).parent / "claims.sql").read_text())
CLIPS = 10  # of each video
LIMIT = 64  # of a claim
DUE_VIDEOS = 50
TIMES = 15
DONE = ("prepare", "keyframes", "facts", "embed")
HEAD = ("stage", "due", "ms with migration 0011", "ms", "ratio")


def functions(migration: str) -> list[str]:
    """The functions of due work in a migration, as statements that may be run again."""
    text = (resources.files("heaters.store") / "migrations" / migration).read_text()
    found = re.findall(r"^create (?:or replace )?(function due_.*?^\$\$;)", text, re.MULTILINE | re.DOTALL)
    return [f"create or replace {one}" for one in found]


def load(connection: Connection, settings: Settings, videos: int) -> None:
    """So many videos and their clips, with every stage done."""

    def run(name: str, **parameters: object) -> None:
        connection.execute(QUERIES[name].sql, parameters)

    run("quick_load")
    run("add_videos", videos=videos)
    run("add_clips", clips=CLIPS)
    for stage in (STAGES[name] for name in DONE):
        name = "add_video_runs" if stage.subject is Subject.VIDEO else "add_clip_runs"
        run(name, stage=stage.name, variant=settings.variant(stage.variant))
    run("analyze")


def milliseconds(database: Database, settings: Settings, stage: str) -> float:
    """The median of a claim that is given back."""
    ledger = Ledger(database, settings, worker="benchmark", scope=None)
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        claims = ledger.claim(STAGES[stage], LIMIT)
        took.append((time.perf_counter() - begun) * 1000)
        ledger.release(claims)
    return median(took)


def compared(connection: Connection, database: Database, settings: Settings, stage: str, due: str) -> list[str]:
    """A line of the table: the medians with the functions of migration 0011 and of 0012."""
    found = []
    for migration in ("0011_due.sql", "0012_due_by_state.sql"):
        for function in functions(migration):
            connection.execute(function.encode())
        found.append(milliseconds(database, settings, stage))
    before, now = found
    row = [stage, due, f"{before:.1f}", f"{now:.1f}", f"{before / now:.1f}"]
    print(dict(zip(HEAD, row, strict=True)), flush=True)
    return row


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=20_000)
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="claims") as folder:
        settings = Settings(home=Path(folder))
        database = open_database(settings)
        with connect(database.url, application_name="benchmark") as connection:
            load(connection, settings, options.videos)
            rows = [
                compared(connection, database, settings, stage, "nothing")
                for stage in ("prepare", "keyframes", "embed")
            ]
            connection.execute(QUERIES["forget_runs"].sql, {"stage": "embed", "videos": DUE_VIDEOS})
            connection.execute(QUERIES["move_back"].sql, {"state": STAGES["embed"].takes, "videos": DUE_VIDEOS})
            rows.append(compared(connection, database, settings, "embed", f"{DUE_VIDEOS * CLIPS} clips"))
        database.close()
        embedded.release(Path(folder))
    if not options.no_write:
        about = (
            f"{date.today()} · {results.machine()} · `python benchmarks/claims.py --videos {options.videos}` · "
            f"{options.videos * CLIPS:,} clips, all in one state; claims of {LIMIT}; medians of {TIMES}"
        )
        results.write_section("Claims", f"{about}\n\n{results.table(HEAD, rows)}")


if __name__ == "__main__":
    main()
