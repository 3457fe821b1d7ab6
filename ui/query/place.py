"""Where a listing goes on: an opaque text that the page hands back unchanged. What it says is checked, not trusted."""

import base64
import json
from dataclasses import asdict, dataclass

from heaters.errors import UsageError
from ui.query.shuffle import MOST_BITS

_RULE = "a cursor is the `next` of a page, unchanged"
_MOST_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """After the clip `after_id` whose key is `after_key`, or in a shuffle of 2^`bits` ids at place `at`; None: from the
    start. There `skip` clips that pass the filters are left out.
    """

    after_key: float | None = None
    after_id: int | None = None
    bits: int | None = None
    at: int | None = None
    skip: int = 0

    def __post_init__(self) -> None:
        key, bits = self.after_key, self.bits
        if not (
            (key is None) == (self.after_id is None)
            and (bits is None) == (self.at is None)
            and (key is None or abs(key) < 2**63)
            and (self.after_id is None or 0 <= self.after_id < 2**63)
            and (bits is None or (1 <= bits <= MOST_BITS and 0 <= (self.at or 0) <= 1 << bits))
            and 0 <= self.skip < 2**31
        ):
            raise UsageError(f"{_RULE}; got {self}")

    def encode(self) -> str:
        """The place as letters, digits, `-` and `_`."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Place":
        """The place that `encode` gave. Raises UsageError for any other text."""
        try:
            if len(text) > _MOST_CHARACTERS:
                raise ValueError(f"{len(text)} characters")
            values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            key = values.pop("after_key", None)
            numbers = {name: _whole(value) for name, value in values.items()}
            # Ids are keys, too, and 64 bits do not fit a float.
            return cls(after_key=key if key is None or isinstance(key, int) else float(key), **numbers)
        except (ValueError, TypeError, AttributeError) as error:
            raise UsageError(f"{_RULE}; got {text[:20]!r}…") from error


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    return value
