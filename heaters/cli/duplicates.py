"""`heaters duplicates`: which clips look almost alike."""

from typing import Annotated

import typer

from heaters.cli.facts import Facts, bounds
from heaters.cli.naming import video_id
from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.search import Filters
from heaters.search.groups import groups
from heaters.search.query import check_threshold
from heaters.search.spaces import choose


def duplicates_command(
    above: Annotated[
        float | None, typer.Option(help="Alike from this cosine on, instead of HEATERS_NEAR_DUPLICATE.")
    ] = None,
    model: Annotated[str, typer.Option(help="By this model's vectors.")] = "",
    strategy: Annotated[str, typer.Option(help="By this strategy's vectors.")] = "",
    video: Annotated[list[str] | None, typer.Option(help="of these videos.", rich_help_panel="Only clips")] = None,
    state: Annotated[list[str] | None, typer.Option(help="in these states.", rich_help_panel="Only clips")] = None,
    where: Facts = None,
    as_json: AsJson = False,
) -> None:
    """List groups of clips that look alike; the first of each group stands for the others.

    `heaters search --collapse` folds them in answers, `heaters export-dataset --unique` takes only the first ones.
    """
    output = Output(as_json=as_json)
    if above is not None:
        check_threshold(above)
    with opened() as (settings, database):
        filters = Filters(
            videos=tuple(video_id(database, name) for name in video) if video else None,
            states=tuple(state) if state else None,
            facts=bounds(where),
        )
        with database.transaction() as tx:
            space = choose(tx, settings, model=model, strategy=strategy)
        found = groups(database, space, settings.near_duplicate if above is None else above, filters) if space else []
    if as_json:
        output.json([list(group.clips) for group in found])
        return
    output.table(
        ("stands for them", "clips", "alike"), [(g.clips[0], len(g.clips), _named(g.clips[1:])) for g in found]
    )
    spare = sum(len(group.clips) - 1 for group in found)
    output.say(f"{len(found)} groups, {spare} clips that look like another one")


def _named(clips: tuple[int, ...]) -> str:
    shown = " ".join(str(clip) for clip in clips[:12])
    return f"{shown} … and {len(clips) - 12} more" if len(clips) > 12 else shown
