"""ray job submit --submission-id heaters-process -- python -m jobs.process --auto-approve

The pipeline over everything that is due, until nothing is (or `--forever`, for work that arrives later). Submitted
again it goes on where it was; two at once share the work.
"""

from typing import Annotated

import typer

from heaters.cli.account import Account
from heaters.cli.naming import video_id
from heaters.cli.output import Output
from heaters.cli.run import ApproveWhere, AutoApprove, approval_rule, run
from heaters.cli.session import opened
from jobs.entry import job


def process(
    videos: Annotated[list[str] | None, typer.Argument(help="Only these videos (numbers or sources).")] = None,
    auto_approve: AutoApprove = False,
    approve_where: ApproveWhere = None,
    forever: Annotated[bool, typer.Option("--forever", help="Wait for new work instead of ending.")] = False,
) -> None:
    """Run the pipeline on all that is due."""
    output = Output(as_json=False)
    rule = approval_rule(auto_approve, approve_where)
    with opened() as (settings, database):
        scope = [video_id(database, name) for name in videos] if videos else None
        account = Account(output, settings, database, scope)
        ran = run(output, settings, database, scope, approve=rule, forever=forever, side_tasks=[account])
        dead = account.close()
    if not ran.drained and not forever:
        output.say("stopped; what was running was given back. The same job goes on from here.")
    raise typer.Exit(1 if dead or not (ran.drained or forever) else 0)


if __name__ == "__main__":
    job(process)
