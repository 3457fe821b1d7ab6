"""GPUs between the stages that want them: by what waits for each, and never all to one. Knows no stage by name."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a stage could use now: calls that run or wait, each of which takes `gpus` of a GPU."""

    calls: float
    gpus: float


def shares(gpus: float, wants: Mapping[str, Want]) -> dict[str, int]:
    """How many calls of each stage may hold a part of `gpus` GPUs at once: in proportion, and at least one each.

    A stage with nothing to do keeps its one: what arrives for it need not wait for the next look.
    """
    total = sum(want.calls * want.gpus for want in wants.values())
    found = {}
    for name, want in wants.items():
        part = want.calls * want.gpus / total if total else 1 / len(wants)
        found[name] = max(1, int(gpus * part / want.gpus + 1e-9))
    return found
