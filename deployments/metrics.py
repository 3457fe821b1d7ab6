"""The endpoint's own figures for Prometheus, at /metrics. They need no Ray.

Each replica has its own; the label `replica` keeps their series apart when a scrape lands on another one. Figures of
replicas, queues and proxies are Ray's: its exporter on every node has them.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """Counters of one application; they never touch prometheus_client's global registry."""

    def __init__(self, replica: str = "local") -> None:
        self._replica = replica
        self._registry = CollectorRegistry()
        to = self._registry
        self._requests = Counter("heaters_requests", "Answers.", ["replica", "route", "method", "status"], registry=to)
        self._seconds = Histogram(
            "heaters_request_seconds", "Time until the last byte.", ["replica", "route"], registry=to, buckets=_SECONDS
        )
        self._in_flight = Gauge("heaters_requests_in_flight", "Requests in work.", ["replica"], registry=to)
        self._inputs = Counter("heaters_inputs", "Inputs answered with vectors.", ["replica", "kind"], registry=to)
        self._cache = Counter("heaters_text_cache", "Texts looked up in the cache.", ["replica", "found"], registry=to)

    def answered(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """One request is done."""
        self._requests.labels(self._replica, route, method, str(status)).inc()
        self._seconds.labels(self._replica, route).observe(seconds)

    def working_on(self, requests: int) -> None:
        """So many requests are in work."""
        self._in_flight.labels(self._replica).set(requests)

    def embedded(self, *, text: int, picture: int) -> None:
        """So many texts and pictures were answered with vectors."""
        self._inputs.labels(self._replica, "text").inc(text)
        self._inputs.labels(self._replica, "picture").inc(picture)

    def looked_up(self, *, found: int, missed: int) -> None:
        """Texts were looked up in the cache."""
        self._cache.labels(self._replica, "yes").inc(found)
        self._cache.labels(self._replica, "no").inc(missed)

    def exposition(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
