"""Bring sources into the database: a URL, a file, or a manifest of them. The same source or bytes is the same video."""

import csv
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heaters.core.address import Address, redact, shielded, whole
from heaters.core.names import path_of, readable, stored_path
from heaters.core.pipeline import Change
from heaters.errors import HeatersError, SourceRefused, UsageError
from heaters.media.fetch import is_url
from heaters.store.db import Cursor, Database
from heaters.store.queries import query
from heaters.store.withdrawals import barred

MANIFESTS = frozenset({".txt", ".csv", ".jsonl"})
COLUMNS = ("source", "url", "path")

LONGEST_BYTES = 2600  # of a source: the database's index of them takes no longer ones
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
        source, error = shielded(self.source), self.error and redact(self.error)
        # Shown and logged, never opened.
        object.__setattr__(self, "source", readable(source) if isinstance(source, str) else source)
        object.__setattr__(self, "error", error and readable(error))


def normalised(source: str) -> str:
    """The form a source is stored in: a URL as it is, a path absolute with its links resolved, its bytes kept.

    Raises OSError, RuntimeError and ValueError for what cannot be a path.
    """
    if is_url(source):
        return source.strip()
    return stored_path(str(Path(path_of(source)).expanduser().resolve()))


def expand(sources: Sequence[str]) -> Iterator[str]:
    """Replace manifests (.txt, .csv, .jsonl) by the sources they list, one a line; relative paths count from there.
    Messages name places in a manifest and quote nothing of it.

    Raises UsageError naming file, line and rule for a line that cannot be read.
    """
    for source in sources:
        manifest = _as_manifest(source)
        if manifest is not None:
            yield from _manifest(manifest)
        else:
            yield source


def _as_manifest(source: str) -> Path | None:
    try:
        path = Path(source).expanduser()
        return path if not is_url(source) and path.suffix.lower() in MANIFESTS and path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # a name too long, the home of nobody: refused with the other sources
        return None


def _manifest(path: Path) -> Iterator[str]:
    try:
        # Lines name files, whose names are bytes.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            for found in listed(path, file):
                if "\x00" in found:
                    raise UsageError(f"the manifest {path} cannot be read: it is no text in UTF-8")
                yield found if is_url(found) or found.startswith("~") else str(path.parent / found)
    except OSError as error:
        raise UsageError(f"the manifest {path} cannot be read: {error.strerror}") from error


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


