"""Keeping a model fed: work ahead on other threads, and the batch that a device takes, found by trying."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# A larger batch must be faster by this to be worth its memory and its wait.
WORTHWHILE = 1.05


def ahead(do: Callable[[T], R], items: Iterable[T], *, threads: int, most: int) -> Iterator[R]:
    """`do` of each item, in order, done on `threads` threads while the caller works on earlier ones.

    At most `most` results are kept ready. An error is raised where its item would have come.
    """
    waiting: deque[Future[R]] = deque()
    source = iter(items)
    with ThreadPoolExecutor(max(threads, 1), thread_name_prefix="ahead") as pool:
        try:
            for item in source:
                waiting.append(pool.submit(do, item))
                if len(waiting) >= max(most, 1):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # whoever stops early does not wait for what it will not take
            for future in waiting:
                future.cancel()


def grouped(items: Iterable[T], size: Callable[[], int]) -> Iterator[list[T]]:
    """Lists of `size()` items, asked anew for each list; the last one is shorter."""
    group: list[T] = []
    for item in items:
        group.append(item)
        if len(group) >= size():
            yield group
            group = []
    if group:
        yield group


class BatchSize:
    """How many items a device takes at once. Starts small, doubles while that is faster, halves when memory runs out.

    `probe(n)` runs a batch of `n` and returns its seconds; it raises an error of `too_large` when `n` does not fit.
    Nothing is known of models or devices. Threads may share it.
    """

    def __init__(self, *, first: int, most: int, too_large: tuple[type[BaseException], ...] = (MemoryError,)) -> None:
        self._size = max(first, 1)
        self._most = max(most, self._size)
        self._too_large = too_large
        self._lock = threading.Lock()
        self.probed = False

    @property
    def size(self) -> int:
        """The batch to use now."""
        return self._size

    def find(self, probe: Callable[[int], float]) -> int:
        """Try sizes once and keep the best. Raises what `probe` raises when not even one item fits."""
        with self._lock:
            if self.probed:
                return self._size
            size = self._size
            rate = self._rate(probe, size)
            while rate is None and size > 1:  # not even the first fits
                size //= 2
                rate = self._rate(probe, size)
            while rate is not None and 2 * size <= self._most:
                larger = self._rate(probe, 2 * size)
                if larger is None or larger < rate * WORTHWHILE:
                    break
                size, rate = 2 * size, larger
            self._size, self.probed = size, True
            return size

    def run(self, do: Callable[[list[T]], R], items: list[T]) -> list[R]:
        """`do` of the items; when they do not fit, of half of them and then the other half, and batches stay halved.

        Raises what `do` raises when a single item does not fit, and every other error at once.
        """
        try:
            return [do(items)]
        except self._too_large:
            if len(items) <= 1:
                raise
        middle = len(items) // 2
        with self._lock:
            self._size = max(1, min(self._size, middle))
        return [*self.run(do, items[:middle]), *self.run(do, items[middle:])]

    def _rate(self, probe: Callable[[int], float], size: int) -> float | None:
        """Items a second; None when so many do not fit. A single one that does not fit is an error."""
        try:
            return size / max(probe(size), 1e-9)
        except self._too_large:
            if size == 1:
                raise
            return None
