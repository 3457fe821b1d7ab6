"""Metrics and the JSON log, of a real run: what machines watch says what the database says."""

import json
import re
import urllib.request
from pathlib import Path

import pytest
from command import Heaters
from prometheus_client.parser import text_string_to_metric_families
from rows import add_video, rows
from shots import write_film
from working import Driver

from heaters.core.pipeline import machine_stages
from heaters.core.trace import trace_id
from heaters.errors import ConfigError
from heaters.runner.claims import Failure
from heaters.runner.journal import Journal
from heaters.runner.metrics import Metrics
from heaters.settings import Settings
from heaters.store.db import Database

DOWNLOAD = machine_stages()[0]
ROOT = Path(__file__).resolve().parents[2]


def values(text: str) -> dict[tuple[str, ...], float]:
    """Samples by their name and the values of their labels, in the order of the labels' names."""
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_one_trace_from_the_source_to_its_clips(heaters: Heaters, tmp_path: Path, db: Database) -> None:
    write_film(tmp_path / "film.mp4", ("lion", "cat"))
    (tmp_path / "bad.mp4").write_text("not a video")
    log = tmp_path / "log.jsonl"
    ran = heaters("run", tmp_path / "film.mp4", tmp_path / "bad.mp4", "--auto-approve", "--json", HEATERS_LOG=str(log))
    assert ran.code == 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    trace = trace_id(str(tmp_path / "film.mp4"))
    mine = [line for line in lines if line.get("trace") == trace]
    assert mine[0]["event"] == "submitted"
    finished = [(line["stage"], line["stretch"], line["items"]) for line in mine if line["event"] == "finished"]
    done = rows(
        db,
        "select v.stage, r.stretch, r.items from stage_runs r join variants v on v.id = r.variant "
        "where status = 'done'",
    )
    assert sorted(finished) == sorted((row["stage"], row["stretch"], row["items"]) for row in done)
    usual = {stage.name for stage in machine_stages() if not stage.is_urgent}  # nobody opened the video
    assert {line["stage"] for line in mine if "stage" in line} == usual
    (failed,) = [line for line in lines if line["event"] == "failed"]
    assert (failed["trace"], failed["dead"], failed["level"]) == (trace_id(str(tmp_path / "bad.mp4")), True, "error")
    assert failed["error_type"] == "MediaError"


def test_a_log_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HEATERS_LOG must be"):
        Journal(str(tmp_path / "none" / "log"))


def test_metrics_over_http_are_those_of_the_database(db: Database, settings: Settings) -> None:
    for number in range(3):
        add_video(db, str(number))
    claims = Driver(db, settings).claim(DOWNLOAD, 1)
    with Metrics(db, settings, machine_stages()) as metrics:
        port = metrics.listen("127.0.0.1", 0)
        metrics.started(DOWNLOAD, claims, 1)
        failure = Failure(
            video_id=1,
            clip_id=0,
            error_type="FetchError",
            error="x",
            dead=False,
            failures=1,
            max_failures=5,
            delay_seconds=2.0,
        )
        metrics.failed(DOWNLOAD, failure)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            found = values(answer.read().decode())
        with pytest.raises(ConfigError, match="HEATERS_METRICS_PORT"):
            metrics.listen("127.0.0.1", port)
    assert found["heaters_queue_items", "download", "waiting"] == 2
    assert found["heaters_queue_items", "download", "running"] == 1
    assert found["heaters_items_total", "retry", "download"] == 1
    assert found["heaters_failures_total", "FetchError", "download"] == 1
    assert found["heaters_batch_items_count", "download"] == 1
    assert found["heaters_items_total", "done", "embed"] == 0  # is there before it counts: rates need that


def test_a_database_that_is_away_leaves_the_other_series(db: Database, settings: Settings) -> None:
    gone = Database("postgresql://nobody@127.0.0.1:1/none", patience_seconds=0)
    metrics = Metrics(gone, settings, machine_stages())
    metrics.noticed("something")
    found = values(metrics.exposition().decode())
    assert found["heaters_notices_total",] == 1
    assert not any(name == "heaters_queue_items" for name, *_ in found)


def test_dashboard_asks_for_series_that_there_are(db: Database, settings: Settings) -> None:
    from deployments.metrics import Metrics as Served

    dashboard = json.loads((ROOT / "deployments" / "grafana.json").read_text())
    asked = {
        re.sub(r"_(bucket|sum|count|total)$", "", name)
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"heaters_[a-z_]+", target["expr"])
    }
    texts = (Metrics(db, settings, machine_stages()).exposition(), Served().exposition())
    there = {family.name for text in texts for family in text_string_to_metric_families(text.decode())}
    assert asked <= there
    assert len(asked) >= 7
