"""Keeping a model fed: work ahead on other threads, in batches that fit. How large they are is `batch_size`'s."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


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


def fitting(
    do: Callable[[list[T]], R], items: list[T], *, too_large: type[BaseException], halve: Callable[[int], object]
) -> list[R]:
    """`do` of the items; where that many do not fit (`too_large`), of half of them and then of the other half.

    `halve` is told each number that did not fit. Raises what `do` raises when a single item does not fit, and every
    other error at once.
    """
    try:
        return [do(items)]
    except too_large:
        if len(items) <= 1:
            raise
    halve(len(items))
    middle = len(items) // 2
    first = fitting(do, items[:middle], too_large=too_large, halve=halve)
    return first + fitting(do, items[middle:], too_large=too_large, halve=halve)
