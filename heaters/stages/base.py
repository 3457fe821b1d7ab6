"""What all stages share: the context of a call, one outcome per item, and what of a result goes into its run's row."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

from heaters.errors import StageError, TransientError
from heaters.store.cache import CacheResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the runner tells a worker about one call: how many threads it may keep busy, how long it may take."""

    threads: int = 1
    timeout_seconds: float = 3600.0


class Transaction(Protocol):
    """What `record()` writes with: a psycopg connection inside a transaction."""

    def execute(self, query: str, params: dict[str, Any], /) -> Any: ...


class UnexpectedError(TransientError):
    """Something nobody foresaw; kept with its type, tried again, visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """Base of all results. Fields named in `bulk` are recorded in tables of their own, not in the run's row."""

    bulk: ClassVar[frozenset[str]] = frozenset()

    seconds: float
    cache: CacheResult | None = None  # of the files it read by the node's cache; None: none

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.seconds:.1f} s"

    def figures(self) -> dict[str, Any]:
        """The result as a JSON-ready object without its bulk fields."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in self.bulk]
        return {name: _plain(getattr(self, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, float):
        return round(value, 6)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return value


I = TypeVar("I")  # noqa: E741 - the input type of a stage
R = TypeVar("R")
Outcome: TypeAlias = R | StageError


def each(items: Sequence[I], do: Callable[[I], R]) -> list[R | StageError]:
    """One outcome per item, in order: what `do` returned, or the error it raised. One bad item fails alone."""
    outcomes: list[R | StageError] = []
    for item in items:
        try:
            outcomes.append(do(item))
        except StageError as error:
            outcomes.append(portable(error))
        except Exception as error:
            outcomes.append(UnexpectedError(f"{type(error).__name__}: {error}"))
    return outcomes


def portable(error: StageError) -> StageError:
    """The error without its cause and traceback, which may not survive pickling; the cause's text is kept."""
    cause = error.__cause__
    text = str(error)
    if cause is not None and str(cause) and str(cause) not in text:
        text = f"{text} ({type(cause).__name__}: {cause})"
    return type(error)(text)
