"""`heaters archive`: the objects of archived clips go, verified, with figures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated

import typer

from heaters.cli.naming import video_id
from heaters.cli.output import AsJson, Output
from heaters.cli.run import run
from heaters.cli.session import opened
from heaters.core.pipeline import PIPELINE, By
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.objects import store_of
from heaters.store.queries import query

# An upload writes all the time; one a day old was cut off.
ABANDONED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What was done, and what could not be. `drained`: nothing is left to try; `gave_up`: of this and earlier times."""

    clips: int
    objects_deleted: int
    bytes_freed: int
    gave_up: int
    drained: bool = True
    partial_uploads_deleted: int = 0

    @property
    def code(self) -> int:
        """The exit code."""
        return 0 if self.drained and not self.gave_up else 1


def archive_command(
    videos: Annotated[list[str] | None, typer.Argument(help="Only these videos.")] = None, as_json: AsJson = False
) -> None:
    """Delete the objects of archived clips, verified."""
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        scope = [video_id(database, name) for name in videos] if videos else None
        archived = archive(output, settings, database, scope)
    if as_json:
        output.json(asdict(archived))
    raise typer.Exit(archived.code)


def archive(output: Output, settings: Settings, database: Database, scope: Sequence[int] | None) -> Archived:
    """Archive what is decided so, sweep uploads that never ended, and say what that was."""
    before = _until_now(database, scope)
    stages = tuple(stage for stage in PIPELINE if stage.by is By.OPERATOR)
    drained = run(output, settings, database, scope, stages=stages).drained
    partial = store_of(settings).sweep(ABANDONED_SECONDS)
    after = _until_now(database, scope)
    done = replace(
        after,
        clips=after.clips - before.clips,
        objects_deleted=after.objects_deleted - before.objects_deleted,
        bytes_freed=after.bytes_freed - before.bytes_freed,
        drained=drained,
        partial_uploads_deleted=partial,
    )
    output.say(
        f"summary    {done.clips} clips archived, {done.objects_deleted} objects of {done.bytes_freed / 1e6:.1f} MB "
        f"deleted; {partial} uploads that never ended deleted; {done.gave_up} gave up"
    )
    if done.gave_up:
        output.say("`heaters status` says why; mend the cause, then `heaters retry` makes them due again")
    return done


def _until_now(database: Database, scope: Sequence[int] | None) -> Archived:
    with database.transaction() as tx:
        parameters = {"scope": None if scope is None else list(scope)}
        return Archived(**tx.execute(query("archived_until_now"), parameters).fetchall()[0])
