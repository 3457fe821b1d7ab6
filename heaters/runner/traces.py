"""OpenTelemetry spans of what happens to a source: its submission, and each claim of a stage. Needs `heaters[otel]`.

The trace id is that of the JSON log (core/trace.py), the same for a source in every process. Service name, endpoint,
headers and sampler come from OpenTelemetry's own variables, which its SDK reads.
"""

import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Self

from heaters.core.address import Address
from heaters.core.pipeline import Stage
from heaters.core.trace import trace_id
from heaters.errors import StageError
from heaters.runner.claims import Claim, Ended, Failure, text_of
from heaters.runner.origins import Origins
from heaters.stages.base import summary

EXPORTERS = ("otlp", "console")
_MODULES = {"otlp": "opentelemetry.exporter.otlp.proto.http", "console": "opentelemetry.sdk.trace"}
MOST_ERRORS = 10  # events of one span


def exporter_of(variable: str, endpoint: str) -> str:
    """The exporter that OTEL_TRACES_EXPORTER and OTEL_EXPORTER_OTLP_ENDPOINT ask for; "" for none."""
    asked = variable or ("otlp" if endpoint else "none")
    return "" if asked == "none" else asked


def lacking(exporter: str) -> str:
    """Why an exporter cannot be used, in a sentence; "" where it can."""
    if exporter not in EXPORTERS:
        return f"no traces: OTEL_TRACES_EXPORTER={exporter} is none of {', '.join(EXPORTERS)}, none"
    try:
        found = find_spec(_MODULES[exporter])
    except ModuleNotFoundError:
        found = None
    return "" if found else f"no traces: OTEL_TRACES_EXPORTER={exporter} needs pip install 'heaters[otel]'"


class Traces:
    """A runner's observer. Use as a context manager: what is not sent yet is sent at its end."""

    def __init__(self, exporter: str, origins: Origins | None = None) -> None:
        """`exporter` is one of EXPORTERS that lacks nothing; `origins` names the sources of videos."""
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._origins = origins
        self._ids = _Ids()
        resource = Resource({SERVICE_NAME: "heaters"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, id_generator=self._ids.generator(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
        self._tracer = self._provider.get_tracer("heaters")
        self._begun: dict[tuple[str, int, int], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._provider.shutdown()

    def submitted(self, source: str | Address, video_id: int | None, *, is_new: bool, error: str | None) -> None:
        """A source came in, or was refused: the first span of its trace."""
        if not is_new and error is None:
            return
        trace = trace_id(source)
        self._ids.use(trace)
        with self._tracer.start_as_current_span("submit", context=_no_parent()) as span:
            span.set_attributes(_plain({"heaters.source": str(source), "heaters.video": video_id}))
            if error:
                _fail(span, error)

    def started(self, stage: Stage, claims: Sequence[Claim], items: int) -> None:
        """Claims went to Ray."""
        del items
        for claim in claims:
            self._begun.setdefault((stage.name, claim.video_id, claim.stretch), time.time_ns())

    def finished(self, stage: Stage, ended: Ended) -> None:
        """A claim ended: its span. It is an error where an item of it failed."""
        claim = ended.claim
        begun = self._begun.pop((stage.name, claim.video_id, claim.stretch), None)
        source = self._origins[claim.video_id] if self._origins else f"video {claim.video_id}"
        span = self._tracer.start_span(stage.name, context=_child_of(trace_id(source)), start_time=begun)
        results = [result for _, result in ended.done]
        facts = {
            "heaters.source": str(source),
            "heaters.video": claim.video_id,
            "heaters.stretch": claim.stretch,
            "heaters.attempt": claim.attempt,
            "heaters.items": len(ended.items),
            "heaters.failed": len(ended.failed),
        }
        figures = summary(results) if results else {}
        span.set_attributes(_plain(facts | {f"heaters.result.{name}": value for name, value in figures.items()}))
        for _, error in ended.failed[:MOST_ERRORS]:
            _fail(span, text_of(error), error)
        span.end()

    def failed(self, stage: Stage, failure: Failure) -> None:
        """What failed stands in the span of its claim."""

    def noticed(self, text: str) -> None:
        """Something worth a line."""


class _Ids:
    """Ids of spans: random ones, but for the first span of a source's trace, whose id follows from the trace's."""

    def __init__(self) -> None:
        self.trace: str | None = None

    def use(self, trace: str) -> None:
        """The next span is the first of this trace."""
        self.trace = trace

    def generator(self) -> Any:
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        ids = self

        class Generator(RandomIdGenerator):
            def generate_trace_id(self) -> int:
                return int(ids.trace, 16) if ids.trace else super().generate_trace_id()

            def generate_span_id(self) -> int:
                if ids.trace is None:
                    return super().generate_span_id()
                first, ids.trace = _first_span(ids.trace), None
                return first

        return Generator()


def _first_span(trace: str) -> int:
    return int(trace[:16], 16) or 1


def _child_of(trace: str) -> Any:
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    sampled = TraceFlags(TraceFlags.SAMPLED)
    parent = SpanContext(int(trace, 16), _first_span(trace), is_remote=True, trace_flags=sampled)
    return set_span_in_context(NonRecordingSpan(parent), _no_parent())


def _no_parent() -> Any:
    from opentelemetry.context import Context

    return Context()


def _exporter(name: str) -> Any:
    if name == "console":
        import sys

        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)  # standard output may hold JSON
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _fail(span: Any, text: str, error: StageError | None = None) -> None:
    from opentelemetry.trace import Status, StatusCode

    kind = type(error).__name__ if error else text.partition(":")[0]
    span.add_event("exception", {"exception.type": kind, "exception.message": text})
    span.set_status(Status(StatusCode.ERROR, text))


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """What an attribute can be: texts, numbers, flags."""
    return {name: value for name, value in facts.items() if isinstance(value, str | int | float | bool)}
