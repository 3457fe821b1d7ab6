"""When a run is done although others go on."""

from heaters.core.pipeline import STAGES
from heaters.runner.horizon import Horizon

FIRST, SECOND = STAGES["keyframes"], STAGES["embed"]


def test_each_stage_does_what_had_changed_when_those_before_it_were_done() -> None:
    places = iter((10, 25))
    horizon = Horizon((FIRST, SECOND), lambda: next(places), is_open=False)
    assert (horizon.until(FIRST), horizon.until(SECOND)) == (10, None)  # until then it helps with everything
    assert horizon.next_stage is FIRST
    horizon.done(FIRST)
    assert (horizon.until(FIRST), horizon.until(SECOND)) == (10, 25)
    horizon.begin_again()  # others' work does not open it again
    assert horizon.next_stage is SECOND
    horizon.done(SECOND)
    assert horizon.next_stage is None


def test_an_open_horizon_has_no_end_and_begins_again_with_new_work() -> None:
    horizon = Horizon((FIRST, SECOND), lambda: 10, is_open=True)
    assert horizon.until(FIRST) is None
    horizon.done(FIRST)
    horizon.begin_again()
    assert horizon.next_stage is FIRST
