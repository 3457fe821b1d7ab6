"""ray job submit --submission-id heaters-ingest -- python -m jobs.ingest s3://BUCKET/MANIFEST.jsonl

Sources and manifests of them (.txt, .csv, .jsonl; where the head node can read them, or s3://) become videos. Each is
added once, however often the job runs. `jobs.process` then works on them.
"""

from typing import Annotated

import typer

from heaters.cli.accept import Priority, Tally, accept
from heaters.cli.output import Output
from heaters.cli.session import opened
from heaters.sources import Reach
from jobs.entry import job


def ingest(
    sources: Annotated[list[str], typer.Argument(help="URLs, files, or manifests (.txt, .csv, .jsonl) of them.")],
    priority: Priority = None,
) -> None:
    """Add sources to the pipeline."""
    output = Output(as_json=False)
    tally = Tally()
    with opened() as (settings, database):
        for _ in accept(output, Reach(settings=settings), database, sources, tally, priority):
            pass
    output.say(f"summary    {tally.line()}")
    raise typer.Exit(1 if tally.refused else 0)


if __name__ == "__main__":
    job(ingest)
