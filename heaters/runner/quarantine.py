"""Items that were running when their node ran out of memory. Ray ends several processes then, and nobody knows which of
them took it; side by side they would cost each other their tries. So of these no more run at once than there are nodes.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from heaters.core.pipeline import Stage
from heaters.errors import NodeFull, StageError
from heaters.runner.ledger import Claim


class Quarantine:
    """Of one runner: another one does not know of its suspects."""

    def __init__(self) -> None:
        self._suspects: set[tuple[str, int]] = set()  # stage, item
        self._running: set[int] = set()  # runs of suspects
        self._waiting: deque[tuple[Stage, Claim]] = deque()

    def failed(self, stage: Stage, claim: Claim, error: StageError) -> None:
        """It does not run any more, and if its node was full, it is a suspect from now on."""
        self.leave([claim])
        if isinstance(error, NodeFull):
            self._suspects.add((stage.name, claim.subject_id))

    def admit(self, stage: Stage, claims: Sequence[Claim]) -> list[Claim]:
        """Those that may run now: all but suspects, which wait here for `due`."""
        innocent = []
        for claim in claims:
            if (stage.name, claim.subject_id) in self._suspects:
                self._waiting.append((stage, claim))
            else:
                innocent.append(claim)
        return innocent

    def leave(self, claims: Sequence[Claim]) -> None:
        """These do not run any more."""
        self._running.difference_update(claim.run_id for claim in claims)

    def due(self, most: int) -> Iterator[tuple[Stage, Claim]]:
        """Those whose turn has come, in the order of their claims: no more than `most` run at once, in all stages."""
        while self._waiting and len(self._running) < most:
            stage, claim = self._waiting.popleft()
            self._running.add(claim.run_id)
            yield stage, claim

    def empty(self) -> list[Claim]:
        """All that wait, taken out."""
        waiting = [claim for _, claim in self._waiting]
        self._waiting.clear()
        return waiting
