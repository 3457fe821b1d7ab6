"""`heaters export-dataset`: approved clips as a training set."""

from dataclasses import asdict
from typing import Annotated

import typer

from heaters.cli.facts import Facts, bounds
from heaters.cli.naming import video_id
from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.core.splits import Splits
from heaters.dataset.contents import Entry
from heaters.dataset.export import FORMS, Report, export
from heaters.dataset.recipe import Choice, Recipe
from heaters.errors import RuleError, UsageError
from heaters.search.spaces import Chosen, choose
from heaters.settings import Settings
from heaters.store.db import Database

SPLITS = "train=0.8,validation=0.1,test=0.1"
_FORM, _ONLY = "How", "Only clips"


def export_command(
    out: Annotated[str, typer.Argument(help="Where: a folder, or s3://bucket/prefix.")],
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMS)}.", rich_help_panel=_FORM)] = "webdataset",
    splits: Annotated[str, typer.Option(help="Splits and their shares.", rich_help_panel=_FORM)] = SPLITS,
    seed: Annotated[str, typer.Option(help="Deals sources to splits anew.", rich_help_panel=_FORM)] = "",
    stills: Annotated[bool, typer.Option(help="Stills go along.", rich_help_panel=_FORM)] = True,
    vectors: Annotated[bool, typer.Option(help="Embeddings go along.", rich_help_panel=_FORM)] = True,
    model: Annotated[str, typer.Option(help="Of this model; else of the one in use.", rich_help_panel=_FORM)] = "",
    strategy: Annotated[str, typer.Option(help="Of this strategy.", rich_help_panel=_FORM)] = "",
    shard_clips: Annotated[int, typer.Option(help="Most clips a shard.", rich_help_panel=_FORM)] = 1000,
    shard_mib: Annotated[int, typer.Option(help="Most MiB a shard, a larger clip aside.", rich_help_panel=_FORM)] = 512,
    video: Annotated[list[str] | None, typer.Option(help="of these videos.", rich_help_panel=_ONLY)] = None,
    state: Annotated[list[str] | None, typer.Option(help="in these states.", rich_help_panel=_ONLY)] = None,
    min_seconds: Annotated[float | None, typer.Option(help="at least so long.", rich_help_panel=_ONLY)] = None,
    max_seconds: Annotated[float | None, typer.Option(help="shorter than this.", rich_help_panel=_ONLY)] = None,
    where: Facts = None,
    unique: Annotated[
        float | None, typer.Option(help="that look unlike each other: none nearer than this.", rich_help_panel=_ONLY)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write approved clips as a dataset: what is not in OUT yet. The same command again adds only what is new.

    All clips of a source video fall into one split, by its hash. A killed run goes on where it stopped.
    """
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        try:
            shares = Splits.parse(splits, seed)
        except RuleError as error:
            raise UsageError(str(error)) from None
        space = _space(database, settings, model, strategy) if vectors else None
        recipe = Recipe(
            form=form,
            splits=shares,
            stills=settings.keyframes if stills else "",
            model=space.model if space else "",
            strategy=space.strategy if space else "",
            shard_clips=shard_clips,
            shard_bytes=shard_mib * 2**20,
        )
        choice = Choice(
            videos=tuple(video_id(database, name) for name in video) if video else None,
            states=tuple(state) if state else None,
            min_seconds=min_seconds,
            max_seconds=max_seconds,
            facts=bounds(where),
            unique=unique,
        )

        def on_shard(one: Entry, number: int, count: int) -> None:
            output.say(f"shard {number}/{count}: {one.file}, {len(one.clips)} clips, {one.size_bytes / 1e6:.1f} MB")

        report = export(database, settings, out, recipe, choice, on_shard=on_shard)
    if as_json:
        output.json(asdict(report))
    else:
        _say(output, report)
    raise typer.Exit(1 if report.failed else 0)


def _space(database: Database, settings: Settings, model: str, strategy: str) -> Chosen | None:
    with database.transaction() as tx:
        return choose(tx, settings, model=model, strategy=strategy)


def _say(output: Output, report: Report) -> None:
    for failed in report.failed:
        output.say(f"clip {failed.clip_id} failed: {failed.error}", style="red")
    rate = report.clips_new / report.seconds if report.seconds else 0
    output.say(
        f"{report.location}: {report.clips_new} clips added, {report.clips} in {report.shards} shards; "
        f"{report.size_bytes / 1e6:.1f} MB in {report.seconds:.1f} s ({rate:.0f} clips a second)"
    )
    if report.alike:
        output.say(f"{report.alike} clips were left out: they look like one that is in")
    if report.waiting:
        output.say(f"{report.waiting} approved clips are not ready (file, stills or vector): run again later")