def submit_all(
    database: Database, sources: Iterable[str | Submission], priority: int | None = None
) -> Iterator[Submission]:
    """Add sources as they come, many in a transaction; their answers in their order, in which those that are refused
    already keep their place. Memory does not grow with them. `priority`: that of their videos from here on, also of
    those that are known, 0 to 9 (first); None: new ones have 0, others the one they had.
    """
    group: list[_Row | Submission] = []
    begun = time.monotonic()
    for source in sources:
        group.append(source if isinstance(source, Submission) else _look(source))
        if len(group) >= GROUP_SOURCES or time.monotonic() - begun > GROUP_SECONDS:
            yield from _submit_group(database, group, priority)
            group, begun = [], time.monotonic()
    yield from _submit_group(database, group, priority)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A source as it is stored. The hash and size of a URL are known after the download only."""

    source: str
    title: str = ""
    content_hash: str | None = None
    size_bytes: int | None = None


def _look(source: str) -> _Row | Submission:
    """One source as a row, or why it is refused: one bad name does not keep the others."""
    try:
        return _row(source)
    except SourceRefused as error:
        return _refused(source, error)
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return _refused(source, SourceRefused(f"{source[:200]} cannot be a source: {reason}"))


def _row(source: str) -> _Row:
    stored = normalised(source)
    if len(stored.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        raise SourceRefused(f"a source has at most {LONGEST_BYTES} bytes; {stored[:200]}… has {len(stored)} characters")
    if is_url(stored):
        if readable(stored) != stored:
            raise SourceRefused(f"a URL is text without NUL or broken characters; got {stored[:200]}")
        return _Row(source=stored)
    path = Path(path_of(stored))
    content_hash, size_bytes = _measure(path)
    return _Row(source=stored, title=readable(path.stem), content_hash=content_hash, size_bytes=size_bytes)


def _submit_group(database: Database, group: Sequence[_Row | Submission], priority: int | None) -> Iterator[Submission]:
    rows = [one for one in group if isinstance(one, _Row)]
    # Again after a deadlock, because somebody else may submit the same sources in another order; and where one was
    # withdrawn meanwhile, which is seen the next time.
    answers = iter(database.run(lambda tx: _write(tx, rows, priority)) if rows else [])
    for one in group:
        yield next(answers) if isinstance(one, _Row) else one


def _write(tx: Cursor, rows: Sequence[_Row], priority: int | None) -> list[Submission]:
    why = barred(tx, [row.source for row in rows], [row.content_hash for row in rows])
    if why:
        open_rows = iter(_write_allowed(tx, [row for number, row in enumerate(rows) if number not in why], priority))
        return [
            _refused(row.source, SourceRefused(f"{shielded(row.source)} cannot be submitted: {why[number]}"))
            if number in why
            else next(open_rows)
            for number, row in enumerate(rows)
        ]
    return _write_allowed(tx, rows, priority)


def _write_allowed(tx: Cursor, rows: Sequence[_Row], priority: int | None) -> list[Submission]:
    added = {row["source"]: row["id"] for row in tx.execute(query("submit_videos"), _columns(rows)).fetchall()}
    answers: dict[int, Submission] = {}
    for number, row in enumerate(rows):
        if row.source in added:  # the same source again, further down, is known by then
            answers[number] = Submission(source=row.source, video_id=added.pop(row.source), is_new=True)
    known = [(number, row) for number, row in enumerate(rows) if number not in answers]
    if known:
        found = tx.execute(query("find_videos"), _columns([row for _, row in known])).fetchall()
        answers |= {number: _known(tx, row, there) for (number, row), there in zip(known, found, strict=True)}
    new = [answer.video_id for answer in answers.values() if answer.is_new]
    if new:
        tx.execute(query("announce_videos"), {"kind": str(Change.NEW), "ids": new})
    if priority is not None:
        ids = [answer.video_id for answer in answers.values() if answer.video_id is not None]
        tx.execute(query("prioritise"), {"priority": priority, "ids": ids})
    return [answers[number] for number in range(len(rows))]


def _columns(rows: Sequence[_Row]) -> dict[str, list[object]]:
    names = ("source", "title", "content_hash", "size_bytes")
    return {name: [getattr(row, name) for row in rows] for name in names}


def _known(tx: Cursor, row: _Row, found: dict[str, Any]) -> Submission:
    if found["id"] is None:
        raise HeatersError(
            f"{shielded(row.source)} was neither added nor found; it was deleted in between, submit it again"
        )
    changed = (
        found["source"] == row.source and row.content_hash and found["content_hash"] not in (None, row.content_hash)
    )
    if changed and found["duplicate_of"] is None:
        # Where what was submitted then is gone, and was never stored, the path stands for these bytes.
        if found["is_lost"] and _move(tx, row, found):
            return Submission(source=row.source, video_id=found["id"])
        return _refused(
            row.source,
            SourceRefused(
                f"{row.source} was submitted before with other bytes (video {found['id']}); "
                "give the new file another name"
            ),
        )
    known = whole(found["source"])
    if known != row.source and not is_url(known) and not Path(path_of(known)).exists():
        _move(tx, row, found)
    return Submission(source=row.source, video_id=found["duplicate_of"] or found["id"])


def _move(tx: Cursor, row: _Row, found: dict[str, Any]) -> bool:
    """The file of a known video lies elsewhere now, or is another one: it is fetched from there, if it was not yet."""
    given = {"id": found["id"], "source": row.source, "content_hash": row.content_hash, "size_bytes": row.size_bytes}
    is_moved = tx.execute(query("move_video"), given).fetchone() is not None
    if is_moved and not found["is_stored"]:
        tx.execute(query("retry"), {"ids": None, "stage": "download", "error_type": None, "videos": [found["id"]]})
        tx.execute(query("announce_videos"), {"kind": str(Change.NEW), "ids": [found["id"]]})
    return is_moved


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
