"""Traces: spans reach a collector over OTLP, with the trace id of the log; without the library nothing is imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from collector import collecting
from command import Heaters
from shots import write_film

from heaters.core.trace import trace_id
from heaters.runner.traces import exporter_of, lacking


@pytest.mark.parametrize(
    ("variable", "endpoint", "exporter"),
    [("", "", ""), ("", "http://c:4318", "otlp"), ("none", "http://c:4318", ""), ("console", "", "console")],
)
def test_the_usual_variables_choose_the_exporter(variable: str, endpoint: str, exporter: str) -> None:
    assert exporter_of(variable, endpoint) == exporter


def test_an_exporter_that_there_is_not_is_said() -> None:
    assert lacking("jaeger") == "no traces: OTEL_TRACES_EXPORTER=jaeger is none of otlp, console, none"


def test_a_run_without_traces_imports_nothing_of_it() -> None:
    code = "import sys, heaters.cli.run, heaters.cli.observers; print([m for m in sys.modules if 'opentelemetry' in m])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.slow
def test_spans_of_a_source_reach_the_collector(heaters: Heaters, tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    film, bad, log = tmp_path / "film.mp4", tmp_path / "bad.mp4", tmp_path / "log.jsonl"
    write_film(film, ("lion", "cat"))
    bad.write_text("not a video")
    with collecting() as collector:
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "films", "HEATERS_LOG": str(log)}
        assert heaters("run", film, bad, "--auto-approve", **more).code == 1
    assert {path for path, _ in collector.bodies} == {"/v1/traces"}
    sent = [ExportTraceServiceRequest.FromString(body) for _, body in collector.bodies]
    resources = [resource for request in sent for resource in request.resource_spans]
    names = {a.key: a.value.string_value for r in resources for a in r.resource.attributes}
    assert names["service.name"] == "films"
    spans = [span for resource in resources for scope in resource.scope_spans for span in scope.spans]
    mine = [span for span in spans if span.trace_id.hex() == trace_id(str(film))]
    (root,) = [span for span in mine if span.name == "submit"]
    assert root.parent_span_id == b""
    claims = [span for span in mine if span.name != "submit"]
    assert {span.parent_span_id for span in claims} == {root.span_id}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    finished = [line["stage"] for line in lines if line["event"] == "finished" and line["source"] == str(film)]
    assert sorted(span.name for span in claims) == sorted(finished)
    assert all(span.start_time_unix_nano < span.end_time_unix_nano for span in claims)
    (failed,) = [span for span in spans if span.trace_id.hex() == trace_id(str(bad)) and span.name == "download"]
    assert failed.status.code == 2
    assert "MediaError" in str(failed.events)
