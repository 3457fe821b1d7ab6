"""`heaters pause` and `heaters resume`: let running drivers start nothing more, and go on."""

import getpass
from typing import Annotated

import typer

from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.core.pipeline import STAGES, By
from heaters.errors import UsageError
from heaters.store.pauses import LIBRARY, named, pause, resume

PAUSABLE = tuple(name for name, stage in STAGES.items() if stage.by is not By.PERSON)
Stages = Annotated[list[str] | None, typer.Argument(help="Stages; without one the whole library.")]


def pause_command(
    stages: Stages = None,
    reason: Annotated[str, typer.Option(help="Why, for those who look at `heaters status`.")] = "",
    as_json: AsJson = False,
) -> None:
    """Let drivers start nothing more, of some stages or at all. What runs ends as usual; drivers wait until resumed."""
    output = Output(as_json=as_json)
    _check(stages)
    with opened() as (_, database):
        paused = pause(database, stages or [LIBRARY], by=getpass.getuser(), reason=reason)
    if as_json:
        output.json({"paused": sorted(paused)})
        return
    for stage in sorted(paused):
        output.say(f"{named(stage)} is paused: what runs ends, nothing more starts until `heaters resume`")


def resume_command(stages: Stages = None, as_json: AsJson = False) -> None:
    """Let drivers go on: with some stages, or with all that is paused."""
    output = Output(as_json=as_json)
    _check(stages)
    with opened() as (_, database):
        over = resume(database, stages or None)
    if as_json:
        output.json({"resumed": sorted(over)})
        return
    for stage in sorted(over):
        output.say(f"{named(stage)} goes on")
    if not over:
        output.say("nothing of that was paused")


def _check(stages: list[str] | None) -> None:
    for stage in stages or ():
        if stage not in PAUSABLE:
            raise UsageError(f"a stage that can be paused is one of {', '.join(PAUSABLE)}; got {stage!r}")
