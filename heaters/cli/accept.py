"""Sources on their way in: what became of each, or of many the sums."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from heaters.cli.output import Output
from heaters.runner.journal import Journal
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.submit import Submission, expand, submit_all

# So many sources have a line each; of further ones every refusal has, and the sums come now and then.
MOST_LINES = 100
SUM_EVERY = 10_000


@dataclass(slots=True)
class Tally:
    """How many were accepted so far."""

    new: int = 0
    known: int = 0
    refused: int = 0

    def line(self) -> str:
        """All of it in words."""
        total = self.new + self.known + self.refused
        return f"{total} sources: {self.new} new, {self.known} known, {self.refused} refused"


def accept(
    output: Output, settings: Settings, database: Database, sources: Sequence[str], tally: Tally
) -> Iterator[Submission]:
    """Submit sources and manifests of them, counting in `tally`; gives what became of each as it is known."""
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(settings.log)) if settings.log else None
        for found in _told(output, settings, database, sources, tally):
            if journal:
                journal.submitted(found.source, found.video_id, is_new=found.is_new, error=found.error)
            yield found


def _told(
    output: Output, settings: Settings, database: Database, sources: Sequence[str], tally: Tally
) -> Iterator[Submission]:
    for number, found in enumerate(submit_all(database, expand(sources, s3_endpoint=settings.s3_endpoint)), 1):
        if found.error:
            tally.refused += 1
            output.say(f"refused    {found.error}", style="red")
        else:
            tally.new += found.is_new
            tally.known += not found.is_new
            if number <= MOST_LINES:
                word = "submitted" if found.is_new else "known"
                output.say(f"{word:<10} {found.source} as video {found.video_id}")
        if number % SUM_EVERY == 0:
            output.say(tally.line())
        yield found
