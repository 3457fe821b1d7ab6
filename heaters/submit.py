"""Bring sources into the database: a URL, a file, or a manifest of them. The same source or bytes is the same video."""

import csv
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heaters.core.address import Address, redact, shielded
from heaters.core.pipeline import Change
from heaters.errors import HeatersError, SourceRefused, UsageError
from heaters.media.fetch import is_url
from heaters.store.db import Cursor, Database
from heaters.store.queries import query

MANIFESTS = frozenset({".txt", ".csv", ".jsonl"})
COLUMNS = ("source", "url", "path")

# One transaction takes so many sources: one by one 100,000 URLs are as many round trips.
GROUP_SOURCES = 2000
# Files are hashed before they are added; those that are ready do not wait longer for the others.
GROUP_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of one source: the video it is (new or already there), or why it was refused."""

    source: str | Address
    video_id: int | None
    is_new: bool = False
    error: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", shielded(self.source))
        object.__setattr__(self, "error", self.error and redact(self.error))


def normalised(source: str) -> str:
    """The form a source is stored in: a URL as it is, a path absolute with its links resolved."""
    return source.strip() if is_url(source) else str(Path(source).expanduser().resolve())


def expand(sources: Sequence[str]) -> Iterator[str]:
    """Replace manifests (.txt, .csv, .jsonl) by the sources they list, one a line; relative paths count from there.
    Messages name places in a manifest and quote nothing of it.

    Raises UsageError naming file, line and rule for a line that cannot be read.
    """
    for source in sources:
        path = Path(source).expanduser()
        if not is_url(source) and path.suffix.lower() in MANIFESTS and path.is_file():
            yield from _manifest(path)
        else:
            yield source


def _manifest(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for found in listed(path, file):
                yield found if is_url(found) else str(path.parent / Path(found).expanduser())
    except OSError as error:
        raise UsageError(f"the manifest {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the manifest {path} cannot be read: it is not UTF-8 at byte {error.start}") from error


def listed(name: str | Path, lines: Iterable[str]) -> Iterator[str]:
    """The sources in the lines of a manifest, whose name says its form. Raises UsageError as `expand` does."""
    suffix = Path(name).suffix.lower()
    if suffix == ".csv":
        yield from _csv(name, csv.DictReader(lines))
        return
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield _json_line(name, number, text) if suffix == ".jsonl" else text


def _csv(path: str | Path, rows: "csv.DictReader[str]") -> Iterator[str]:
    try:
        column = next((name for name in COLUMNS if name in (rows.fieldnames or ())), None)
        if column is None:
            raise UsageError(f"the manifest {path} needs a column named source, url or path")
        for row in rows:
            if row[column] and row[column].strip():
                yield row[column].strip()
    except csv.Error as error:
        raise UsageError(f"the manifest {path}, line {rows.line_num}: {error}") from error


def _json_line(path: str | Path, number: int, text: str) -> str:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {number}: must be JSON; {error.msg} at column {error.colno}") from error
    except RecursionError:
        raise UsageError(f"{path}, line {number}: the JSON is nested too deeply") from None
    found = value if isinstance(value, str) else None
    if isinstance(value, dict):
        found = next((value[name] for name in COLUMNS if isinstance(value.get(name), str)), None)
    if not found:
        raise UsageError(f"{path}, line {number}: must be a string or an object with source, url or path")
    return found


def submit(database: Database, source: str) -> Submission:
    """Add one source, or find the video it already is. A refusal is an answer, not an exception."""
    (answer,) = submit_all(database, [source])
    return answer


def submit_all(database: Database, sources: Iterable[str | Submission]) -> Iterator[Submission]:
    """Add sources as they come, many in a transaction; their answers in their order, in which those that are refused
    already keep their place. Memory does not grow with them.
    """
    group: list[_Row | Submission] = []
    begun = time.monotonic()
    for source in sources:
        group.append(source if isinstance(source, Submission) else _look(source))
        if len(group) >= GROUP_SOURCES or time.monotonic() - begun > GROUP_SECONDS:
            yield from _submit_group(database, group)
            group, begun = [], time.monotonic()
    yield from _submit_group(database, group)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A source as it is stored. The hash and size of a URL are known after the download only."""

    source: str
    title: str = ""
    content_hash: str | None = None
    size_bytes: int | None = None


def _look(source: str) -> _Row | Submission:
    stored = normalised(source)
    if is_url(stored):
        return _Row(source=stored)
    try:
        content_hash, size_bytes = _measure(Path(stored))
    except SourceRefused as error:
        return _refused(source, error)
    return _Row(source=stored, title=Path(stored).stem, content_hash=content_hash, size_bytes=size_bytes)


def _submit_group(database: Database, group: Sequence[_Row | Submission]) -> Iterator[Submission]:
    rows = [one for one in group if isinstance(one, _Row)]
    # Again after a deadlock: somebody else may submit the same sources in another order.
    answers = iter(database.run(lambda tx: _write(tx, rows)) if rows else [])
    for one in group:
        yield next(answers) if isinstance(one, _Row) else one


def _write(tx: Cursor, rows: Sequence[_Row]) -> list[Submission]:
    added = {row["source"]: row["id"] for row in tx.execute(query("submit_videos"), _columns(rows)).fetchall()}
    answers: dict[int, Submission] = {}
    for number, row in enumerate(rows):
        if row.source in added:  # the same source again, further down, is known by then
            answers[number] = Submission(source=row.source, video_id=added.pop(row.source), is_new=True)
    known = [(number, row) for number, row in enumerate(rows) if number not in answers]
    if known:
        found = tx.execute(query("find_videos"), _columns([row for _, row in known])).fetchall()
        answers |= {number: _known(row, there) for (number, row), there in zip(known, found, strict=True)}
    new = [answer.video_id for answer in answers.values() if answer.is_new]
    if new:
        tx.execute(query("announce_videos"), {"kind": str(Change.NEW), "ids": new})
    return [answers[number] for number in range(len(rows))]


def _columns(rows: Sequence[_Row]) -> dict[str, list[object]]:
    names = ("source", "title", "content_hash", "size_bytes")
    return {name: [getattr(row, name) for row in rows] for name in names}


def _known(row: _Row, found: dict[str, Any]) -> Submission:
    if found["id"] is None:
        raise HeatersError(
            f"{shielded(row.source)} was neither added nor found; it was deleted in between, submit it again"
        )
    changed = (
        found["source"] == row.source and row.content_hash and found["content_hash"] not in (None, row.content_hash)
    )
    if changed and found["duplicate_of"] is None:
        return _refused(
            row.source,
            SourceRefused(
                f"{row.source} was submitted before with other bytes (video {found['id']}); "
                "give the new file another name"
            ),
        )
    return Submission(source=row.source, video_id=found["duplicate_of"] or found["id"])


def _refused(source: str, error: SourceRefused) -> Submission:
    return Submission(source=source, video_id=None, error=f"SourceRefused: {error}")


def _measure(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a local file."""
    if not path.exists():
        raise SourceRefused(f"{path} does not exist")
    if not path.is_file():
        raise SourceRefused(f"{path} must be a file")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size_bytes = file.tell()
    except OSError as error:
        raise SourceRefused(f"{path} cannot be read: {error.strerror}") from error
    if size_bytes == 0:
        raise SourceRefused(f"{path} is empty (0 bytes)")
    return digest, size_bytes
