"""`heaters review`: acts of review by clip number, for scripts and for those who like a terminal."""

import getpass
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from heaters.cli.naming import MOST_ID
from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.core.history import Event
from heaters.core.states import ReviewAction
from heaters.errors import RuleError, UsageError
from heaters.store.objects import store_of
from heaters.store.review import Reviews
from heaters.store.tracks import Tracks

MOST_LINES = 20  # of an answer to one act

app = typer.Typer(help="Decide on clips and edit cuts, by clip number.", no_args_is_help=True)

Clips = Annotated[list[int], typer.Argument(min=1, max=MOST_ID, help="Clips, as `heaters clips VIDEO` lists them.")]
Clip = Annotated[int, typer.Argument(min=1, max=MOST_ID, help="The number of a clip.")]
Frame = Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Of the video: the first of the right-hand clip.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; the login name if not given.")]


@contextmanager
def _desk(reviewer: str | None) -> Iterator[tuple[Reviews, str]]:
    with opened() as (settings, database):
        store = store_of(settings)
        yield Reviews(database, Tracks(store)), reviewer or getpass.getuser()


def _many(action: ReviewAction, clips: list[int], by: str | None, as_json: bool) -> None:
    """The same decision on several clips; one that is refused does not keep the others."""
    output = Output(as_json=as_json)
    rows: list[dict[str, int | str | None]] = []
    with _desk(by) as (reviews, reviewer):
        for clip in clips:
            try:
                event = reviews.act(action, clip, reviewer=reviewer, request_key=uuid.uuid4().hex)
                rows.append({"clip": clip, "event": event.id, "error": None})
            except (RuleError, UsageError) as error:
                rows.append({"clip": clip, "event": None, "error": str(error)})
    if as_json:
        output.json(rows)
    for row in rows:
        text = f"clip {row['clip']}: {row['error'] or action}"
        output.say(text, style="red" if row["error"] else None)
    raise typer.Exit(1 if any(row["error"] for row in rows) else 0)


def approve(clips: Clips, by: By = None, as_json: AsJson = False) -> None:
    """Approve clips: their export becomes due."""
    _many(ReviewAction.APPROVE, clips, by, as_json)


def skip(clips: Clips, by: By = None, as_json: AsJson = False) -> None:
    """Skip clips: not wanted, kept."""
    _many(ReviewAction.SKIP, clips, by, as_json)


def archive(clips: Clips, by: By = None, as_json: AsJson = False) -> None:
    """Archive clips: not wanted, may be deleted."""
    _many(ReviewAction.ARCHIVE, clips, by, as_json)


def group(clips: Clips, by: By = None, as_json: AsJson = False) -> None:
    """Approve clips and link each with the one before it."""
    _many(ReviewAction.GROUP, clips, by, as_json)


def merge(clips: Clips, by: By = None, as_json: AsJson = False) -> None:
    """Join clips with the one before each."""
    _many(ReviewAction.MERGE, clips, by, as_json)


def split(clip: Clip, frame: Frame, by: By = None, as_json: AsJson = False) -> None:
    """Cut a clip in two before a frame."""
    _edit(ReviewAction.SPLIT, clip, frame, by, as_json)


def move(clip: Clip, frame: Frame, by: By = None, as_json: AsJson = False) -> None:
    """Move the cut at a clip's start to a frame."""
    _edit(ReviewAction.MOVE, clip, frame, by, as_json)


def _edit(action: ReviewAction, clip: int, frame: int, by: str | None, as_json: bool) -> None:
    output = Output(as_json=as_json)
    with _desk(by) as (reviews, reviewer):
        event = reviews.act(action, clip, reviewer=reviewer, request_key=uuid.uuid4().hex, frame=frame)
    _tell(output, event)


def undo(by: By = None, as_json: AsJson = False) -> None:
    """Take back one's last act."""
    output = Output(as_json=as_json)
    with _desk(by) as (reviews, reviewer):
        event = reviews.undo(reviewer=reviewer, request_key=uuid.uuid4().hex)
    _tell(output, event)


def redo(by: By = None, as_json: AsJson = False) -> None:
    """Do again what one took back last."""
    output = Output(as_json=as_json)
    with _desk(by) as (reviews, reviewer):
        event = reviews.redo(reviewer=reviewer, request_key=uuid.uuid4().hex)
    _tell(output, event)


def _tell(output: Output, event: Event) -> None:
    if output.as_json:
        output.json(
            {"event": event.id, "action": str(event.change.action), "clips": event.change.after.to_json()["clips"]}
        )
        return
    output.say(f"{event.change.action} is event {event.id}")
    clips = event.change.after.clips
    if len(clips) > MOST_LINES:  # a whole video that was cut anew
        active = sum(clip.is_active for clip in clips)
        output.say(f"  {active} clips came, {len(clips) - active} are retired")
        return
    for clip in clips:
        gone = " (retired)" if not clip.is_active else ""
        output.say(f"  clip {clip.id} {clip.span} {clip.state}{gone}")


for _verb in (approve, skip, archive, split, merge, move, group, undo, redo):
    app.command(_verb.__name__)(_verb)
