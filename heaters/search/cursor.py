"""Where a page ends, as an opaque text that holds all that the next page needs.

It carries the query's direction, so that the next page is measured from exactly the same point, needs no model, and
does not care whether another replica answers. What it says is checked, not trusted.
"""

import base64
import binascii
import json
import math
import zlib
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from heaters.errors import UsageError

_RULE = "a cursor is the `next` of a page, unchanged, with the query that gave that page"
_MAX_CHARACTERS = 32_768
_MOST_DIMENSIONS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """After which hit the next page begins.

    `distance` is that of the last hit, `tied` the hits at that very distance that were shown, `shown` how many hits
    there were in all. `fingerprint` is the query's; `direction` is float16 [dimension].
    """

    model: str
    strategy: str
    fingerprint: str
    distance: float
    tied: tuple[int, ...]
    shown: int
    direction: NDArray[np.float16]

    def encode(self) -> str:
        """The cursor as letters, digits, `-` and `_`."""
        values = {name: value for name, value in asdict(self).items() if name != "direction"}
        body = zlib.compress(json.dumps(values).encode() + b"\0" + self.direction.astype("<f2").tobytes())
        return base64.urlsafe_b64encode(zlib.crc32(body).to_bytes(4, "big") + body).decode().rstrip("=")


def decode(text: str, fingerprint: str) -> Cursor:
    """The cursor that `encode` gave, for the query of this fingerprint. Raises UsageError for any other text."""
    if len(text) > _MAX_CHARACTERS:
        raise UsageError(f"{_RULE}; got {len(text)} characters")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):
            raise ValueError("it was changed")
        limited = zlib.decompressobj()
        values, _, vector = limited.decompress(data[4:], 4 * _MAX_CHARACTERS).partition(b"\0")
        direction = np.frombuffer(vector, "<f2").astype(np.float16)
        found = Cursor(**{**json.loads(values), "direction": direction})
        found = Cursor(**{**asdict(found), "tied": tuple(int(clip) for clip in found.tied), "direction": direction})
        sound = (
            math.isfinite(found.distance)
            and found.shown >= 0
            and all(isinstance(text, str) for text in (found.model, found.strategy, found.fingerprint))
            and 0 < len(direction) <= _MOST_DIMENSIONS
            and np.isfinite(direction).all()
        )
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error, zlib.error) as error:
        raise UsageError(f"{_RULE}; got {text[:20]!r}… ({error})") from error
    if not sound:
        raise UsageError(f"{_RULE}; got {text[:20]!r}…")
    if found.fingerprint != fingerprint:
        raise UsageError(f"{_RULE}; this one belongs to another query")
    return found
