"""What the runner tells whoever watches it: the command line's progress, a log, a test."""

from collections.abc import Sequence
from typing import Protocol

from heaters.core.pipeline import Stage
from heaters.runner.ledger import Claim, Failure
from heaters.stages.base import StageResult


class Observer(Protocol):
    """Called from the runner's own thread."""

    def started(self, stage: Stage, claims: Sequence[Claim]) -> None:
        """Items went to Ray."""

    def finished(self, stage: Stage, claim: Claim, result: StageResult) -> None:
        """One item is done and recorded."""

    def failed(self, stage: Stage, claim: Claim, failure: Failure) -> None:
        """One item failed; it is dead or will be tried again."""

    def noticed(self, text: str) -> None:
        """Something worth a line: a fenced result, a lost lease, a reconnect."""


class Several:
    """Tells many observers, in their order."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def started(self, stage: Stage, claims: Sequence[Claim]) -> None:
        """Items went to Ray."""
        for one in self._observers:
            one.started(stage, claims)

    def finished(self, stage: Stage, claim: Claim, result: StageResult) -> None:
        """One item is done and recorded."""
        for one in self._observers:
            one.finished(stage, claim, result)

    def failed(self, stage: Stage, claim: Claim, failure: Failure) -> None:
        """One item failed; it is dead or will be tried again."""
        for one in self._observers:
            one.failed(stage, claim, failure)

    def noticed(self, text: str) -> None:
        """Something worth a line."""
        for one in self._observers:
            one.noticed(text)
