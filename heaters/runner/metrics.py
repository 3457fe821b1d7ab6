"""The pipeline's figures for Prometheus, at /metrics of the driver. They need no Ray.

Several drivers have a series each (`instance`); the queue is the same for all of them, so take its maximum.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from heaters.core.pipeline import Stage
from heaters.errors import ConfigError, HeatersError
from heaters.runner.claims import Claim, Ended, Failure
from heaters.settings import Settings
from heaters.status import counts, stage_status
from heaters.store.db import Database

_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 3 * 3600)
_BATCH = (1, 2, 4, 8, 16, 32, 64)
OUTCOMES = ("done", "retry", "dead")  # of an attempt
# Counting a long queue costs the database something: it is asked at most this often, whoever scrapes.
FRESH_SECONDS = 10.0

Depths = dict[tuple[str, str], int]  # (stage, waiting | running | retrying | dead) → items


class Queue(Collector):
    """How many items wait, run, wait for a retry or gave up, by stage; read when somebody asks."""

    def __init__(self, read: Callable[[], Depths]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._depths: Depths = {}
        self._read_at = float("-inf")

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """For prometheus_client. While the database does not answer there are no series, rather than old ones."""
        with self._lock:
            if time.monotonic() - self._read_at > FRESH_SECONDS:
                try:
                    self._depths = self._read()
                except HeatersError:
                    self._depths = {}
                self._read_at = time.monotonic()
            depths = dict(self._depths)
        family = GaugeMetricFamily("heaters_queue_items", "Items of a stage.", labels=["stage", "status"])
        for (stage, status), items in depths.items():
            family.add_metric([stage, status], items)
        yield family


def depths(database: Database, settings: Settings, stages: Sequence[Stage]) -> Depths:
    """The queue by the kept counts."""
    with database.transaction() as tx:
        kept = counts(tx, settings)
    rows = [stage_status(stage, kept, settings) for stage in stages]
    return {
        (row.stage, status): getattr(row, status)
        for row in rows
        for status in ("waiting", "running", "retrying", "dead")
    }


class Metrics:
    """Counts what a runner tells; its observer. Use as a context manager. Nothing global is touched."""

    def __init__(self, database: Database, settings: Settings, stages: Sequence[Stage]) -> None:
        self._registry = to = CollectorRegistry()
        to.register(Queue(lambda: depths(database, settings, stages)))
        self._seconds = Histogram(
            "heaters_stage_seconds", "Work on one item.", ["stage"], registry=to, buckets=_SECONDS
        )
        self._items = Counter("heaters_items", "Attempts by their end.", ["stage", "outcome"], registry=to)
        self._failures = Counter("heaters_failures", "Failed attempts.", ["stage", "error_type"], registry=to)
        self._batch = Histogram("heaters_batch_items", "Items of one call.", ["stage"], registry=to, buckets=_BATCH)
        self._cache = Counter("heaters_cache", "Files asked of node caches.", ["stage", "hit"], registry=to)
        self._bytes = Counter("heaters_cache_bytes", "Bytes of them.", ["stage", "how"], registry=to)
        self._notices = Counter("heaters_notices", "Late results, lost leases, silent workers.", registry=to)
        for stage in stages:  # a rate misses what a series begins with, so they begin with nothing
            self._seconds.labels(stage.name)
            self._batch.labels(stage.name)
            for outcome in OUTCOMES:
                self._items.labels(stage.name, outcome)
        self._close: Callable[[], None] = lambda: None

    def listen(self, host: str, port: int) -> int:
        """Answer at /metrics; returns the port. Raises ConfigError for one that cannot be had."""
        try:
            server, thread = start_http_server(port, addr=host, registry=self._registry)
        except OSError as error:
            raise ConfigError(
                f"HEATERS_METRICS_HOST and HEATERS_METRICS_PORT must be free; {host}:{port}: {error.strerror}"
            ) from error

        def close() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self._close = close
        return int(server.server_port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def exposition(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)

    def started(self, stage: Stage, claims: Sequence[Claim], items: int) -> None:
        """Claims went to Ray, as one call."""
        del claims
        self._batch.labels(stage.name).observe(items)

    def finished(self, stage: Stage, ended: Ended) -> None:
        """A claim ended and is recorded."""
        for _, result in ended.done:
            self._items.labels(stage.name, "done").inc()
            self._seconds.labels(stage.name).observe(result.seconds)
            if result.cache:
                self._cache.labels(stage.name, "yes").inc(result.cache.hits)
                self._cache.labels(stage.name, "no").inc(result.cache.misses)
                self._bytes.labels(stage.name, "moved").inc(result.cache.bytes_moved)
                self._bytes.labels(stage.name, "saved").inc(result.cache.bytes_saved)

    def failed(self, stage: Stage, failure: Failure) -> None:
        """A video or clip failed; it is dead or will be tried again."""
        self._items.labels(stage.name, "dead" if failure.dead else "retry").inc()
        self._failures.labels(stage.name, failure.error_type).inc()

    def noticed(self, text: str) -> None:
        """Something worth a line."""
        del text
        self._notices.inc()
