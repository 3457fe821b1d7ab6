"""`heaters withdraw`: videos go, with all that was made of them, and do not come back."""

import getpass
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.core.address import is_url, shielded
from heaters.errors import RuleError, UsageError
from heaters.store.objects import store_of
from heaters.store.withdrawals import Named, Withdrawals, Withdrawn
from heaters.submit import listed, normalised
from heaters.withdraw import Report, clear, withdrawn_row

NAMES_AT_ONCE = 2000
# How long to wait for drivers to end what they had begun. A download may take hours: its driver clears up then.
WAIT_SECONDS = 20.0
MOST_LINES = 50

Videos = Annotated[
    list[str] | None,
    typer.Argument(help="Videos by number, source or SHA-256; nothing: go on with what was begun."),
]
From = Annotated[Path | None, typer.Option("--from", help="A file with more of them: .txt, .csv or .jsonl.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; told to whoever submits it again.")]
By = Annotated[str | None, typer.Option("--by", help="Who withdraws; the login name if not given.")]
Outputs = Annotated[
    list[str] | None, typer.Option("--dataset", help="Look into this dataset, too: one that another database wrote.")
]
Listed = Annotated[bool, typer.Option("--list", help="List what was withdrawn, and change nothing.")]
Allow = Annotated[bool, typer.Option("--allow-again", help="Let these be submitted again.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def withdraw_command(
    videos: Videos = None,
    listed_in: From = None,
    reason: Reason = "",
    by: By = None,
    dataset: Outputs = None,
    list_them: Listed = False,
    allow_again: Allow = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take videos out, for good: rows, clips, vectors, objects, caches. Their sources and bytes may not come back.

    Datasets that hold clips of them are listed, and stay as they are. Stopped anywhere, the same command goes on.
    """
    output = Output(as_json=as_json)
    names = [*(videos or []), *(_names_in(listed_in) if listed_in else [])]
    with opened() as (settings, database):
        withdrawals = Withdrawals(database, store_of(settings))
        named = _named(withdrawals, names)
        if list_them or allow_again:
            if allow_again:
                _allow(output, withdrawals, named)
            else:
                _list(output, withdrawals.tombstones(named.sources if names else None))
            return
        if named.videos and not yes and sys.stdin.isatty():
            typer.confirm(f"Delete for good, with all that was made of them: {len(named.videos)} videos?", abort=True)
        sources = [*named.sources]
        try:
            for taken in withdrawals.withdraw(named.videos, by=by or getpass.getuser(), reason=reason):
                sources += taken
        except RuleError as error:
            raise UsageError(str(error)) from error
        report = clear(
            settings, database, withdrawals, sources if names else None, dataset or [], wait_seconds=WAIT_SECONDS
        )
    if as_json:
        output.json(report.plain())
    else:
        _tell(output, report)
    raise typer.Exit(report.code)


def _names_in(path: Path) -> Iterator[str]:
    """The videos in a file: numbers and URLs as they are, paths from where the file lies. Raises UsageError."""
    try:
        with path.expanduser().open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            for name in listed(path, file):
                yield name if _is_name(name) else str(path.parent / name)
    except OSError as error:
        raise UsageError(f"--from {path} cannot be read: {error.strerror}") from error


def _is_name(name: str) -> bool:
    """Whether it is a number, a hash, or a source that is the same from everywhere."""
    return name.isdecimal() or _is_hash(name) or is_url(name) or name.startswith(("~", "/"))


def _is_hash(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _named(withdrawals: Withdrawals, names: Sequence[str]) -> Named:
    """What the names mean. Raises UsageError for one that is neither a video nor was ever withdrawn."""
    stored = [name if name.isdecimal() or _is_hash(name) else normalised(name) for name in names]
    found = [withdrawals.named(stored[at : at + NAMES_AT_ONCE]) for at in range(0, len(stored), NAMES_AT_ONCE)]
    unknown = [name for some in found for name in some.unknown]
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise UsageError(
            f"there is no video {shielded(unknown[0])}{more}, and none was withdrawn; `heaters status` lists them"
        )
    return Named(
        videos=tuple(sorted({video for some in found for video in some.videos})),
        sources=tuple(sorted({source for some in found for source in some.sources})),
        unknown=(),
    )


def _tell(output: Output, report: Report) -> None:
    for one in report.withdrawn[:MOST_LINES]:
        output.say(f"withdrawn  {one.source}, which was video {one.video_id} with {one.clips} clips")
    for holder in report.datasets:
        if holder.error:
            output.say(f"dataset    {holder.location} may hold some: {holder.error}", style="yellow")
        else:
            output.say(
                f"dataset    {holder.location} still holds {holder.clips} clips of {holder.sources} sources, "
                f"in {len(holder.shards)} shards",
                style="yellow",
            )
    for row in report.at_work:
        output.say(
            f"at work    {row['driver']} is in {row['stage']} of video {row['video_id']} still; "
            "when it ends, its driver deletes what it put",
            style="yellow",
        )
    left = sum(one.finished_at is None for one in report.withdrawn)
    output.say(
        f"summary    {len(report.withdrawn)} sources withdrawn, {report.deleted.objects} objects of "
        f"{report.deleted.size_bytes / 1e6:.1f} MB deleted"
        + (f"; {left} not finished: the same command goes on" if left else "")
    )


def _list(output: Output, tombstones: Iterable[Withdrawn]) -> None:
    if output.as_json:
        output.json_rows(withdrawn_row(one) for one in tombstones)
        return
    columns = ("video", "withdrawn", "by", "objects", "reason", "source")
    rows = [
        (
            one.video_id,
            f"{one.withdrawn_at:%Y-%m-%d %H:%M}",
            one.withdrawn_by,
            "gone" if one.finished_at else "to be deleted",
            one.reason,
            one.source,
        )
        for one in tombstones
    ]
    output.table(columns, rows)


def _allow(output: Output, withdrawals: Withdrawals, named: Named) -> None:
    """Raises UsageError where nothing is named, or a withdrawal is not finished."""
    if not named.sources:
        raise UsageError("--allow-again takes videos that were withdrawn; `heaters withdraw --list` lists them")
    allowed = [shielded(source) for source in withdrawals.allow_again(named.sources)]
    if output.as_json:
        output.json({"allowed": [str(source) for source in allowed]})
    for source in allowed:
        output.say(f"allowed    {source} may be submitted again")
    if len(allowed) < len(named.sources):
        raise UsageError("what is not finished yet stays withdrawn; `heaters withdraw` goes on with it")
