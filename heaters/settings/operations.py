"""What an operator watches and bounds: the second part of the settings."""

from dataclasses import dataclass

from heaters.settings import parse
from heaters.settings.parse import setting as _setting
from heaters.settings.places import Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations(Places):
    """Logs, metrics, traces and hooks of runs; limits of stages; what is kept and for how long."""

    log: str = _setting("HEATERS_LOG", "", str, "a file for JSON lines of all that happens; -: standard error")
    history_days: int = _setting(
        "HEATERS_HISTORY_DAYS", 90, parse.whole(1, 36500), "how long attempts are kept; nothing depends on them"
    )
    stages: str = _setting(
        "HEATERS_STAGES",
        "",
        parse.stages,
        "limits of stages, STAGE.LIMIT=NUMBER apart by commas: attempts, timeout_seconds, batch, calls (at once, of a "
        "driver), cpus, gpus, memory_mib",
    )
    cache_gib: float = _setting(
        "HEATERS_CACHE_GIB",
        200.0,
        parse.number(0, 1e6),
        "most of the store's files that a node keeps; half a disk at most",
    )
    cache_days: int = _setting(
        "HEATERS_CACHE_DAYS",
        0,
        parse.whole(0, 36500),
        "those of them that nobody used for so long go, by the hour; 0: only to make room",
    )
    webhook: str = _setting(
        "HEATERS_WEBHOOK", "", parse.url, "where the end of a run, and what gave up, is posted as JSON", secret=True
    )
    hook: str = _setting("HEATERS_HOOK", "", parse.command, "a command that gets the same on its standard input")
    traces_exporter: str = _setting(
        "OTEL_TRACES_EXPORTER", "", str, "otlp, console or none; empty: otlp, if the next is set"
    )
    otlp_endpoint: str = _setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT", "", str, "collector of OpenTelemetry traces (heaters[otel])"
    )
    metrics_host: str = _setting("HEATERS_METRICS_HOST", "127.0.0.1", str, "address of a run's Prometheus metrics")
    metrics_port: int = _setting("HEATERS_METRICS_PORT", 0, parse.port(0), "their port; 0: none")
