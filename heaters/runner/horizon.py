"""When a run is done: each stage has done whatever had changed by the time that the stages before it were done.

So a run ends although others go on: reviewers decide, drivers add videos. It knows no stage by name.
"""

from collections.abc import Callable, Sequence

from heaters.core.pipeline import Stage


class Horizon:
    """How far in the log of changes each stage has to come. `last_change` gives the place of the latest change."""

    def __init__(self, stages: Sequence[Stage], last_change: Callable[[], int], *, is_open: bool) -> None:
        """`is_open`: there is no end, every change counts (runs for ever, and runs on some videos only)."""
        self._stages = tuple(stages)
        self._last_change = last_change
        self._is_open = is_open
        self._until: dict[str, int] = {}
        self._done: set[str] = set()
        self._fix_next()

    def until(self, stage: Stage) -> int | None:
        """The last change that `stage` has to look at; None: all there will be."""
        return self._until.get(stage.name)

    @property
    def next_stage(self) -> Stage | None:
        """The first stage that is not known to be done; None when all are."""
        return next((stage for stage in self._stages if stage.name not in self._done), None)

    def done(self, stage: Stage) -> None:
        """Nothing up to the horizon is left for `stage`."""
        self._done.add(stage.name)
        self._fix_next()

    def begin_again(self) -> None:
        """Work came up: of an open horizon nothing is done for good."""
        if self._is_open:
            self._done.clear()

    def _fix_next(self) -> None:
        stage = self.next_stage
        if stage is not None and not self._is_open:
            self._until[stage.name] = self._last_change()
