"""What the runner tells whoever watches it: the command line's progress, a log, a test."""

from collections.abc import Sequence
from typing import Protocol

from heaters.core.pipeline import Stage
from heaters.runner.claims import Claim, Ended, Failure


class Observer(Protocol):
    """Called from the runner's own thread."""

    def started(self, stage: Stage, claims: Sequence[Claim], items: int) -> None:
        """Claims with so many videos or clips went to Ray, as one call."""

    def finished(self, stage: Stage, ended: Ended) -> None:
        """A claim ended and is recorded; what failed in it is told by `failed`."""

    def failed(self, stage: Stage, failure: Failure) -> None:
        """A video or clip failed; it is dead or will be tried again."""

    def noticed(self, text: str) -> None:
        """Something worth a line: a fenced result, a lost lease, a database that is away."""


class Several:
    """Tells many observers, in their order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def started(self, stage: Stage, claims: Sequence[Claim], items: int) -> None:
        """Claims went to Ray, as one call."""
        for one in self._observers:
            one.started(stage, claims, items)

    def finished(self, stage: Stage, ended: Ended) -> None:
        """A claim ended and is recorded."""
        for one in self._observers:
            one.finished(stage, ended)

    def failed(self, stage: Stage, failure: Failure) -> None:
        """A video or clip failed."""
        for one in self._observers:
            one.failed(stage, failure)

    def noticed(self, text: str) -> None:
        """Something worth a line."""
        for one in self._observers:
            one.noticed(text)
