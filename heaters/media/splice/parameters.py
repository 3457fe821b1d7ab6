"""Sequence parameter sets of H.264 and HEVC, as far as copying depends on them. It reads bits and decides nothing."""

from dataclasses import dataclass

# Profiles whose SPS states the chroma format and bit depths (H.264, 7.3.2.1.1).
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MOST_ZEROS = 32


class Bits:
    """Reads bits of a unit, its emulation prevention bytes left out. Raises ValueError past the end."""

    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value, self._left = int.from_bytes(data, "big"), len(data) * 8

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        self._left -= count
        if self._left < 0:
            raise ValueError("a parameter set ends too early")
        return self._value >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number, `ue(v)`."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _MOST_ZEROS:
                raise ValueError("a parameter set holds a number of more than 32 bits")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """A signed Exp-Golomb number, `se(v)`."""
        number = self.golomb()
        return (number + 1) // 2 if number % 2 else -number // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """What a sequence parameter set says."""

    id: int
    is_interlaced: bool
    reorders: int | None  # the most frames that a decoder holds back; None where it is not stated


def h264_sequence(unit: bytes) -> Sequence:
    """Read an H.264 SPS (7.3.2.1.1 and E.1.1). Raises ValueError where it is cut short."""
    bits = Bits(unit[1:])
    profile = bits.take(8)
    bits.take(16)  # constraints and level
    number = bits.golomb()
    if profile in _HIGH_PROFILES:
        _skip_high(bits)
    bits.golomb()  # log2_max_frame_num
    order = bits.golomb()  # 2: no frame is reordered
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.golomb(), 255)):
            bits.signed()
    bits.golomb()  # max_num_ref_frames
    bits.take(1)
    bits.golomb()  # width and height
    bits.golomb()
    is_interlaced = not bits.take(1)
    if is_interlaced:
        bits.take(1)
    bits.take(1)
    if bits.take(1):  # cropping
        for _ in range(4):
            bits.golomb()
    stated = _stated_reorders(bits) if bits.take(1) else None
    return Sequence(id=number, is_interlaced=is_interlaced, reorders=0 if order == 2 else stated)


def _skip_high(bits: Bits) -> None:
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    bits.golomb()  # bit depths
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        for place in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if place < 6 else 64)


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _stated_reorders(bits: Bits) -> int | None:
    """`max_num_reorder_frames` of the usability information (E.1.1)."""
    if bits.take(1) and bits.take(8) == 255:  # aspect ratio
        bits.take(32)
    if bits.take(1):  # overscan
        bits.take(1)
    if bits.take(1):  # video signal
        bits.take(4)
        if bits.take(1):
            bits.take(24)
    if bits.take(1):  # chroma location
        bits.golomb()
        bits.golomb()
    if bits.take(1):  # timing
        bits.take(65)
    buffers = [_skip_buffer(bits) for _ in range(2) if bits.take(1)]
    if buffers:
        bits.take(1)
    bits.take(1)
    if not bits.take(1):
        return None
    bits.take(1)
    for _ in range(4):
        bits.golomb()
    return bits.golomb()


def _skip_buffer(bits: Bits) -> bool:
    count = bits.golomb() + 1
    bits.take(8)
    for _ in range(min(count, 32)):
        bits.golomb()
        bits.golomb()
        bits.take(1)
    bits.take(20)
    return True


def hevc_sequence(unit: bytes) -> Sequence:
    """Read the start of an HEVC SPS (7.3.2.2 and 7.3.3). It always states its reordering. Raises ValueError."""
    bits = Bits(unit[2:])
    bits.take(8)
    bits.take(40)  # profile and its compatibility
    is_progressive, is_interlaced = bits.take(1), bits.take(1)
    return Sequence(id=0, is_interlaced=bool(is_interlaced and not is_progressive), reorders=0)


def picture_id(unit: bytes) -> int:
    """The number of an H.264 PPS (7.3.2.2). Raises ValueError."""
    return Bits(unit[1:]).golomb()
