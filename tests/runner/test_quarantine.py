"""Items whose node ran out of memory: one at a time per node, from then on."""

from heaters.core.pipeline import STAGES
from heaters.errors import NodeFull, NodeLost, WorkerLost
from heaters.runner.ledger import Claim
from heaters.runner.quarantine import Quarantine

PREPARE, DETECT = STAGES["prepare"], STAGES["detect"]


def claims(*items: int, attempt: int = 2) -> list[Claim]:
    return [
        Claim(run_id=100 * attempt + n, subject_id=n, video_id=n, attempt=attempt, failures=0, size_bytes=1)
        for n in items
    ]


def full(quarantine: Quarantine, *items: int) -> None:
    for claim in claims(*items, attempt=1):
        quarantine.failed(PREPARE, claim, NodeFull("its node ran out of memory"))


def test_whoever_is_no_suspect_runs_at_once() -> None:
    quarantine = Quarantine()
    for claim, error in zip(claims(1, 2), (NodeLost("gone"), WorkerLost("killed")), strict=True):
        quarantine.failed(PREPARE, claim, error)
    full(quarantine, 3)
    assert quarantine.admit(PREPARE, claims(1, 2)) == claims(1, 2)
    assert quarantine.admit(DETECT, claims(3)) == claims(3)  # in another stage it is another one


def test_suspects_take_turns_in_the_order_of_their_claims() -> None:
    quarantine = Quarantine()
    full(quarantine, 1, 2, 3, 4)
    first, second, third, fourth = claims(1, 2, 3, 4)
    assert quarantine.admit(PREPARE, [first, second]) == []
    assert quarantine.admit(PREPARE, [third, fourth]) == []
    assert list(quarantine.due(2)) == [(PREPARE, first), (PREPARE, second)]
    assert list(quarantine.due(2)) == []
    quarantine.leave([first])
    assert list(quarantine.due(2)) == [(PREPARE, third)]
    quarantine.failed(PREPARE, second, NodeFull("again"))
    assert list(quarantine.due(2)) == [(PREPARE, fourth)]
    assert list(quarantine.due(9)) == []


def test_what_waits_can_be_given_back() -> None:
    quarantine = Quarantine()
    full(quarantine, 1, 2)
    quarantine.admit(PREPARE, claims(1, 2))
    assert list(quarantine.due(1)) == [(PREPARE, claims(1)[0])]
    assert quarantine.empty() == claims(2)
    assert quarantine.empty() == []
