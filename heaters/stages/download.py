"""Stage `download`: source → master in the object store, with probe facts and provenance."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from psycopg.types.json import Jsonb

from heaters.core import keys
from heaters.core.address import Address, whole
from heaters.core.names import readable
from heaters.errors import SourceRefused
from heaters.media.fetch import Fetched, FetchLimits, fetch, is_s3
from heaters.media.probe import Probe, probe
from heaters.settings import Settings
from heaters.stages.base import Context, Outcome, StageCode, StageResult, Transaction, each, plain
from heaters.stages.scratch import scratch
from heaters.store.cache import Cache
from heaters.store.objects import store_of
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A source. `content_hash` is set when the submitter could hash it (a local file)."""

    id: int
    source: str | Address
    content_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadResult(StageResult):
    """The master is in the store, verified."""

    bulk: ClassVar[frozenset[str]] = frozenset({"probe", "provenance"})

    content_hash: str
    source_key: str
    size_bytes: int
    title: str
    strategy: str  # how it was obtained: copy, or the yt-dlp format strategy that worked
    formats_offered: int
    format_obtained: str
    resolution_obtained: tuple[int, int] | None
    resolution_best: tuple[int, int] | None
    is_best_resolution: bool
    resumed_bytes: int
    probe: Probe
    provenance: dict[str, Any]

    @property
    def brought(self) -> str:
        """The hash of the master."""
        return self.content_hash

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        shape = f"{self.probe.codec} {self.probe.width}×{self.probe.height}"
        return f"{self.size_bytes / 1e6:.1f} MB, {shape}, {self.strategy}"


class Worker:
    """Fetches, probes and stores; holds no model."""

    def __init__(self, settings: Settings) -> None:
        self._scratch = settings.scratch
        self._store = store_of(settings)
        self._cache = Cache.of(settings)
        self._settings = settings

    def __call__(self, items: Sequence[Input], context: Context) -> list[Outcome[DownloadResult]]:
        return each(items, lambda item: self._one(item, context))

    def _one(self, item: Input, context: Context) -> DownloadResult:
        begun = time.monotonic()
        limits = FetchLimits(
            max_bytes=int(self._settings.max_source_gib * 2**30),
            timeout_seconds=context.timeout_seconds,
            bytes_per_second=self._settings.download_mib_per_second * 2**20,
            allow_private_hosts=self._settings.allow_private_hosts,
            cookies_file=self._settings.cookies_file,
            proxy_url=self._settings.proxy_url,
        )
        with scratch(self._scratch, f"download-{item.id}", keep_on_error=True) as folder:
            source = whole(item.source)
            fetched = self._from_s3(source, folder, limits) if is_s3(source) else fetch(source, folder, limits=limits)
            if item.content_hash not in (None, fetched.sha256):
                name = Path(str(item.source)).name
                raise SourceRefused(
                    f"{name} changed since it was submitted: its SHA-256 was {item.content_hash}, "
                    f"now {fetched.sha256}; submit the new file under another name"
                )
            facts = probe(fetched.path)
            stored = self._store.put_file(keys.source(fetched.sha256, fetched.extension), fetched.path)
            if not fetched.is_borrowed:  # the cache would link to a file that its owner may still write to
                self._cache.keep(self._store, stored, fetched.path)
        return DownloadResult(
            content_hash=fetched.sha256,
            source_key=stored.key,
            size_bytes=stored.size_bytes,
            title=fetched.title,
            strategy=fetched.strategy,
            formats_offered=len(fetched.formats_offered),
            format_obtained=fetched.format_obtained,
            resolution_obtained=fetched.resolution_obtained,
            resolution_best=fetched.resolution_best,
            is_best_resolution=fetched.is_best_resolution,
            resumed_bytes=fetched.resumed_bytes,
            probe=facts,
            provenance=provenance(fetched),
            seconds=time.monotonic() - begun,
        )

    def _from_s3(self, source: str, folder: Path, limits: FetchLimits) -> Fetched:
        from heaters.store import s3_source  # boto3 takes a third of a second that others need not

        name = PurePosixPath(source.partition("://")[2])
        path = folder / f"s3{name.suffix}"
        sha256, size_bytes = s3_source.fetch(
            source, path, endpoint=self._settings.s3_endpoint, most_bytes=limits.max_bytes
        )
        return Fetched(
            path=path,
            sha256=sha256,
            size_bytes=size_bytes,
            title=name.stem,
            extension=name.suffix.lstrip(".").lower(),
            strategy="s3",
            provenance={"extractor": "s3", "webpage_url": source},
        )


def provenance(fetched: Fetched) -> dict[str, Any]:
    """Where the video comes from, with what was offered and what was taken of it."""
    formats = {"formats_offered": list(fetched.formats_offered), "format_obtained": fetched.format_obtained}
    return {**fetched.provenance, "strategy": fetched.strategy, **(formats if fetched.formats_offered else {})}


def record(tx: Transaction, variant: int, done: Sequence[tuple[Input, DownloadResult]]) -> None:
    """Write the master's facts; a source whose bytes another video holds already becomes its duplicate."""
    del variant
    for item, result in done:
        _record(tx, item, result)


def _record(tx: Transaction, item: Input, result: DownloadResult) -> None:
    other = tx.execute(query("video_with_content"), {"content_hash": result.content_hash, "id": item.id}).fetchone()
    if other is not None and other["is_stored"]:
        tx.execute(query("record_duplicate"), {"id": item.id, "duplicate_of": other["id"]})
        # Somebody asks for these bytes once more: what was given up with them is tried once more.
        dead = [row["id"] for row in tx.execute(query("dead_failures"), {"video_id": other["id"]}).fetchall()]
        if dead:
            tx.execute(query("retry"), {"ids": dead, "stage": None, "error_type": None, "videos": None})
        return
    if other is not None:  # it waits for bytes that are here now, or died without them
        tx.execute(query("record_hand_over"), {"id": item.id, "other": other["id"]})
    facts = result.probe
    tx.execute(
        query("record_download"),
        {
            "id": item.id,
            "content_hash": result.content_hash,
            "size_bytes": result.size_bytes,
            "source_key": result.source_key,
            "title": readable(result.title),
            "container": facts.container,
            "codec": facts.codec,
            "width": facts.width,
            "height": facts.height,
            "rotation": facts.rotation,
            "duration_seconds": facts.duration_seconds,
            "frame_rate_num": facts.frame_rate.numerator if facts.frame_rate else None,
            "frame_rate_den": facts.frame_rate.denominator if facts.frame_rate else None,
            "has_audio": facts.has_audio,
            "colour": str(facts.colour),
            "fields": str(facts.fields),
            "timecode": facts.timecode,
            "holes": Jsonb([{name: str(value) for name, value in asdict(hole).items()} for hole in facts.holes]),
            "timecode_rate": str(facts.timecode_rate or ""),
            "streams": Jsonb(plain([asdict(stream) for stream in facts.streams])),
            "provenance": Jsonb(plain(result.provenance)),
        },
    )


STAGE = StageCode(input=Input, worker=Worker, record=record)
