"""`heaters models`, `embed`, `db reindex` and `db recall`: embedding models, their vectors and their indexes."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Annotated, Any

import typer

from heaters.cli.naming import video_id
from heaters.cli.output import AsJson, Output
from heaters.cli.run import run
from heaters.cli.session import opened
from heaters.core.pipeline import PIPELINE, By, Stage
from heaters.errors import UsageError
from heaters.models.availability import reaches_hub, where_is
from heaters.models.catalogue import CATALOGUE, Known
from heaters.models.embedder import model_identity
from heaters.search import Space
from heaters.search.indexes import ensure_indexes, indexes
from heaters.search.recall import measure_recall
from heaters.search.spaces import choose, spaces, use, use_settings
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.variants import variant_number
from heaters.store.vectors import SpaceRow, space_number

# Below this the index is worse than it should be; `heaters db reindex --rebuild` or a larger breadth is due.
GOOD_RECALL = 0.98

Model = Annotated[str, typer.Option(help="As HEATERS_MODEL takes it; nothing: the one set there.")]
Strategy = Annotated[str, typer.Option(help="As HEATERS_EMBEDDING takes it; nothing: the one set there.")]

app = typer.Typer(help="Embedding models: which there are, and which one searches use.", invoke_without_command=True)


@app.callback()
def models_command(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models that are known, installed, cached or reachable, and the vectors there are of each."""
    if context.invoked_subcommand is not None:
        return
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        rows = model_rows(settings, spaces(database))
    if as_json:
        output.json(rows)
        return
    output.table(
        ("model", "where", "dim", "GFLOPs", "COCO R@1", "licence", "vectors"),
        [
            (
                *(row["name"] + (" *" if row["set"] else ""), row["where"], row["dimension"], row["gflops"]),
                *(row["coco_recall"], row["licence"], "; ".join(map(_space_words, row["spaces"])) or None),
            )
            for row in rows
        ],
    )
    output.say("* is set by HEATERS_MODEL; recall is of texts for COCO's images, first hit, in per cent", style="dim")


def model_rows(settings: Settings, there: Sequence[Space]) -> list[dict[str, Any]]:
    """What `heaters models --json` prints: known models, those with vectors, and the one in the settings."""
    known = {model.name: model for model in CATALOGUE}
    for space in there:
        name = space.name or space.model
        known.setdefault(name, Known(name=name, dimension=space.dimension, licence="not known"))
    known.setdefault(settings.model, Known(name=settings.model, dimension=0, licence="not known"))
    answers = cache(reaches_hub)  # asked once, and only if something is not here
    return [
        {
            "name": model.name,
            "set": model.name == settings.model,
            "where": where_is(model, settings.home / "models", answers),
            "dimension": model.dimension or None,
            "gflops": model.gflops,
            "coco_recall": model.coco_recall,
            "licence": model.licence,
            "spaces": [asdict(space) for space in there if model.name in (space.name, space.model)],
        }
        for model in known.values()
    ]


def _space_words(space: dict[str, Any]) -> str:
    missing = f", {space['missing']} missing" if space["missing"] else ""
    return f"{space['strategy']}: {space['clips']}{missing}" + (" (in use)" if space["active"] else "")


@app.command("use")
def use_command(
    model: Annotated[str | None, typer.Argument(help="Name or identity; nothing: what the settings say.")] = None,
    strategy: Strategy = "",
    even_incomplete: Annotated[bool, typer.Option(help="Even if clips have no vector of it yet.")] = False,
) -> None:
    """Let searches use a model's vectors from now on. Nothing stops: the next query is answered in them."""
    output = Output(as_json=False)
    with opened() as (settings, database):
        if model is None:
            use_settings(database)
            output.say("searches follow HEATERS_MODEL and HEATERS_EMBEDDING")
            return
        space = use(database, model, strategy or settings.space_strategy, even_incomplete=even_incomplete)
    output.say(f"searches use {space.model}, {space.strategy}: {space.clips} clips")


