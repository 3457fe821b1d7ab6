"""Whether there is anything for a run to do: asked before Ray is started, which takes seconds. It knows no Ray."""

from collections.abc import Sequence
from typing import Protocol

from heaters.core.pipeline import Change, Stage
from heaters.runner.tasks import TaskStore


class SideTask(Protocol):
    """Work of the driver's own between the calls: approval by a rule, upkeep of indexes."""

    def look(self) -> Change | None:
        """Do a bounded piece of the work; returns the kind of change that it made, if any."""

    def is_done(self) -> bool:
        """Whether a run may end without more of this work."""


def is_anything_due(tasks: TaskStore, stages: Sequence[Stage], side_tasks: Sequence[SideTask]) -> bool:
    """Whether some stage has work now, or will have when an open task ends."""
    while not all(side.is_done() for side in side_tasks):
        for side in side_tasks:
            side.look()
    for stage in stages:
        while True:
            claimed = tasks.claim(stage, most=1)
            if claimed.claims:
                tasks.release([(stage, claim) for claim in claimed.claims])
                return True
            if claimed.at_end:
                break
            if stage.by_host:
                return True  # some host has work that may not begin yet
        if not tasks.is_drained(stage):
            return True
    return False
