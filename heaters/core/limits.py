"""Limits of stages as an operator sets them: `detect.batch=8,prepare.timeout_seconds=7200`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from heaters.core.pipeline import MIB, STAGES, By, Stage
from heaters.errors import RuleError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """A limit's bounds, whether it is whole, and how it changes a stage."""

    low: float
    high: float
    whole: bool
    set: Callable[[Stage, float], Stage]


LIMITS: Mapping[str, _Limit] = {
    "attempts": _Limit(low=1, high=100, whole=True, set=lambda s, n: replace(s, attempts=int(n))),
    "timeout_seconds": _Limit(low=1, high=7 * 86400, whole=True, set=lambda s, n: replace(s, timeout_seconds=int(n))),
    "batch": _Limit(low=1, high=4096, whole=True, set=lambda s, n: replace(s, batch=int(n))),
    "calls": _Limit(low=1, high=100_000, whole=True, set=lambda s, n: replace(s, calls=int(n))),
    "cpus": _Limit(low=0.1, high=1024, whole=False, set=lambda s, n: replace(s, cpus=n)),
    "gpus": _Limit(low=0, high=1, whole=False, set=lambda s, n: replace(s, gpus=n)),
    "memory_mib": _Limit(low=1, high=2**24, whole=True, set=lambda s, n: replace(s, memory_bytes=int(n) * MIB)),
}


def parsed(text: str) -> dict[tuple[str, str], float]:
    """Stage and limit → number. Raises RuleError with the rule for what is none."""
    found = {}
    for part in (word.strip() for word in text.split(",")):
        if not part:
            continue
        place, _, number = part.partition("=")
        stage, _, limit = place.strip().partition(".")
        if stage not in STAGES or STAGES[stage].by is By.PERSON or limit not in LIMITS:
            machine = [name for name, row in STAGES.items() if row.by is not By.PERSON]
            raise RuleError(
                f"must be STAGE.LIMIT=NUMBER each, with a stage of {', '.join(machine)} and a limit of "
                f"{', '.join(LIMITS)}; {part!r} is not"
            )
        found[stage, limit] = _number(part, LIMITS[limit], number.strip())
    return found


def _number(part: str, limit: _Limit, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not limit.low <= value <= limit.high or (limit.whole and not value.is_integer()):
        kind = "a whole number" if limit.whole else "a number"
        raise RuleError(f"must have {kind} from {limit.low:g} to {limit.high:g} in {part!r}")
    return value


def limited(stage: Stage, text: str) -> Stage:
    """A stage with the limits that `text` sets for it. Raises RuleError as `parsed` does."""
    for (name, limit), number in parsed(text).items():
        if name == stage.name:
            stage = LIMITS[limit].set(stage, number)
    return stage
