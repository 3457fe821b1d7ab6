"""`heaters facts`: what was measured of each clip, and the option that filters by it."""

from typing import Annotated

import typer

from heaters.cli.naming import Video, video_id
from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.core.facts import FACTS, Bound, parsed
from heaters.store.queries import query

Facts = Annotated[
    list[str] | None,
    typer.Option(
        "--where", help="whose facts are so: motion>=0.02 (`heaters facts --help`).", rich_help_panel="Only clips"
    ),
]


def bounds(texts: list[str] | None) -> tuple[Bound, ...]:
    """The bounds that a person wrote. Raises UsageError for one that is none."""
    return parsed(texts or ())


def facts_command(video: Video, as_json: AsJson = False) -> None:
    """List what was measured of each clip of a video."""
    output = Output(as_json=as_json)
    with opened() as (_, database):
        number = video_id(database, video)
        with database.transaction() as tx:
            rows = tx.execute(query("facts_of_video"), {"id": number}).fetchall()
    if as_json:
        output.json([{"clip_id": row["id"], **{name: row["facts"].get(name) for name in FACTS}} for row in rows])
        return
    output.table(("clip", *FACTS), [(row["id"], *(_short(row["facts"].get(name)) for name in FACTS)) for row in rows])
    hint = "" if rows else " by these settings: `heaters run` measures those with stills"
    output.say(f"{len(rows)} clips are measured{hint}")


facts_command.__doc__ = (
    (facts_command.__doc__ or "") + "\n\n" + "\n\n".join(f"{name}: {does}." for name, does in FACTS.items())
)


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
