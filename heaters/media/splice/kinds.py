"""What a packet is to its followers, by its own bytes: what a container says of key frames may be wrong."""

from collections.abc import Sequence

from heaters.media.splice import nal
from heaters.media.splice.parameters import Bits
from heaters.media.splice.plan import Kind
from heaters.media.splice.rules import NotCopied, Rule

# AV1 open bitstream units (AV1, 6.2.2) that hold a frame's header.
_AV1_FRAME_HEADERS = (3, 6)


def kind_of_units(units: Sequence[bytes], syntax: nal.Syntax, *, is_flagged: bool) -> Kind:
    """The kind of a packet of H.264 or HEVC. `is_flagged`: the container calls it a key frame.

    Raises NotCopied for a packet without a picture, and for data partitions.
    """
    types = {kind for kind in map(syntax.type_of, units) if kind in syntax.slices}
    if not types:
        raise NotCopied(Rule.TIMES, "a packet holds no picture")
    if syntax.name == "h264" and types & nal.H264_PARTITIONS:
        raise NotCopied(Rule.CODEC, "data partitions")
    if types <= ({nal.H264_IDR} if syntax.name == "h264" else nal.HEVC_KEYS):
        return Kind.KEY
    if syntax.name == "hevc" and types <= nal.HEVC_LEADING:
        return Kind.LEADING
    return Kind.OPEN if is_flagged else Kind.OTHER


def is_vp9_key(packet: bytes) -> bool:
    """Whether a VP9 packet begins with a shown key frame (VP9, 6.2)."""
    bits = Bits(packet[:4])
    if bits.take(2) != 2:
        return False
    low = bits.take(1)
    if low + 2 * bits.take(1) == 3:
        bits.take(1)
    shows_existing, is_inter, is_visible = bits.take(1), bits.take(1), bits.take(1)
    return not shows_existing and not is_inter and bool(is_visible)


def is_av1_key(packet: bytes) -> bool:
    """Whether the first frame of an AV1 temporal unit is a shown key frame (AV1, 5.3 and 5.9.2)."""
    at = 0
    while at < len(packet):
        header, at = packet[at], at + 1
        kind = header >> 3 & 15
        at += header >> 2 & 1
        size = len(packet) - at
        if header >> 1 & 1:
            size, at = _leb128(packet, at)
        if kind in _AV1_FRAME_HEADERS:
            first = packet[at] if at < len(packet) else 255
            shows_existing, frame_type, is_shown = first >> 7, first >> 5 & 3, first >> 4 & 1
            return not shows_existing and frame_type == 0 and bool(is_shown)
        at += size
    return False


def _leb128(packet: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = packet[at + place] if at + place < len(packet) else 0
        value |= (byte & 127) << 7 * place
        if not byte & 128:
            return value, at + place + 1
    return value, at + 8
