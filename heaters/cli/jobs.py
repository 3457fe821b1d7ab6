"""`heaters submit-job`: start a job of `jobs/` on the cluster, once."""

import os
import sys
from typing import Annotated

import typer

from heaters.cli.output import AsJson, Output
from heaters.errors import UsageError
from heaters.settings import load
from heaters.settings.shown import job_variables

# Each is a file in jobs/ with the command that starts it by hand.
NAMES = ("ingest", "process", "reembed", "recut", "clean", "migrate")


def submit_job_command(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="What the job itself takes.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show its lines; end when it ends, with its code.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a job on the cluster of RAY_API_SERVER_ADDRESS or RAY_ADDRESS, unless it runs already.

    Options of this command come before NAME, those of the job after it. The settings that say how to work (model,
    thresholds, …) go with it as far as they are set here; addresses and secrets are those of the cluster's nodes.
    """
    if name not in NAMES:
        raise UsageError(f"a job is one of {', '.join(NAMES)}; got {name!r}")
    load()  # a wrong setting is said here, not on the cluster
    output = Output(as_json=as_json)
    from heaters.runner.submission import Jobs  # Ray takes a second to import

    jobs = Jobs()
    job = jobs.submit(name, arguments or [], job_variables(os.environ))
    if as_json:
        output.json({"submission_id": job.submission_id, "status": job.status, "started": job.started})
    else:
        word = "started" if job.started else "is running already:"
        output.say(f"{name} {word} {job.submission_id}")
    if not follow:
        output.say(f"`ray job logs -f {job.submission_id}` shows its lines, `heaters status` how everything stands")
        return
    out = sys.stderr if as_json else sys.stdout
    raise typer.Exit(jobs.follow(job, lambda text: (out.write(text), out.flush())))
