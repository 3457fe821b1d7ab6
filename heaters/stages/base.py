"""What all stages share: the contract with the runner, the context of a call, outcomes, results as figures."""

import dataclasses
import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from heaters.core.names import readable
from heaters.errors import ConfigError, StageError, TransientError
from heaters.settings import Settings
from heaters.store.cache import CacheResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the runner tells a worker about one call: how many threads it may keep busy, how long it may take."""

    threads: int = 1
    timeout_seconds: float = 3600.0


class Transaction(Protocol):
    """What `record()` writes with: a psycopg connection inside a transaction."""

    def execute(self, query: str, params: dict[str, Any], /) -> Any: ...


class Item(Protocol):
    """What every stage's `Input` has: the id of the video or clip. Of clips also where the work on them belongs."""

    @property
    def id(self) -> int: ...


class ClipItem(Item, Protocol):
    """One clip that is due in a stretch of a video."""

    @property
    def video_id(self) -> int: ...
    @property
    def stretch(self) -> int: ...


class UnexpectedError(TransientError):
    """Something nobody foresaw; kept with its type, tried again, visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """Base of all results. Fields named in `bulk` are recorded in tables of their own, not in the run's row."""

    bulk: ClassVar[frozenset[str]] = frozenset()

    seconds: float
    cache: CacheResult | None = None  # of the files it read by the node's cache; None: none

    @property
    def brought(self) -> str | None:
        """The hash of bytes that nobody knew before, and that lie in the store now; None: it brought none."""
        return None

    def line(self) -> str:
        """The result in a few words for a person who watches."""
        return f"{self.seconds:.1f} s"

    def figures(self) -> dict[str, Any]:
        """The result as a JSON-ready object without its bulk fields."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in self.bulk]
        return {name: plain(getattr(self, name)) for name in names}


# Figures that add up over the clips of a stretch; of others a value stands where all clips have the same.
_SUMS = frozenset({"seconds", "images", "size_bytes", "frames", "clip_seconds", "objects_deleted", "bytes_freed"})


def summary(results: Sequence[StageResult]) -> dict[str, Any]:
    """The figures of what one claim did: those of a video's result as they are, those of clips added up."""
    if len(results) == 1:
        return results[0].figures()
    each_one = [result.figures() for result in results]
    total: dict[str, Any] = {"items": len(each_one)}
    for name in each_one[0] if each_one else ():
        values = [one[name] for one in each_one]
        if name in _SUMS:
            total[name] = round(sum(values), 6)
        elif name == "cache":
            total[name] = plain(sum((r.cache for r in results if r.cache), CacheResult()))
        elif all(value == values[0] for value in values):
            total[name] = values[0]
    return total


def plain(value: Any) -> Any:
    """A value as the database's JSON takes it."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None  # JSON has no others
    if isinstance(value, str):
        return readable(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    return value


I = TypeVar("I", bound=Item)  # noqa: E741 - the input type of a stage
R = TypeVar("R")
T = TypeVar("T")
Outcome: TypeAlias = R | StageError

# Builds what a worker process keeps (models, clients) and does the work of calls: one outcome for each item, in order.
Work: TypeAlias = Callable[[Sequence[I], Context], list[R | StageError]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCode(Generic[I, R]):
    """What a module of `heaters.stages` gives the runner, as its `STAGE`.

    The query `input_<stage>` selects the columns of `input` of what is due; for stages of clips the fragment
    `lacks_<stage>` says which clips are. `worker` is built once in each worker process. `record` writes the results of
    many items, with as few statements as it takes, in the transaction that ends their claims; its second argument is
    the number of the stage's variant.
    """

    input: type[I]
    worker: Callable[[Settings], Work[I, R]]
    record: Callable[[Transaction, int, Sequence[tuple[I, R]]], None]


def stage_code(name: str, package: str = "heaters.stages") -> StageCode[Any, Any]:
    """The code of a pipeline row. Raises ConfigError where the package has none."""
    module = f"{package}.{name}"
    try:
        code = importlib.import_module(module).STAGE
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{module} must be a module with a STAGE: {error}") from error
    if not isinstance(code, StageCode):
        raise ConfigError(f"STAGE of {module} must be a StageCode; got {type(code).__name__}")
    return code


def each(items: Sequence[T], do: Callable[[T], R]) -> list[R | StageError]:
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
