"""Decides when a run is finished, although other drivers and reviewers may keep adding work.

As soon as the earlier stages are finished, a stage's horizon is fixed: the last change in the log at that moment. The
stage is finished when it has handled all changes up to its horizon. It knows no stage by name.
"""

from collections.abc import Callable, Sequence

from heaters.core.pipeline import Stage


class Horizon:
    """The last change in the log that each stage has to handle. `last_change` returns the newest one."""

    def __init__(self, stages: Sequence[Stage], last_change: Callable[[], int], *, is_open: bool) -> None:
        """`is_open`: later changes count, too; so it is for runs that never end and for runs on some videos only."""
        self._stages = tuple(stages)
        self._last_change = last_change
        self._is_open = is_open
        self._until: dict[str, int] = {}
        self._done: set[str] = set()
        self._fix_next()

    def until(self, stage: Stage) -> int | None:
        """The last change that `stage` has to handle; None: every change."""
        return self._until.get(stage.name)

    @property
    def next_stage(self) -> Stage | None:
        """The first stage that is not known to be done; None when all are."""
        return next((stage for stage in self._stages if stage.name not in self._done), None)

    def done(self, stage: Stage) -> None:
        """`stage` has handled all changes up to its horizon."""
        self._done.add(stage.name)
        self._fix_next()

    def begin_again(self) -> None:
        """There was new work. With an open horizon it may make work for any stage, so all are checked again."""
        if self._is_open:
            self._done.clear()

    def _fix_next(self) -> None:
        stage = self.next_stage
        if stage is not None and not self._is_open:
            self._until[stage.name] = self._last_change()
