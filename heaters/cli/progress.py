"""Progress of a run: bars on a terminal, plain lines elsewhere."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from heaters.cli.output import Output
from heaters.core.pipeline import Stage, Subject
from heaters.runner.claims import Claim, Ended, Failure
from heaters.store.cache import CacheResult

# Clips end many a second: elsewhere than on a terminal they are summed up this often.
SUM_SECONDS = 3.0


class Watch:
    """Shows a run as it goes. Use as a context manager; it is the runner's observer."""

    def __init__(self, output: Output, stages: Sequence[Stage], name_of: Callable[[int], str]) -> None:
        self._output = output
        self._name_of = name_of
        self._done: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._unsaid: Counter[str] = Counter()
        self._said_at = time.monotonic()
        self._cache = CacheResult()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        if output.console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(finished_text="✓"),
                TextColumn("{task.description:<10}"),
                BarColumn(bar_width=28),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[last]}", style="dim"),
                console=output.console,
            )
            for stage in stages:
                self._tasks[stage.name] = self._bars.add_task(
                    stage.name, total=None, start=False, unit=f"{stage.subject}s", last=""
                )

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()
        self._sum_up()
        if self._cache.bytes_moved or self._cache.bytes_saved:  # a store on this machine needs no cache
            saved, moved = self._cache.bytes_saved / 1e6, self._cache.bytes_moved / 1e6
            self._output.say(
                f"caches had {self._cache.hit_rate:.0%} of the files that stages read: "
                f"{saved:,.1f} MB not fetched again, {moved:,.1f} MB fetched"
            )

    def started(self, stage: Stage, claims: Sequence[Claim], items: int) -> None:
        """Claims went to Ray, as one call."""
        self._seen[stage.name] += items
        if self._bars:
            task = self._tasks[stage.name]
            self._bars.start_task(task)
            self._bars.update(task, total=self._seen[stage.name])
        elif stage.subject is Subject.VIDEO:
            for claim in claims:
                again = f" (attempt {claim.attempt})" if claim.attempt > 1 else ""
                self._output.say(f"{stage.name:<10} {self._name_of(claim.video_id)}{again} …")

    def finished(self, stage: Stage, ended: Ended) -> None:
        """A claim ended and is recorded."""
        for _, result in ended.done:
            self._done[stage.name] += 1
            self._cache += result.cache or CacheResult()
            if self._bars:
                self._bars.update(self._tasks[stage.name], completed=self._done[stage.name], last=result.line())
            elif stage.subject is Subject.VIDEO:
                name = self._name_of(ended.claim.video_id)
                self._output.say(f"{stage.name:<10} {name}: {result.line()}, {result.seconds:.1f} s")
            else:
                self._unsaid[stage.name] += 1
        if time.monotonic() - self._said_at > SUM_SECONDS:
            self._sum_up()

    def failed(self, stage: Stage, failure: Failure) -> None:
        """A video or clip failed; it is dead or will be tried again."""
        if not failure.dead:
            self._seen[stage.name] -= 1
        count = f"{failure.failures}/{failure.max_failures}"
        then = "gave up" if failure.dead else f"retry in {failure.delay_seconds:.0f} s"
        name = self._name_of(failure.video_id)
        what = f"clip {failure.clip_id} of {name}" if failure.clip_id else name
        style = "red" if failure.dead else "yellow"
        text = f"{stage.name:<10} {what} failed ({count}), {then}: {failure.error_type}: {failure.error}"
        self._output.say(text, style=style)

    def noticed(self, text: str) -> None:
        """Something worth a line."""
        self._output.say(text, style="yellow")

    def _sum_up(self) -> None:
        for name, count in self._unsaid.items():
            self._output.say(f"{name:<10} {count} clips done, {self._done[name]} in all")
        self._unsaid.clear()
        self._said_at = time.monotonic()


class Seen:
    """Which videos a run worked on, and whether nothing was left to do at its end; an observer."""

    def __init__(self) -> None:
        self.videos: set[int] = set()
        self.drained = False

    def started(self, stage: Stage, claims: Sequence[Claim], items: int) -> None:
        """Claims went to Ray, as one call."""
        del stage, items
        self.videos.update(claim.video_id for claim in claims)

    def finished(self, stage: Stage, ended: Ended) -> None:
        """A claim ended and is recorded."""

    def failed(self, stage: Stage, failure: Failure) -> None:
        """A video or clip failed."""
        del stage
        self.videos.add(failure.video_id)

    def noticed(self, text: str) -> None:
        """Something worth a line."""
