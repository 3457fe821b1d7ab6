"""Decode times of packets of which only the times of showing are known. Pure."""

from collections.abc import Sequence
from itertools import pairwise


def decode_times(pts: Sequence[int]) -> list[int]:
    """Strictly rising times, none after its packet's own. `pts` is in decode order, each time once.

    Packet n is decoded when frame n is shown, all of them earlier by the least delay that suffices.
    """
    shown = sorted(pts)
    delay = max((due - own for due, own in zip(shown, pts, strict=True)), default=0)
    return [due - delay for due in shown]


def durations(pts: Sequence[int], end_pts: int) -> list[int]:
    """How long each packet's decode time lasts, so that all of them together last until `end_pts`."""
    shown = [*sorted(pts), end_pts]
    return [after - before for before, after in pairwise(shown)]
