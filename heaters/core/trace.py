"""One id for everything that happens to a source, from its URL to its last clip: logs of any process carry it."""

import uuid

from heaters.core.address import Address, whole


def trace_id(source: str | Address) -> str:
    """32 hexadecimal digits, as W3C's trace-id, the same for the same source everywhere."""
    return uuid.uuid5(uuid.NAMESPACE_URL, whole(source)).hex
