"""What watches a run for machines, as far as the settings ask for it: log, traces, hooks, metrics."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from heaters.cli.output import Output
from heaters.core.pipeline import Stage
from heaters.runner.events import Observer
from heaters.runner.journal import Journal, is_heard
from heaters.runner.origins import Origins
from heaters.runner.traces import Traces, exporter_of, lacking
from heaters.settings import Settings
from heaters.store.db import Database


def machines(
    stack: ExitStack,
    output: Output,
    settings: Settings,
    database: Database,
    stages: Sequence[Stage],
    origins: Origins,
    driver: str,
    is_drained: Callable[[], bool],
) -> Iterator[Observer]:
    """The observers of a run, closed with `stack`. `is_drained` tells at the end whether nothing was left to do."""
    yield from recorders(stack, output, settings, origins)
    if settings.webhook or settings.hook:
        from heaters.runner.hooks import Hooks  # not for commands that need none

        hooks = Hooks(settings, driver=driver, origins=origins, is_drained=is_drained, on_trouble=output.say)
        yield stack.enter_context(hooks)
    if settings.metrics_port:
        from heaters.runner.metrics import Metrics

        metrics = stack.enter_context(Metrics(database, settings, stages))
        port = metrics.listen(settings.metrics_host, settings.metrics_port)
        output.say(f"metrics at http://{settings.metrics_host}:{port}/metrics")
        yield metrics


def recorders(
    stack: ExitStack, output: Output, settings: Settings, origins: Origins | None = None
) -> Iterator[Journal | Traces]:
    """Those that are told of submissions as well."""
    if settings.log or is_heard():
        yield stack.enter_context(Journal(settings.log, origins))
    exporter = exporter_of(settings.traces_exporter, settings.otlp_endpoint)
    if exporter:
        if problem := lacking(exporter):
            output.say(problem, style="yellow")
        else:
            yield stack.enter_context(Traces(exporter, origins))
