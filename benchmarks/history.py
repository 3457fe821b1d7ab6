"""Reads the times of a run out of the library's history, for the benchmarks of whole runs."""

from pathlib import Path
from typing import Any

from heaters.store.db import Connection
from heaters.store.queries import parse

QUERIES = parse((Path(__file__).parent / "history.sql").read_text())


def stage_seconds(connection: Connection) -> list[dict[str, Any]]:
    """Seconds of work and items done, by stage, the longest first."""
    return connection.execute(QUERIES["stage_seconds"].sql).fetchall()


def work_span(connection: Connection) -> tuple[float, float]:
    """When the first item began and the last one ended, as seconds since 1970."""
    row = connection.execute(QUERIES["work_span"].sql).fetchone()
    assert row is not None
    return row["begun"], row["ended"]
