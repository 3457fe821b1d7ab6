"""Whether a worker died alone, which counts against its item, or with its node, which does not.

Ray knows that a node is gone only when its health checks fail, and until then says that its processes died.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from heaters.errors import NodeLost, StageError, WorkerLost

# A stopping node kills its processes one by one. Wait this long for its raylet's port to close before blaming the
# worker.
GRACE_SECONDS = 2.0
# Ray takes a node for dead some 15 s after its raylet fell silent: five checks, three seconds apart.
PATIENCE_SECONDS = 20.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadCall(Generic[T]):
    """A call whose process died: given to Ray at `begun`, noticed at `since`."""

    call: T
    begun: float
    error: WorkerLost
    since: float


@dataclass(slots=True)
class FailureAttribution(Generic[T]):
    """Calls whose process died, until it is known whether their node died, too. Times are monotonic seconds.

    `dead_nodes` are those that Ray takes for dead, `is_any_silent` whether another one does not answer.
    """

    dead_nodes: Callable[[], Collection[str]]
    is_any_silent: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic
    _waiting: "list[DeadCall[T]]" = field(default_factory=list)
    _died: dict[str, float] = field(default_factory=dict)  # node → when it was first seen dead

    def __post_init__(self) -> None:
        self.look()  # nodes that are dead already are not blamed for later deaths

    def look(self) -> None:
        """Note which nodes died since the last time, and forget those that Ray has forgotten."""
        now = self.clock()
        self._died = {node: self._died.get(node, now) for node in self.dead_nodes()}

    def add(self, call: T, begun: float, error: WorkerLost) -> None:
        """Wait with this call, which was given to Ray at `begun`."""
        self._waiting.append(DeadCall(call=call, begun=begun, error=error, since=self.clock()))

    def settled(self) -> Iterator[tuple[T, StageError]]:
        """The calls of which it is known now, each with the error that stands for it. They are taken out."""
        now, waiting = self.clock(), self._waiting
        waited = max((now - dead.since for dead in waiting), default=0.0)
        if waited < GRACE_SECONDS:
            return
        limit = PATIENCE_SECONDS if waited < PATIENCE_SECONDS and self.is_any_silent() else GRACE_SECONDS
        self.look()
        self._waiting = []
        for dead in waiting:
            if any(seen >= dead.begun for seen in self._died.values()):
                yield dead.call, NodeLost(f"a node died while it worked on it: {dead.error}")
            elif now - dead.since >= limit:
                yield dead.call, dead.error
            else:
                self._waiting.append(dead)

    @property
    def calls(self) -> list[T]:
        """Calls that are waited with still."""
        return [dead.call for dead in self._waiting]
