"""The Range header (RFC 9110, 14.2), for objects that are not files here. It knows no request."""

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes `[start, stop)` of an object."""

    start: int
    stop: int
    is_partial: bool

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.stop - self.start


def parse_range(header: str, size_bytes: int) -> Part | None:
    """What to send: a part, or all of it where the header is missing, wrong or asks for several parts.

    None when no byte of what is asked for is there (416).
    """
    whole = Part(start=0, stop=size_bytes, is_partial=False)
    match = _ONE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return whole
    first, last = match.groups()
    if not first:
        start, stop = max(0, size_bytes - int(last)), size_bytes
    else:
        start, stop = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
        if last and int(last) < int(first):
            return whole
    return Part(start=start, stop=stop, is_partial=True) if start < stop else None
