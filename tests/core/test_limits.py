"""Limits of stages by text: what they change, and what is refused."""

import pytest

from heaters.core.limits import limited, parsed
from heaters.core.pipeline import MIB, PIPELINE, STAGES
from heaters.errors import RuleError


def test_a_limit_changes_its_stage_alone() -> None:
    text = "detect.batch=8, detect.memory_mib=4096,prepare.timeout_seconds=60,export.calls=2,facts.cpus=0.5"
    detect = limited(STAGES["detect"], text)
    assert (detect.batch, detect.memory_bytes, detect.attempts) == (8, 4096 * MIB, STAGES["detect"].attempts)
    assert limited(STAGES["prepare"], text).timeout_seconds == 60
    assert limited(STAGES["export"], text).calls == 2
    assert limited(STAGES["facts"], text).cpus == 0.5
    assert limited(STAGES["embed"], text) == STAGES["embed"]
    assert [limited(stage, "") for stage in PIPELINE] == list(PIPELINE)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("detect.batch", "a whole number from 1 to 4096"),
        ("detect.batch=0", "a whole number from 1 to 4096"),
        ("detect.batch=1.5", "a whole number from 1 to 4096"),
        ("detect.batch=many", "a whole number from 1 to 4096"),
        ("detect.gpus=2", "a number from 0 to 1"),
        ("detect.cpus=nan", "a number from 0.1 to 1024"),
        ("review.batch=4", "'review.batch=4' is not"),
        ("cut.batch=4", "STAGE.LIMIT=NUMBER each, with a stage of download, prepare, detect"),
        ("detect.name=4", "and a limit of attempts, timeout_seconds, batch, calls, cpus, gpus, memory_mib"),
    ],
)
def test_a_limit_fails_for_what_is_none(text: str, rule: str) -> None:
    with pytest.raises(RuleError) as caught:
        parsed(text)
    assert rule in str(caught.value)
