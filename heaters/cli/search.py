"""`heaters search`: clips by words, pictures and other clips, added up and taken away."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from heaters.cli.facts import Facts, bounds
from heaters.cli.naming import MOST_ID, video_id
from heaters.cli.output import AsJson, Output
from heaters.cli.session import opened
from heaters.errors import UsageError
from heaters.search import Filters, Page, Query, Search, Term

HIT_KEYS = ("clip_id", "video_id", "score", "start_seconds", "end_seconds", "title", "state", "duplicates")

_ADD, _PART, _ONLY = "What to look for", "Which part of the answer", "Only clips"
_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]

LikeClips = Annotated[list[int] | None, typer.Option(min=1, max=MOST_ID, help="Like this clip.", rich_help_panel=_ADD)]
UnlikeClips = Annotated[
    list[int] | None, typer.Option(min=1, max=MOST_ID, help="Away from this clip.", rich_help_panel=_ADD)
]


def search_command(
    text: Annotated[list[str] | None, typer.Argument(help="What to look for, in words; each a term.")] = None,
    image: Annotated[list[Path] | None, typer.Option(help="Like this picture.", rich_help_panel=_ADD)] = None,
    clip: LikeClips = None,
    minus: Annotated[list[str] | None, typer.Option(help="Away from these words.", rich_help_panel=_ADD)] = None,
    minus_image: Annotated[list[Path] | None, typer.Option(help="Away from this picture.")] = None,
    minus_clip: UnlikeClips = None,
    random: Annotated[bool, typer.Option(help="Like a clip picked by chance.", rich_help_panel=_ADD)] = False,
    seed: Annotated[int | None, typer.Option(help="Picks the same clip again.", rich_help_panel=_ADD)] = None,
    k: Annotated[int, typer.Option(help="How many.", rich_help_panel=_PART)] = 10,
    page: Annotated[int, typer.Option(help="Which page, from 1.", rich_help_panel=_PART)] = 1,
    collapse: Annotated[
        float | None, typer.Option(help="Fold clips nearer than this cosine, such as 0.95.", rich_help_panel=_PART)
    ] = None,
    exact: Annotated[bool, typer.Option(help="Look at every vector.", rich_help_panel=_PART)] = False,
    model: Annotated[str, typer.Option(help="Search this model's vectors.", rich_help_panel=_PART)] = "",
    strategy: Annotated[str, typer.Option(help="Search this strategy's vectors.", rich_help_panel=_PART)] = "",
    video: Annotated[list[str] | None, typer.Option(help="of these videos.", rich_help_panel=_ONLY)] = None,
    state: Annotated[list[str] | None, typer.Option(help="in these states.", rich_help_panel=_ONLY)] = None,
    min_seconds: Annotated[float | None, typer.Option(help="at least so long.", rich_help_panel=_ONLY)] = None,
    max_seconds: Annotated[float | None, typer.Option(help="shorter than this.", rich_help_panel=_ONLY)] = None,
    since: Annotated[datetime | None, typer.Option(help="made then or later (UTC).", formats=_DATES)] = None,
    until: Annotated[datetime | None, typer.Option(help="made before (UTC).", formats=_DATES)] = None,
    reviewed_since: Annotated[datetime | None, typer.Option(help="reviewed then or later.", formats=_DATES)] = None,
    reviewed_until: Annotated[datetime | None, typer.Option(help="reviewed before.", formats=_DATES)] = None,
    where: Facts = None,
    as_json: AsJson = False,
) -> None:
    """Find clips by words, pictures or other clips; what is taken away steers away from it."""
    output = Output(as_json=as_json)
    if page < 1:
        raise UsageError(f"pages are counted from 1; got {page}")
    terms = [*_terms(1.0, text, image, clip), *_terms(-1.0, minus, minus_image, minus_clip)]
    if not terms and not random:
        raise UsageError("search takes TEXT, --image, --clip or --random; got none of them")
    with opened() as (settings, database):
        filters = Filters(
            videos=tuple(video_id(database, name) for name in video) if video else None,
            states=tuple(state) if state else None,
            min_seconds=min_seconds,
            max_seconds=max_seconds,
            created_since=since,
            created_until=until,
            reviewed_since=reviewed_since,
            reviewed_until=reviewed_until,
            facts=bounds(where),
        )
        search = Search(database, settings)
        if random:
            picked = search.random_clip(filters, model=model, strategy=strategy, seed=seed)
            if picked is None:
                raise UsageError("there is no clip to pick from: none that has a vector passes the filters")
            output.say(f"like clip {picked.clip_id} of {picked.title or f'video {picked.video_id}'}, picked by chance")
            terms.append(Term.clip(picked.clip_id))
        options: dict[str, Any] = {"k": k, "model": model, "strategy": strategy, "collapse": collapse, "exact": exact}
        found = search.page(Query(terms=tuple(terms), filters=filters, **options), page)
    _show(output, found, search.note)


def _terms(
    weight: float, texts: list[str] | None, images: list[Path] | None, clips: list[int] | None
) -> Iterator[Term]:
    yield from (Term.text(words, weight=weight) for words in texts or ())
    yield from (Term.image(path, weight=weight) for path in images or ())
    yield from (Term.clip(number, weight=weight) for number in clips or ())


def _show(output: Output, page: Page, note: str) -> None:
    if output.as_json:
        output.json([{name: getattr(hit, name) for name in HIT_KEYS} for hit in page.hits])
        return
    folded = any(hit.duplicates for hit in page.hits)
    output.table(
        ("clip", "score", "video", "from", "to", *(["alike"] if folded else []), "title"),
        [
            (
                *(h.clip_id, round(h.score, 3), h.video_id, round(h.start_seconds, 2), round(h.end_seconds, 2)),
                *([len(h.duplicates)] if folded else []),
                h.title,
            )
            for h in page.hits
        ],
    )
    if not page.hits:
        output.say("nothing found")
    if page.next:
        output.say("there is more: --page")
    for line in (page.note, note):
        if line:
            output.say(line, style="dim")
