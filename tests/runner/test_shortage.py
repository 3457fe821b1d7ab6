"""When a stage is asked for again of which there was not enough."""

import pytest

from heaters.core.pipeline import STAGES, Stage, machine_stages
from heaters.runner import shortage as module
from heaters.runner.shortage import AGAIN_SECONDS, Shortage


@pytest.fixture
def shortage() -> Shortage:
    return Shortage(machine_stages())


def short(shortage: Shortage) -> set[str]:
    return {stage.name for stage in machine_stages() if shortage.has(stage)}


def begin_all(shortage: Shortage) -> None:
    for stage in machine_stages():
        shortage.begin(stage)


@pytest.mark.parametrize(
    ("ended", "over"),
    [
        ("download", {"download", "prepare"}),  # there is room again for another one
        ("prepare", {"prepare", "detect"}),
        ("export", {"keyframes"}),
        ("keyframes", {"facts", "embed"}),
        ("embed", set()),
        ("review", {"export"}),  # people do this one
    ],
)
def test_what_comes_back_ends_the_shortage_of_those_that_it_feeds(
    shortage: Shortage, ended: str, over: set[str]
) -> None:
    begin_all(shortage)
    everything = short(shortage)
    assert everything == {stage.name for stage in machine_stages()}
    shortage.end(STAGES[ended])
    assert everything - short(shortage) == over


def test_others_make_work_as_well(shortage: Shortage, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 50.0
    monkeypatch.setattr(module.time, "monotonic", lambda: clock)
    stage: Stage = STAGES["export"]
    assert not shortage.has(stage)
    shortage.begin(stage)
    assert shortage.has(stage)
    clock += AGAIN_SECONDS - 0.01
    assert short(shortage) == {"export"}
    clock += 0.02
    assert short(shortage) == set()