def embed_command(
    videos: Annotated[list[str] | None, typer.Argument(help="Only clips of these videos.")] = None,
    model: Model = "",
    strategy: Strategy = "",
    as_json: AsJson = False,
) -> None:
    """Make the vectors that are missing of a model, and nothing else; those of other models stay."""
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        settings = replace(
            settings, model=model or settings.model, embedding_strategy=strategy or settings.embedding_strategy
        )
        scope = [video_id(database, name) for name in videos] if videos else None
        identity, dimension = model_identity(settings.model, settings.home / "models")
        stale = notice_revision(database, settings, identity, dimension)
        if stale:
            output.say(f"{stale} clips have vectors of an earlier revision of {settings.model}: made again")
        stages = tuple(s for s in PIPELINE if s.by is By.MACHINE and s.name in ("keyframes", "embed"))
        drained = run(output, settings, database, scope, stages=stages).drained
        failed = _failed(database, settings, stages, scope)
        wanted = (identity, settings.space_strategy)
        found = [s for s in spaces(database) if (s.model, s.strategy) == wanted]
    held, missing = (found[0].clips, found[0].missing) if found else (0, 0)
    if as_json:
        keys = {"model": identity, "strategy": settings.space_strategy}
        output.json({**keys, "clips": held, "missing": missing, "failed": failed, "drained": drained})
    else:
        tells = f", {failed} failed: `heaters status` tells more" if failed else ""
        output.say(f"{identity}, {settings.space_strategy}: {held} clips, {missing} missing{tells}")
    raise typer.Exit(0 if drained and not failed else 1)


def notice_revision(database: Database, settings: Settings, identity: str, dimension: int) -> int:
    """Register the space of a model whose weights or preprocessing have changed behind its name, so that all clips are
    due again in it. Returns how many clips have vectors of the revision before.
    """
    with database.transaction() as tx:
        number = variant_number(tx, "embed", settings.variant("embedding"))
        before = tx.execute(query("newest_asked"), {"asked": number}).fetchone()
        row = SpaceRow(
            asked=number, model=identity, name=settings.model, strategy=settings.space_strategy, dimension=dimension
        )
        is_known = tx.execute(query("space"), asdict(row)).fetchone() is not None
        if before is None and not is_known:
            return 0  # it is registered with its first vector
        space_number(tx, row)
        return 0 if is_known else int(before["clips"])  # type: ignore[index]


def _failed(database: Database, settings: Settings, stages: Sequence[Stage], scope: Sequence[int] | None) -> int:
    """How many items of these stages, by these settings, failed and are not done."""
    wanted = {"stages": [s.name for s in stages], "variants": [settings.variant(s.variant) for s in stages]}
    with database.transaction() as tx:
        row = tx.execute(query("failing_of"), {**wanted, "scope": scope}).fetchone()
    return int(row["n"]) if row else 0


def reindex_command(
    rebuild: Annotated[bool, typer.Option(help="Also those that are there, beside them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the indexes over vectors that are missing; searches and runs go on meanwhile."""
    output = Output(as_json=as_json)
    with opened() as (_, database):
        begun = time.monotonic()
        built = ensure_indexes(database, rebuild=rebuild)
        found = indexes(database)
    if as_json:
        output.json([{**asdict(index), "valid": index.name != "", "built": index.name in built} for index in found])
        return
    output.table(
        ("model", "strategy", "index", "vectors", "MB", "built"),
        [
            (
                *(i.model, i.strategy, f"{i.name} ({i.method})" if i.name else "none", i.vectors),
                *(round(i.size_bytes / 1e6, 1), "yes" if i.name in built else "no"),
            )
            for i in found
        ],
    )
    output.say(f"{len(built)} built in {time.monotonic() - begun:.1f} s")


def recall_command(
    model: Model = "",
    strategy: Strategy = "",
    queries: Annotated[int, typer.Option(min=1, max=1000, help="How many clips to ask with.")] = 50,
    k: Annotated[int, typer.Option(min=1, max=1000, help="How many nearest to compare.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Compare the indexes with looking at every vector; exit code 1 when too much is missed."""
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        with database.transaction() as tx:
            space = choose(tx, settings, model=model, strategy=strategy)
        if space is None:
            raise UsageError(f"no clip has a vector of {settings.model} yet; `heaters run` makes them")
        found = measure_recall(database, space, queries=queries, k=k)
    if as_json:
        output.json(asdict(found))
    else:
        output.say(
            f"{found.model}, {found.strategy}: recall@{found.k} {found.mean:.3f} on average, {found.worst:.2f} at worst"
        )
        output.say(
            f"{found.queries} queries, {found.indexed} answered by indexes: {found.indexed_ms:.1f} ms, "
            f"looking at every vector {found.exact_ms:.1f} ms (medians)"
        )
    raise typer.Exit(0 if found.mean >= GOOD_RECALL else 1)
