"""Whether a frame is one picture or two fields of two moments, and the filters that make whole pictures. Pure.

Each frame that goes in comes out once, with its time: frame n stays frame n (SPEC, 1). So telecined film keeps its
repeated frames, and interlaced video the rate of its frames.
"""

from enum import StrEnum
from fractions import Fraction


class Fields(StrEnum):
    """How the lines of a frame belong together. The values are stored."""

    PROGRESSIVE = "progressive"
    TOP_FIRST = "tff"  # two moments, the top field's is the earlier one
    BOTTOM_FIRST = "bff"
    TELECINE = "telecine"  # film in 3:2 pulldown: fields of neighbouring frames make one picture


# Only frames that are flagged as interlaced are changed; the others of a mixed film pass as they are.
_DEINTERLACE = "bwdif=mode=send_frame:parity=auto:deint=interlaced"
# The match leaves frames that it cannot complete flagged as interlaced, for the filter after it.
_MATCH = "fieldmatch=order=auto:combmatch=full"
# Verdicts of the filter idet, as shares of the frames that it judged.
LEAST_COMBED = 0.2  # below this a file that is flagged as interlaced holds whole pictures
LEAST_REPEATED = 0.1  # pulldown repeats the top field in one frame of five and the bottom field in another one
FILM_RATES = (Fraction(30000, 1001), Fraction(30), Fraction(60000, 1001), Fraction(60))  # a stream may count fields


def judged(
    *, top: float, bottom: float, progressive: float, repeated: float, frames: float, rate: Fraction, flagged: Fields
) -> Fields:
    """From idet's counts: frames combed with the `top` or `bottom` field first, whole ones (`progressive`), and those
    that repeat the field of the one before that is repeated less often, of `frames` in all at `rate` frames a
    second. Where nothing moved, none is combed or whole, and the flag counts.
    """
    combed = top + bottom
    if not combed + progressive:
        return flagged
    if combed < LEAST_COMBED * (combed + progressive):
        return Fields.PROGRESSIVE
    if rate in FILM_RATES and frames and repeated >= LEAST_REPEATED * frames:
        return Fields.TELECINE
    return Fields.BOTTOM_FIRST if bottom > top else Fields.TOP_FIRST


def whole_pictures(fields: Fields, time_base: Fraction) -> str:
    """Filters that make whole pictures of a film in ticks of `time_base`, each with a comma before it; may be empty."""
    if fields == Fields.PROGRESSIVE:
        return ""
    match = f",{_MATCH}" if fields == Fields.TELECINE else ""
    return f"{match},{_DEINTERLACE},settb={time_base}"  # bwdif counts in half ticks
