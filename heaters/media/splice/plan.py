"""Which frames of a clip are copied and which are encoded. Pure: it sees times and kinds of packets, no bytes.

    packets in decode order      … P B B [I P B B P B B] P B B …
    frames in order of showing   head    copied          tail

The copied packets follow each other in decode order without a gap, begin at a clean key frame, and are exactly the
first of the frames shown from there on. So no decoder needs a frame that is not in the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from heaters.media.splice.rules import NotCopied, Rule


class Kind(Enum):
    """What a packet is to its followers."""

    KEY = "key"  # decoding can begin here; nothing after it in decode order needs what is before, but its leading ones
    OPEN = "open"  # the container calls it a key frame, and it is none: frames after it need frames before it
    LEADING = "leading"  # follows a key frame in decode order, is shown before it, and may need what is before (HEVC)
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet of one frame. `pts` is in ticks from the start of the container."""

    pts: int
    kind: Kind
    is_shown: bool = True  # an edit list may hide frames that others need


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`head` and `tail` are the times of the frames to encode, in order. `copied` are places in the list of packets, in
    decode order; `keys` are those of them that a reader may seek to.
    """

    head: tuple[int, ...]
    copied: tuple[int, ...]
    keys: frozenset[int]
    tail: tuple[int, ...]


def plan(packets: Sequence[Packet], *, start_pts: int, end_pts: int, frames: int) -> Plan:
    """Copy as much as can be of the clip `[start_pts, end_pts)`, which has `frames` frames.

    `packets`, in decode order, begin at or before the clip's first frame in decode order and go beyond its last.
    Raises NotCopied where no frame can be copied, or where the packets are not the clip's frames.
    """
    shown = sorted(packet.pts for packet in packets if packet.is_shown and start_pts <= packet.pts < end_pts)
    if len(shown) != frames or len(set(shown)) != frames or shown[0] != start_pts:
        raise NotCopied(Rule.TIMES, f"{len(set(shown))} times in packets, {frames} frames")
    for at, packet in enumerate(packets):
        if packet.kind is Kind.KEY and packet.is_shown and start_pts <= packet.pts < end_pts:
            head = tuple(pts for pts in shown if pts < packet.pts)
            copied = _closed(packets, at, shown[len(head) :])
            return Plan(
                head=head,
                copied=copied,
                keys=frozenset(place for place in copied if place == at or _is_closed_key(packets, place)),
                tail=tuple(shown[len(head) + len(copied) :]),
            )
    raise NotCopied(*_why_none(packets, start_pts, end_pts))


def nothing_copied(packets: Sequence[Packet], *, start_pts: int, end_pts: int) -> Plan:
    """All frames of the clip are encoded."""
    shown = sorted(packet.pts for packet in packets if packet.is_shown and start_pts <= packet.pts < end_pts)
    return Plan(head=tuple(shown), copied=(), keys=frozenset(), tail=())


def begin_of(packets: Sequence[Packet], pts: int) -> int | None:
    """The time of the last packet in decode order from which the frame at `pts` and all after it can be decoded; None
    where no packet is known to be one.
    """
    begin = None
    for packet in packets:
        if packet.kind is Kind.KEY and packet.pts <= pts:
            begin = packet.pts
        if packet.pts == pts:
            break
    return begin


def _closed(packets: Sequence[Packet], key: int, shown: Sequence[int]) -> tuple[int, ...]:
    """The longest run of packets in decode order from the key frame on that is the first frames of `shown`."""
    run, best, latest = [key], 1, packets[key].pts
    leads = True
    for place in range(key + 1, len(packets)):
        packet = packets[place]
        leads = leads and packet.pts < packets[key].pts
        if leads and packet.kind is Kind.LEADING:
            continue  # encoded with the head
        if packet.pts < packets[key].pts or not packet.is_shown:
            break  # an unexpected order, or a hidden frame
        if packet.pts > shown[-1]:
            break
        run.append(place)
        latest = max(latest, packet.pts)
        if latest == shown[len(run) - 1]:
            best = len(run)
    return tuple(run[:best])


def _is_closed_key(packets: Sequence[Packet], place: int) -> bool:
    """Whether a seek to this packet finds each frame after it. Not where leading frames follow: a seek loses them."""
    if packets[place].kind is not Kind.KEY:
        return False
    return place + 1 == len(packets) or packets[place + 1].pts > packets[place].pts


def _why_none(packets: Sequence[Packet], start_pts: int, end_pts: int) -> tuple[Rule, str]:
    inside = [packet for packet in packets if start_pts <= packet.pts < end_pts]
    if any(packet.kind is Kind.KEY for packet in inside):
        return Rule.EDIT_LIST, "a key frame in the clip is not shown"
    if any(packet.kind is Kind.OPEN for packet in inside):
        return Rule.OPEN_GOP, "key frames of the clip refer to frames before them"
    return Rule.NO_KEY, ""
