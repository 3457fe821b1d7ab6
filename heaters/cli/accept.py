"""Sources on their way in: what became of each, or of many the sums."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from heaters.cli.observers import recorders
from heaters.cli.output import Output
from heaters.sources import Reach, watch
from heaters.stopping import stopped_by_signals
from heaters.store.db import Database
from heaters.submit import Submission, submit_all

# So many sources have a line each; of further ones every refusal has, and the sums come now and then.
MOST_LINES = 100
SUM_EVERY = 10_000

Priority = Annotated[
    int | None,
    typer.Option("--priority", min=0, max=9, help="9: before all others, 0: with them; also for what is known."),
]


@dataclass(slots=True)
class Tally:
    """How many were accepted so far."""

    new: int = 0
    known: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.new + self.known + self.refused

    def line(self) -> str:
        """All of it in words."""
        return f"{self.total} sources: {self.new} new, {self.known} known, {self.refused} refused"


def accept(
    output: Output,
    reach: Reach,
    database: Database,
    named: Sequence[str],
    tally: Tally,
    priority: int | None = None,
) -> Iterator[Submission]:
    """Submit what is named, counting in `tally`; gives what became of each source as it is known."""
    with ExitStack() as stack:
        told = list(recorders(stack, output, reach.settings))
        for found in submit_all(database, reach.sources(named), priority):
            _tell(output, found, tally)
            for recorder in told:
                recorder.submitted(found.source, found.video_id, is_new=found.is_new, error=found.error)
            yield found


def accept_from(
    output: Output, reach: Reach, database: Database, folder: Path, tally: Tally, priority: int | None = None
) -> Iterator[Submission]:
    """Submit what is in a folder, and what comes into it until SIGINT or SIGTERM. Raises UsageError for no folder."""
    stop = threading.Event()
    output.say(f"watching {folder}; stop with Ctrl-C")
    with stopped_by_signals(stop.set):
        for path in watch(folder.absolute(), stop):
            yield from accept(output, reach, database, [str(path)], tally, priority)


def _tell(output: Output, found: Submission, tally: Tally) -> None:
    if found.error:
        tally.refused += 1
        output.say(f"refused    {found.error}", style="red")
    else:
        tally.new += found.is_new
        tally.known += not found.is_new
        if tally.total <= MOST_LINES:
            word = "submitted" if found.is_new else "known"
            output.say(f"{word:<10} {found.source} as video {found.video_id}")
    if tally.total % SUM_EVERY == 0:
        output.say(tally.line())
