"""Embedding spaces: a model and a strategy each; which there are, which is searched, which one is in use."""

from dataclasses import dataclass
from typing import Any

from heaters.errors import UsageError
from heaters.settings import EMBEDDING_STRATEGIES, Settings
from heaters.store.db import Connection, Cursor, Database
from heaters.store.queries import query

# The number of no space: of a model that has no vectors of the strategy asked for.
NOWHERE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One space as it stands. `clips` may be found in it; `missing` want a vector and have none here.

    `model` is its identity `name@revision`, `name` as HEATERS_MODEL has it. `active`: chosen by `use`, so searched when
    nothing else is said.
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
    """The space a query is answered in. `variant` is its number, NOWHERE where it has no vectors."""

    variant: int
    model: str
    name: str
    dimension: int
    strategy: str


def registered(tx: Cursor | Connection) -> list[Chosen]:
    """Every space, oldest first."""
    return [_chosen(row) for row in tx.execute(query("spaces")).fetchall()]


def spaces(database: Database) -> list[Space]:
    """Every space and how many clips it has, oldest first. Nothing is counted over."""
    with database.transaction() as tx:
        rows = tx.execute(query("spaces")).fetchall()
        counts = {row.pop("variant"): row for row in tx.execute(query("space_counts")).fetchall()}
    return [Space(**{name: row[name] for name in _KEYS}, **counts[row["variant"]]) for row in rows]


def choose(tx: Any, settings: Settings, *, model: str = "", strategy: str = "", at_hand: str = "") -> Chosen | None:
    """The space to search: what the query says, else the model at hand, else the active space, else the settings.

    None: the model of the settings has no vector yet. Raises UsageError for a model or strategy that is not there.
    """
    if strategy and strategy.partition("/")[0] not in EMBEDDING_STRATEGIES:
        raise UsageError(f"an embedding strategy is one of {', '.join(EMBEDDING_STRATEGIES)}; got {strategy!r}")
    rows = tx.execute(query("spaces")).fetchall()
    active = next((row for row in rows if row["active"]), None)
    wanted = model or at_hand or (active["model"] if active else settings.model)
    newest = _newest(rows, wanted)
    if newest is None:
        if model:
            raise UsageError(f"no clip has a vector of {model}: `heaters models` lists what there is")
        return None
    is_active = active is not None and active["model"] == newest["model"]
    asked = strategy or (active["strategy"] if active and is_active else settings.space_strategy)
    found = [row for row in rows if (row["model"], row["strategy"]) == (newest["model"], asked)]
    return _chosen(found[0] if found else {**newest, "variant": NOWHERE, "strategy": asked})


def use(database: Database, model: str, strategy: str, *, even_incomplete: bool = False) -> Space:
    """Let searches use a space from now on, without a stop: the next query is answered in it.

    Raises UsageError when it lacks clips (unless `even_incomplete`), or is not there.
    """
    found = [s for s in spaces(database) if model in (s.model, s.name) and s.strategy == strategy]
    if not found:
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
        chosen = next(one for one in registered(tx) if (one.model, one.strategy) == (space.model, space.strategy))
        tx.execute(query("use_space"), {"variant": chosen.variant})
    return space


def use_settings(database: Database) -> None:
    """Let the settings choose the space again."""
    with database.transaction() as tx:
        tx.execute(query("forget_active_space"))


_KEYS = ("model", "name", "dimension", "strategy", "active")


def _chosen(row: dict[str, Any]) -> Chosen:
    return Chosen(**{name: row[name] for name in ("variant", "model", "name", "dimension", "strategy")})


def _newest(rows: list[dict[str, Any]], wanted: str) -> dict[str, Any] | None:
    """Of the model of that identity, or else of that name, the space registered last."""
    for key in ("model", "name"):
        found = [row for row in rows if row[key] == wanted]
        if found:
            return found[-1]
    return None
