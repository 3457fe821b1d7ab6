"""What a video's numbers mean as colours, resolved once: matrix, range, primaries and transfer.

What a file states counts. What it does not state is taken as browsers take it. `to_bt709` and its kind are the filters
that follow from it, pure; files are looked at by `examine.py`.
"""

from dataclasses import dataclass
from typing import Any

from heaters.errors import MediaError

# By the numbers of ITU-T H.273, which ffmpeg uses too; the names are those of its filters and options.
MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
}
PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    11: "smpte431",
    12: "smpte432",
}
TRANSFERS = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    11: "iec61966-2-4",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}
RANGES = {1: "tv", 2: "pc"}
PQ, HLG = "smpte2084", "arib-std-b67"
# Chromium takes BT.709 for a picture that states nothing from this many coded lines on, below it BT.601
# (media/ffmpeg/ffmpeg_common.cc).
HD_LINES = 720
SD_MATRIX = "smpte170m"
# The names that the filter `scale` has for a matrix, where they are others.
_SCALE = {"bt2020nc": "bt2020", "bt2020c": "bt2020", "gbr": "bt709", "ycgco": "bt709"}
# Primaries so much wider than BT.709 that they are converted. Those of BT.601 differ from it less than cameras do from
# each other, and nearly all files that state them hold BT.709's numbers: players leave them as they are.
_WIDE = frozenset({"bt2020", "smpte431", "smpte432"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """How the numbers of a picture are read. `stated`: which of the four the file says itself; others were taken as
    players take them.
    """

    matrix: str = "bt709"
    range: str = "tv"  # tv (16 to 235) or pc (0 to 255)
    primaries: str = "bt709"
    transfer: str = "bt709"
    stated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = (MATRICES, RANGES, PRIMARIES, TRANSFERS)
        for value, names in zip((self.matrix, self.range, self.primaries, self.transfer), known, strict=True):
            if value not in names.values():
                raise MediaError(f"a colour is one of {', '.join(names.values())}; got {value!r}")

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer is PQ or HLG: light beyond a display's white, on an ordinary screen grey and pale."""
        return self.transfer in (PQ, HLG)

    @property
    def is_rgb(self) -> bool:
        """Whether the numbers are red, green and blue themselves."""
        return self.matrix == "gbr"

    @property
    def is_wide(self) -> bool:
        """Whether the primaries are wider than a display's."""
        return self.primaries in _WIDE

    @property
    def scale_matrix(self) -> str:
        """The matrix as the filter `scale` calls it."""
        return _SCALE.get(self.matrix, self.matrix)

    def __str__(self) -> str:
        return f"{self.matrix}/{self.range}/{self.primaries}/{self.transfer}"


BT709 = Colour()


def resolved(
    *, matrix: int, range_: int, primaries: int, transfer: int, lines: int, is_rgb: bool, is_full: bool, is_jpeg: bool
) -> Colour:
    """By the numbers that decoder and container give (2 and 0: not stated) of a picture of `lines` coded lines.

    `is_rgb`: its pixels are RGB or a palette; `is_full`: its pixel format itself has full range; `is_jpeg`: a JPEG,
    which is BT.601 whatever its size (JFIF).
    """
    stated = {
        "matrix": "gbr" if is_rgb else MATRICES.get(matrix, "").replace("gbr", ""),
        "range": "pc" if is_rgb or is_full else RANGES.get(range_, ""),
        "primaries": PRIMARIES.get(primaries, ""),
        "transfer": TRANSFERS.get(transfer, ""),
    }
    is_new = stated["primaries"] == "bt2020" or stated["transfer"] in (PQ, HLG)
    guessed = {
        "matrix": "bt2020nc" if is_new else SD_MATRIX if is_jpeg or lines < HD_LINES else "bt709",
        "range": "tv",
        "primaries": "bt2020" if is_new or stated["matrix"].startswith("bt2020") else "bt709",
        "transfer": "bt709",
    }
    named = tuple(name for name, value in stated.items() if value)
    return Colour(**{name: value or guessed[name] for name, value in stated.items()}, stated=named)


def colour_of(told: dict[str, Any]) -> Colour:
    """From its fields as JSON."""
    return Colour(**{**told, "stated": tuple(told["stated"])})
