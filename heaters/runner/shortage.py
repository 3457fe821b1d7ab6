"""Which stages there is nothing more for, so that the database is not asked again after every call that comes back."""

import time
from collections.abc import Iterable

from heaters.core.pipeline import Stage, Subject

# Others make work as well (reviewers, other drivers, the end of a back-off): asked again after so long in any case.
AGAIN_SECONDS = 0.5


class Shortage:
    """A stage is short from a claim that found less than asked for, until what may be more for it has happened."""

    def __init__(self, stages: Iterable[Stage]) -> None:
        self._stages = tuple(stages)
        self._until: dict[str, float] = {}

    def has(self, stage: Stage) -> bool:
        """Whether a claim would be in vain."""
        return time.monotonic() < self._until.get(stage.name, 0.0)

    def begin(self, stage: Stage) -> None:
        """A claim found less than asked for."""
        self._until[stage.name] = time.monotonic() + AGAIN_SECONDS

    def end(self, ended: Stage) -> None:
        """A call of a stage came back, or people did what is theirs: there may be more for those that it feeds."""
        for stage in self._stages:
            if _feeds(ended, stage):
                self._until.pop(stage.name, None)


def _feeds(first: Stage, then: Stage) -> bool:
    # What ends at a video's stage gives room back, in bytes and at its host, which may be all that was missing.
    is_room = first is then and then.subject is Subject.VIDEO
    return is_room or then.takes is first.gives or then.needs == first.name
