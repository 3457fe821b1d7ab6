"""Where the search for due work among finished items goes on.

What a stage is there to do waits in the state that it takes and leaves it when done: the first that are due are at the
front. A changed default makes items of later states due (`eligible_states`), of which all but these are done: nothing
but a look at each of them tells. So they are swept in spans of videos, round and round, in a share of the time.
"""

import time

# Videos in one look, which takes about 0.8 ms for each hundred clips.
SPAN = 100
# Of the driver's time, looks that find nothing take no more than this for each stage.
SHARE = 0.02
# And they are so far apart at least.
REST_SECONDS = 0.25


class Sweep:
    """The place of one stage."""

    def __init__(self, first: int = 0, *, at: int = 0, span: int = SPAN) -> None:
        """Rounds begin at video `first`, this one at `at`, and at once."""
        self._first = first
        self._span = span
        self._rests_until = 0.0
        self.at = max(first, at)
        self.is_finding = False  # the last look found something

    @property
    def is_due(self) -> bool:
        """Whether to look now."""
        return time.monotonic() >= self._rests_until

    @property
    def until(self) -> int:
        """The first video that the next look leaves out."""
        return self.at + self._span

    def stay(self, video: int) -> None:
        """There may be more: go on at once, with the last video that something was found of."""
        self.at, self.is_finding = video, True

    def go_on(self, last: int, *, found: bool, took_seconds: float) -> None:
        """All of the span was seen: the next one, after a rest if it held nothing; after video `last` a new round."""
        self.at = self._first if self.until > last else self.until
        self.is_finding = found
        if not found:
            self._rests_until = time.monotonic() + max(REST_SECONDS, took_seconds / SHARE)
