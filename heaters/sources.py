"""What a person names → single sources: manifests and prefixes wherever they lie, playlists, a watched folder.

`submit` takes one source at a time, whatever led to it, so all of them meet in one place.
"""

import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

from heaters.errors import FetchError, SourceRefused, UsageError
from heaters.media.fetch import FetchLimits, is_s3, is_url, list_web, read_web
from heaters.settings import Settings
from heaters.submit import MANIFESTS, Submission, expand, listed

# What a prefix or a watched folder is searched for. A source that is named itself may have any name.
VIDEOS = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2v", ".ts", ".m2ts", ".mts"),
        *(".mxf", ".flv", ".wmv", ".ogv", ".3gp", ".vob", ".y4m"),
    }
)
MANIFEST_BYTES = 64 * 2**20
LIST_SECONDS = 600.0
# A file is taken once it has stopped changing for so long: whoever copies it may pause.
SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Expands what is named. `playlists`: a URL may stand for all videos that it names, not for one alone."""

    settings: Settings
    playlists: bool = False

    def sources(self, named: Iterable[str]) -> Iterator[str | Submission]:
        """The same for `submit_all`: a list that cannot be reached is refused, and does not keep the others."""
        for one in named:
            try:
                yield from self.expand([one])
            except (SourceRefused, FetchError) as error:
                yield Submission(source=one, video_id=None, error=f"{type(error).__name__}: {error}")

    def expand(self, named: Sequence[str]) -> Iterator[str]:
        """The single sources. Raises UsageError for a manifest that cannot be read, SourceRefused and FetchError for
        what cannot be reached.
        """
        for source in expand(named):
            yield from self._one(source)

    def _one(self, source: str) -> Iterator[str]:
        if not is_url(source):
            yield source
        elif is_s3(source):
            yield from self._s3(source)
        elif _suffix(source) in MANIFESTS:
            with self._folder() as folder:
                text = read_web(source, folder, limits=self._limits())
            yield from self._manifest(source, text)
        elif self.playlists:
            with self._folder() as folder:
                found = list_web(source, folder, limits=self._limits())
            yield from found
        else:
            yield source

    def _s3(self, source: str) -> Iterator[str]:
        from heaters.store import s3_source  # boto3 takes a third of a second

        suffix = _suffix(source)
        if suffix in MANIFESTS:
            data = s3_source.read(source, endpoint=self.settings.s3_endpoint, most_bytes=MANIFEST_BYTES)
            yield from self._manifest(source, _text(source, data))
        elif suffix in VIDEOS:
            yield source
        else:
            found = (s for s in s3_source.listed(source, endpoint=self.settings.s3_endpoint) if _suffix(s) in VIDEOS)
            first = next(found, None)
            if first is None:
                raise UsageError(f"there is no video under {source}")
            yield from chain([first], found)

    def _manifest(self, name: str, text: str) -> Iterator[str]:
        """The sources of a manifest that lies elsewhere; relative ones count from it."""
        for found in listed(urlsplit(name).path, text.splitlines()):
            absolute = found if is_url(found) else _joined(name, found)
            if _suffix(absolute) in MANIFESTS:
                raise UsageError(f"a manifest lists videos, not manifests; {name} names {found}")
            yield from self._s3(absolute) if is_s3(absolute) else iter([absolute])

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """A folder for the child that looks; nothing of it stays."""
        folder = self.settings.scratch / f"list-{uuid.uuid4().hex[:12]}"
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _limits(self) -> FetchLimits:
        return FetchLimits(
            max_bytes=MANIFEST_BYTES,
            timeout_seconds=LIST_SECONDS,
            allow_private_hosts=self.settings.allow_private_hosts,
            cookies_file=self.settings.cookies_file,
            proxy_url=self.settings.proxy_url,
        )


def is_video_name(source: str) -> bool:
    """Whether a path, URL or key ends as the name of a video does."""
    return _suffix(source) in VIDEOS


def watch(folder: Path, stop: threading.Event, *, settle_seconds: float = SETTLE_SECONDS) -> Iterator[Path]:
    """Every video that is in a folder or below it, and every one that comes, as soon as it has stopped changing.

    Looks, instead of being told: network folders tell nothing. Hidden files, and names that no video has (`.part`), are
    passed over, and so are links that lead out of the folder. A file that changes later comes again. Ends when `stop`
    is set. Raises UsageError for no folder.
    """
    if not folder.is_dir():
        raise UsageError(f"--watch needs a folder; got {folder}")
    seen: dict[Path, tuple[int, int]] = {}
    changed: dict[Path, float] = {}
    given: dict[Path, tuple[int, int]] = {}
    root = folder.resolve()
    while not stop.is_set():
        now = time.monotonic()
        for path in sorted(folder.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if hidden or path.suffix.lower() not in VIDEOS:
                continue
            try:
                facts = path.stat()
                inside = path.resolve().is_relative_to(root)
            except (OSError, RuntimeError):  # gone since, or a link to itself
                continue
            if not inside:
                continue
            mark = (facts.st_size, facts.st_mtime_ns)
            if seen.get(path) != mark:
                seen[path], changed[path] = mark, now
            elif facts.st_size and given.get(path) != mark and now - changed[path] >= settle_seconds:
                given[path] = mark
                yield path
        stop.wait(min(1.0, settle_seconds / 2))


def _suffix(source: str) -> str:
    path = source.partition("://")[2] if is_s3(source) else urlsplit(source).path
    return PurePosixPath(path).suffix.lower()


def _joined(manifest: str, source: str) -> str:
    if is_s3(manifest):
        return f"{manifest.rpartition('/')[0]}/{source}"
    return urljoin(manifest, source)


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the manifest {name} cannot be read: {error}") from error
