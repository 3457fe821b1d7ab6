"""Lines that somebody wants to submit, looked at one by one before any is accepted. Nothing is fetched for that.

What lies on the server, or in a bucket that it may read, is taken from the places alone that HEATERS_UI_SOURCES names,
and never quoted: an operator of the page is not somebody who may read the server's files.
"""

import io
import itertools
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heaters.core.names import readable
from heaters.errors import HeatersError, SourceRefused, UsageError
from heaters.media.addresses import check_url
from heaters.media.fetch import is_s3, is_url
from heaters.media.sniff import looks_like
from heaters.sources import is_video_name
from heaters.store.queries import query
from heaters.submit import MANIFESTS, expand, listed
from ui.context import Context

MOST_LINES = 5000
LONGEST_LINE = 4096
GIB = 2**30
_TOO_LONG = f"a manifest here has at most {MOST_LINES:,} lines; `heaters submit` takes longer ones"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line and what is to be said of it. `sources`: what it stands for; more than one for a manifest.

    `video` is the video that it is already.
    """

    line: str
    ok: bool
    says: str
    sources: tuple[str, ...] = ()
    video: int | None = None

    def __post_init__(self) -> None:
        # A manifest may hold names that are no UTF-8; a line itself is answered as it was sent.
        object.__setattr__(self, "says", readable(self.says))


def check(context: Context, lines: Sequence[str]) -> list[Line]:
    """What is to be said of each line. Empty lines and comments are left out."""
    found = []
    seen: set[str] = set()
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        one = _check(context, text)
        if one.ok and text in seen:
            one = Line(line=text, ok=False, says="stands above already")
        seen.add(text)
        found.append(one)
    return _known(context, found)


def _check(context: Context, text: str) -> Line:
    try:
        if len(text) > LONGEST_LINE:
            raise UsageError(f"a line has at most {LONGEST_LINE} characters")
        if is_s3(text):
            return _object(context, text)
        if is_url(text):
            check_url(text, allow_private_hosts=context.settings.allow_private_hosts)
            return Line(line=text, ok=True, says="an address", sources=(text,))
        if not text.startswith("/"):
            raise UsageError("a path begins with / and is one on the server; to send a file from here, drop it beside")
        path = _own(context, text)
        if path.suffix.lower() in MANIFESTS and path.is_file():
            return _manifest(context, text, path)
        return Line(line=text, ok=True, says=_describe(context, path), sources=(str(path),))
    except HeatersError as error:
        return Line(line=text, ok=False, says=str(error))
    except (OSError, RuntimeError, ValueError) as error:
        return Line(line=text, ok=False, says=f"it cannot be a path: {error}")


def _own(context: Context, text: str) -> Path:
    """The file on the server that a line names, links resolved.

    Raises SourceRefused outside the places for it, the same whether it is there or not.
    """
    try:
        path = Path(text).resolve()
    except (OSError, ValueError, RuntimeError):
        raise SourceRefused("it is not a path") from None
    folders = [place for place in context.settings.ui_sources if not is_s3(place)]
    if not any(path.is_relative_to(folder) for folder in folders):
        raise SourceRefused(_closed("files on the server"))
    return path


def _closed(what: str) -> str:
    return (
        f"{what} are taken from the places alone that HEATERS_UI_SOURCES names on the server; send the file from here, "
        "or use `heaters submit` there"
    )


def _object(context: Context, text: str) -> Line:
    """An object in S3; what lists others takes long to look through."""
    prefixes = [f"{place}/" for place in context.settings.ui_sources if is_s3(place)]
    if not text.startswith(tuple(prefixes)) or "/../" in text:
        raise SourceRefused(_closed("objects in S3"))
    if not is_video_name(text):
        raise UsageError("here an object in S3 must be a video; `heaters submit` also takes prefixes and manifests")
    return Line(line=text, ok=True, says="an object in S3", sources=(text,))


def _manifest(context: Context, text: str, path: Path) -> Line:
    """A manifest on the server, each of its lines looked at."""
    named = list(itertools.islice(expand([str(path)]), MOST_LINES + 1))
    if len(named) > MOST_LINES:
        raise UsageError(_TOO_LONG)
    looked = [_check(context, source) for source in named if Path(source).suffix.lower() not in MANIFESTS]
    sources = tuple(source for line in looked for source in line.sources)
    says = f"a manifest of {len(named):,}, {len(sources):,} of them fine"
    return Line(line=text, ok=bool(sources), says=says, sources=sources)


def _describe(context: Context, path: Path) -> str:
    """A file in a few words. Raises SourceRefused for one that cannot be a source."""
    try:
        facts = path.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise SourceRefused(f"it cannot be read on the server: {reason}") from None
    if not stat.S_ISREG(facts.st_mode):
        raise SourceRefused("it is not a regular file")
    if not os.access(path, os.R_OK):
        raise SourceRefused("the server may not read it")
    if facts.st_size == 0:
        raise SourceRefused("it is empty (0 bytes)")
    if facts.st_size > context.settings.max_source_gib * GIB:
        raise SourceRefused(f"it has {facts.st_size / GIB:.1f} GiB; HEATERS_MAX_SOURCE_GIB allows less")
    seems = looks_like(path)
    if any(word in seems for word in ("web page", "XML", "JSON", "playlist", "PDF", "archive", "image", "text")):
        raise SourceRefused(seems)
    return f"a file of {facts.st_size / 2**20:,.1f} MiB"


def _known(context: Context, lines: list[Line]) -> list[Line]:
    """Mark the lines that are videos already."""
    sources = [line.sources[0] for line in lines if line.ok and len(line.sources) == 1]
    with context.database.transaction() as tx:
        rows = tx.execute(query("videos_of_sources"), {"sources": sources}).fetchall()
    videos = {row["source"]: row["id"] for row in rows}
    marked = []
    for line in lines:
        video = videos.get(line.sources[0]) if line.ok and len(line.sources) == 1 else None
        says = f"known already: video {video}" if video else line.says
        marked.append(Line(line=line.line, ok=line.ok, says=says, sources=line.sources, video=video))
    return marked


def of_manifest(name: str, text: str) -> list[str]:
    """The lines that the text of a manifest holds. Raises UsageError naming line and rule where it cannot be read."""
    suffix = Path(name).suffix.lower()
    if suffix not in MANIFESTS:
        raise UsageError(f"a manifest is one of {', '.join(sorted(MANIFESTS))}; got {name[:100]!r}")
    if "\0" in text:
        raise UsageError(f"the manifest {Path(name).name} cannot be read: it is no text in UTF-8")
    # A relative path counts from the manifest's folder, which the server does not know: it stays as it is.
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    found = list(itertools.islice(listed(Path(name).name, lines), MOST_LINES + 1))
    if len(found) > MOST_LINES:
        raise UsageError(_TOO_LONG)
    return found
