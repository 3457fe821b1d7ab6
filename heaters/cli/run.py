"""`heaters submit` and `heaters run`: sources in, the pipeline over them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from heaters.cli.accept import Tally, accept, accept_from
from heaters.cli.output import Output, selected
from heaters.cli.progress import Watch
from heaters.cli.session import opened
from heaters.core.pipeline import STAGES, Stage, machine_stages
from heaters.errors import UsageError
from heaters.runner.events import Observer, Several
from heaters.runner.journal import Journal
from heaters.runner.ledger import Ledger, worker_name
from heaters.runner.origins import Origins
from heaters.search.keeper import Keeper
from heaters.settings import Settings
from heaters.sources import Reach
from heaters.stopping import stopped_by_signals
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.review import approve_pending
from heaters.submit import Submission

VIDEO_KEYS = ("id", "source", "state", "error", "frame_count", "clips")

Sources = Annotated[
    list[str] | None,
    typer.Argument(help="URLs, files, s3:// objects and prefixes, or manifests (.txt, .csv, .jsonl) of them."),
]
Playlists = Annotated[bool, typer.Option("--playlist", help="A URL stands for all videos that it names.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def submit_command(
    sources: Sources = None,
    playlist: Playlists = False,
    watched: Annotated[
        Path | None, typer.Option("--watch", help="Also every video that comes into this folder, until stopped.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add sources to the pipeline without running it."""
    output = Output(as_json=as_json)
    if not sources and watched is None:
        raise UsageError("submit takes sources or --watch; got neither")
    tally = Tally()
    with opened() as (settings, database):
        reach = Reach(settings=settings, playlists=playlist)
        answers = accept(output, reach, database, sources or [], tally)
        if watched is not None:
            answers = chain(answers, accept_from(output, reach, database, watched, tally))
        rows = ({"id": s.video_id, "source": s.source, "new": s.is_new, "error": s.error} for s in answers)
        if as_json:
            output.json_rows(rows)
        else:
            deque(rows, maxlen=0)
    output.say(tally.line())
    raise typer.Exit(1 if tally.refused else 0)


def run_command(
    sources: Annotated[list[str] | None, typer.Argument(help="What to run; nothing: all that is due.")] = None,
    playlist: Playlists = False,
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Approve every clip without a person.")] = False,
    forever: Annotated[bool, typer.Option("--forever", help="Wait for new work instead of ending.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the pipeline on sources (or on all that is due) until nothing is left to do."""
    output = Output(as_json=as_json)
    with opened() as (settings, database):
        reach = Reach(settings=settings, playlists=playlist)
        submissions = list(accept(output, reach, database, sources or [], Tally()))
        scope = None if not sources else sorted({s.video_id for s in submissions if s.video_id is not None})
        refused = [s for s in submissions if s.error]
        drained = True
        if scope is None or scope:
            drained = run(output, settings, database, scope, auto_approve=auto_approve, forever=forever)
        rows = _rows(database, scope)
        code = _report(output, database, rows, refused, drained=drained)
    raise typer.Exit(code)


def _nothing() -> None:
    """What is done where nothing else is asked for."""


def run(
    output: Output,
    settings: Settings,
    database: Database,
    scope: Sequence[int] | None,
    *,
    stages: Sequence[Stage] = machine_stages(),
    auto_approve: bool = False,
    forever: bool = False,
    meanwhile: Callable[[], object] = _nothing,
) -> bool:
    """Run stages over `scope`. True when nothing is left to do, False when stopped before.

    `meanwhile` is called several times a second.
    """
    ledger = Ledger(database, settings, worker=worker_name(), scope=scope)
    approve = partial(approve_pending, database, scope, reviewer="auto-approve") if auto_approve else _nothing
    approve()
    if not forever and ledger.is_drained(stages):
        return True
    # Ray takes seconds to import and start: commands that find nothing to do go without. `cluster` must come first.
    from heaters.runner.cluster import connect

    cluster = connect(settings)
    from heaters.runner.heartbeat import Heartbeat
    from heaters.runner.loop import Runner

    origins = Origins(database, scope)
    watch = Watch(output, stages, origins.name)
    where = settings.ray_address or "this machine"
    output.say(f"running on {where}: {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs; embedding with {settings.model}")
    keeper = Keeper(database, watch.noticed)

    def tend() -> Stage | None:
        approved = approve()
        keeper.look()
        meanwhile()
        return STAGES["review"] if approved else None

    beats = Database(lambda: database.url, max_size=1, application_name="heaters heartbeat")
    with ExitStack() as stack:
        observer = Several(stack.enter_context(watch), *_machines(stack, output, settings, ledger, stages, origins))
        heartbeat = stack.enter_context(
            Heartbeat(ledger, beats, lease_seconds=settings.lease_seconds, on_trouble=observer.noticed)
        )
        runner = Runner(
            settings=settings,
            ledger=ledger,
            heartbeat=heartbeat,
            cluster=cluster,
            stages=stages,
            observer=observer,
            between=tend,
            forever=forever,
        )
        with stopped_by_signals(runner.stop):
            drained = runner.run()
    if drained:
        keeper.settle()
    return drained


def _machines(
    stack: ExitStack, output: Output, settings: Settings, ledger: Ledger, stages: Sequence[Stage], origins: Origins
) -> Iterator[Observer]:
    """The observers that machines read, as far as the settings ask for them."""
    if settings.log:
        yield stack.enter_context(Journal(settings.log, origins))
    if settings.metrics_port:
        from heaters.runner.metrics import Metrics  # not for commands that need none

        metrics = stack.enter_context(Metrics(ledger, stages))
        port = metrics.listen(settings.metrics_host, settings.metrics_port)
        output.say(f"metrics at http://{settings.metrics_host}:{port}/metrics")
        yield metrics


def _rows(database: Database, scope: Sequence[int] | None) -> list[dict[str, Any]]:
    with database.transaction() as tx:
        return list(tx.execute(query("videos"), {"ids": scope}).fetchall())


def _report(
    output: Output, database: Database, rows: list[dict[str, Any]], refused: list[Submission], *, drained: bool
) -> int:
    """Say how every video stands; returns the exit code."""
    failed = [row for row in rows if row["error"]]
    videos = [selected(row, VIDEO_KEYS) for row in rows] + [
        {"id": None, "source": s.source, "state": "refused", "error": s.error, "frame_count": None, "clips": 0}
        for s in refused
    ]
    count = len(failed) + len(refused)
    if output.as_json:
        output.json({"videos": videos, "failed": count})
    else:
        output.say()
        output.table(
            ("video", "state", "frames", "clips", "source"),
            [(r["id"], r["state"], r["frame_count"], r["clips"], r["source"]) for r in rows],
        )
        for row in failed:
            output.say(f"video {row['id']} failed: {row['error']}", style="red")
        for submission in refused:
            output.say(f"refused: {submission.error}", style="red")
        if failed:
            output.say("`heaters status` tells more; `heaters retry` tries again what gave up.")
        _next_step(output, database, rows)
    if not drained:
        output.say("stopped; what was running was given back. The same command goes on from here.", style="yellow")
    return 1 if count or not drained else 0


def _next_step(output: Output, database: Database, rows: list[dict[str, Any]]) -> None:
    with database.transaction() as tx:
        row = tx.execute(query("oldest_waiting"), {"scope": [r["id"] for r in rows]}).fetchone()
    if row and row["waiting"]:
        output.say(
            f"{row['waiting']} clips wait for review: `heaters clips VIDEO`, then `heaters review approve CLIP…` "
            "(or run again with --auto-approve)."
        )
