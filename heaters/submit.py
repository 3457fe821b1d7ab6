"""Bring sources into the database: a URL, a file, or a manifest of them. The same source or bytes is the same video."""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heaters.errors import HeatersError, SourceRefused, UsageError
from heaters.media.fetch import is_url
from heaters.store.db import Database
from heaters.store.queries import query

MANIFESTS = frozenset({".txt", ".csv", ".jsonl"})
COLUMNS = ("source", "url", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of one source: the video it is (new or already there), or why it was refused."""

    source: str
    video_id: int | None
    is_new: bool = False
    error: str | None = None


def normalised(source: str) -> str:
    """The form a source is stored in: a URL as it is, a path absolute with its links resolved."""
    return source.strip() if is_url(source) else str(Path(source).expanduser().resolve())


def expand(sources: Sequence[str]) -> Iterator[str]:
    """Replace manifests (.txt, .csv, .jsonl) by the sources they list, one a line.

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
            if path.suffix.lower() == ".csv":
                yield from _csv(path, csv.DictReader(file))
                return
            for number, line in enumerate(file, 1):
                text = line.strip()
                if not text or text.startswith("#"):
                    continue
                found = _json_line(path, number, text) if path.suffix.lower() == ".jsonl" else text
                yield _beside(path, found)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the manifest {path} cannot be read: {error}") from error


def _csv(path: Path, rows: "csv.DictReader[str]") -> Iterator[str]:
    column = next((name for name in COLUMNS if name in (rows.fieldnames or ())), None)
    if column is None:
        raise UsageError(f"the manifest {path} needs a column named source, url or path; got {rows.fieldnames}")
    for row in rows:
        if row[column] and row[column].strip():
            yield _beside(path, row[column].strip())


def _json_line(path: Path, number: int, text: str) -> str:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {number}: must be JSON; {error.msg} at column {error.colno}") from error
    found = value if isinstance(value, str) else None
    if isinstance(value, dict):
        found = next((value[name] for name in COLUMNS if isinstance(value.get(name), str)), None)
    if not found:
        raise UsageError(f"{path}, line {number}: must be a string or an object with source, url or path")
    return found


def _beside(manifest: Path, source: str) -> str:
    """A relative path in a manifest counts from the manifest's folder."""
    return source if is_url(source) else str(manifest.parent / Path(source).expanduser())


def submit(database: Database, source: str) -> Submission:
    """Add one source, or find the video it already is. A refusal is an answer, not an exception."""
    try:
        return _submit(database, normalised(source))
    except SourceRefused as error:
        return Submission(source=source, video_id=None, error=f"SourceRefused: {error}")


def _submit(database: Database, source: str) -> Submission:
    content_hash, size_bytes = (None, None) if is_url(source) else _measure(Path(source))
    title = "" if is_url(source) else Path(source).stem
    row = {"source": source, "title": title, "content_hash": content_hash, "size_bytes": size_bytes}
    with database.transaction() as tx:
        added = tx.execute(query("submit_video"), row).fetchone()
        if added is not None:
            return Submission(source=source, video_id=added["id"], is_new=True)
        known = tx.execute(query("find_video"), row).fetchone()
    if known is None:
        raise HeatersError(f"{source} was neither added nor found; it was deleted in between, submit it again")
    changed = known["source"] == source and content_hash and known["content_hash"] not in (None, content_hash)
    if changed and known["duplicate_of"] is None:
        raise SourceRefused(
            f"{source} was submitted before with other bytes (video {known['id']}); give the new file another name"
        )
    return Submission(source=source, video_id=known["duplicate_of"] or known["id"])


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
