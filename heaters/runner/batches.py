"""What goes to Ray in one call."""

from collections.abc import Iterator, Sequence

from heaters.core.pipeline import Stage, Subject
from heaters.runner.ledger import Claim

# A source above this takes long: it goes alone, so that no others wait for the end of its batch.
HUGE_BYTES = 4 * 2**30


def batches(stage: Stage, claims: Sequence[Claim], slots: int) -> Iterator[list[Claim]]:
    """Groups of at most the stage's batch, spread over the free slots. What failed or was lost before goes alone, so
    that a poisonous item cannot take others with it a second time; so does a huge video: its batch would wait for it.
    """

    def is_alone(claim: Claim) -> bool:
        return claim.attempt > 1 or (stage.subject is Subject.VIDEO and claim.size_bytes > HUGE_BYTES)

    together = [c for c in claims if not is_alone(c)]
    yield from ([c] for c in claims if is_alone(c))
    step = min(stage.batch, max(1, -(-len(together) // slots)))
    for start in range(0, len(together), step):
        yield together[start : start + step]
