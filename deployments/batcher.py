"""Dynamic batching: while the model works, what arrives waits, and goes through it together next.

Nothing ever waits for company: an idle model starts at once, a busy one gets fuller batches the busier it is.
(`serve.batch` waits a fixed time instead, and forms batches while the model is still busy: see docs/decisions.md.)
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Part(Generic[T]):
    items: Sequence[T]
    done: "asyncio.Future[Sequence[object]]"


class Batcher(Generic[T, R]):
    """Calls `work(items) -> results` in `executor`, one batch of at most `most` items at a time.

    A call's items stay together and in order. Calls of one event loop only.
    """

    def __init__(self, work: Callable[[list[T]], Sequence[R]], *, most: int, executor: Executor) -> None:
        self._work = work
        self._most = most
        self._executor = executor
        self._waiting: deque[_Part[T]] = deque()
        self._runner: asyncio.Task[None] | None = None

    async def __call__(self, items: Sequence[T]) -> Sequence[R]:
        """The results of `items`, at most `most` of them. Raises what `work` raises.

        Cancelled while it waits, it takes no part in a batch.
        """
        if not 0 < len(items) <= self._most:
            raise ValueError(f"a call takes 1 to {self._most} items; got {len(items)}")
        part = _Part(items, asyncio.get_running_loop().create_future())
        self._waiting.append(part)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await part.done  # type: ignore[return-value]

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next():
            try:
                results = await loop.run_in_executor(self._executor, self._work, [x for p in batch for x in p.items])
            except Exception as error:
                for part in batch:
                    if not part.done.done():
                        part.done.set_exception(error)
                continue
            start = 0
            for part in batch:
                stop = start + len(part.items)
                if not part.done.done():
                    part.done.set_result(results[start:stop])
                start = stop

    def _next(self) -> list[_Part[T]]:
        """The oldest calls that fit into one batch; those nobody waits for any more are dropped."""
        batch: list[_Part[T]] = []
        room = self._most
        while self._waiting:
            part = self._waiting[0]
            if part.done.done():
                self._waiting.popleft()
                continue
            if len(part.items) > room:
                break
            batch.append(self._waiting.popleft())
            room -= len(part.items)
        return batch
