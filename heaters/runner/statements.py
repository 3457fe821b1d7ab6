"""The statements of a stage, put together from what all stages share and its own condition of what is due."""

from functools import cache

from psycopg import sql

from heaters.core.pipeline import Stage, Subject
from heaters.store.queries import query


@cache
def claim_statement(stage: Stage, *, of_few: bool = False) -> bytes:
    """The claim of a stage, with its own condition of what is due. `of_few`: of the parameter `videos` alone, whose
    changes are found without a walk through the log.
    """
    if stage.subject is Subject.VIDEO:
        has_state = sql.SQL("v.state = {state}").format(state=sql.Literal(str(stage.takes)))
        lacks = has_state if stage.milestone else sql.SQL(query(f"lacks_{stage.name}"))
        due = sql.SQL(query("due_video")).format(lacks=lacks)
    else:
        due = sql.SQL(query("due_clips")).format(clip_is_due=_clip_is_due(stage))
    changes = sql.SQL(query("changes_of_videos")) if of_few else sql.SQL("changes")
    return sql.SQL(query("claim")).format(due=due, changes=changes).as_bytes(None)


@cache
def input_statement(stage: Stage) -> bytes:
    """The query of a stage's inputs."""
    statement = sql.SQL(query(f"input_{stage.name}"))
    if stage.subject is Subject.VIDEO:
        return statement.as_bytes(None)
    return statement.format(clip_is_due=_clip_is_due(stage)).as_bytes(None)


@cache
def host_statement(name: str) -> bytes:
    """A query that asks of hosts whether they have changes for this driver."""
    return sql.SQL(query(name)).format(has_new=sql.SQL(query("host_has_new"))).as_bytes(None)


def _clip_is_due(stage: Stage) -> sql.Composed:
    """The condition under which a clip `c` is due for a stage."""
    return sql.SQL(query("clip_is_due")).format(lacks=sql.SQL(query(f"lacks_{stage.name}")))
