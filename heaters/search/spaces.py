"""Embedding spaces: a model and a strategy each; which there are, which is searched, which one is in use."""

from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from heaters.errors import UsageError
from heaters.settings import EMBEDDING_STRATEGIES, Settings
from heaters.store.db import Database
from heaters.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One space as it stands. `clips` may be found in it; `missing` have their stills but no vector here.

    `model` is its identity `name@revision`, `name` as HEATERS_MODEL has it; `strategy` is '' for a model without any
    vector yet. `active`: chosen by `use`, so searched when nothing else is said.
    """

    model: str
    name: str
    dimension: int
    strategy: str
    clips: int
    missing: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The space a query is answered in."""

    model: str
    name: str
    dimension: int
    strategy: str


def spaces(database: Database) -> list[Space]:
    """Every space, oldest model first."""
    with database.transaction() as tx, tx.connection.cursor(row_factory=class_row(Space)) as cursor:
        return cursor.execute(query("spaces").encode()).fetchall()


def choose(tx: Any, settings: Settings, *, model: str = "", strategy: str = "", at_hand: str = "") -> Chosen | None:
    """The space to search: what the query says, else the model at hand, else the active space, else the settings.

    None: the model of the settings has no vector yet. Raises UsageError for a model or strategy that is not there.
    """
    if strategy and strategy not in EMBEDDING_STRATEGIES:
        raise UsageError(f"an embedding strategy is one of {', '.join(EMBEDDING_STRATEGIES)}; got {strategy!r}")
    active = tx.execute(query("active_space")).fetchone() or {"model": "", "strategy": ""}
    wanted = model or at_hand or active["model"] or settings.model
    row = tx.execute(query("find_model"), {"wanted": wanted}).fetchone()
    if row is None:
        if model:
            raise UsageError(f"no clip has a vector of {model}: `heaters models` lists what there is")
        return None
    fallback = active["strategy"] if row["model"] == active["model"] else settings.embedding_strategy
    return Chosen(**row, strategy=strategy or fallback)


def use(database: Database, model: str, strategy: str, *, even_incomplete: bool = False) -> Space:
    """Let searches use a space from now on, without a stop: the next query is answered in it.

    Raises UsageError when it lacks clips that have their stills (unless `even_incomplete`), or is not there.
    """
    found = [s for s in spaces(database) if model in (s.model, s.name) and (s.strategy == strategy or not s.strategy)]
    if not found or not found[-1].strategy:
        raise UsageError(
            f"no clip has a vector of {model}, strategy {strategy}: `heaters embed --model {model}` makes them"
        )
    space = found[-1]
    if space.missing and not even_incomplete:
        raise UsageError(
            f"{space.missing} clips have no vector of {space.model}, strategy {strategy}, and would not be found any "
            f"more; `heaters embed --model {space.name or model}` makes them"
        )
    with database.transaction() as tx:
        tx.execute(query("use_space"), {"model": space.model, "strategy": space.strategy})
    return space


def use_settings(database: Database) -> None:
    """Let the settings choose the space again."""
    with database.transaction() as tx:
        tx.execute(query("forget_active_space"))
