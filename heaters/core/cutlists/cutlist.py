"""What a cut list says, whatever its format: which frames of one media file follow each other.

An editor numbers the frames of a file by its constant rate, Heaters numbers the frames that were decoded. They are the
same numbers unless frames are missing, repeated or of varying length; so a place in a list comes from the frame's own
PTS, and `is_exact` says whether every number stayed the same. It knows no format.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from heaters.core.timebase import PtsTable
from heaters.core.timecode import RATES, Clock, can_drop, named
from heaters.errors import RuleError

# Copies between containers round time stamps, most often to milliseconds.
ROUNDING_SECONDS = Fraction(1, 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One clip: frames [start_frame, end_frame) of the file, counted by the editor from the file's first frame."""

    start_frame: int
    end_frame: int
    name: str
    facts: dict[str, object] = field(default_factory=dict, hash=False)  # what else is known of it, as JSON takes it

    def __post_init__(self) -> None:
        if not 0 <= self.start_frame < self.end_frame:
            raise RuleError(f"a shot is a range 0 ≤ start < end; got [{self.start_frame}, {self.end_frame})")

    @property
    def frames(self) -> int:
        return self.end_frame - self.start_frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The file that a list cuts. `start_frame` is the number of its first frame in its own timecode track."""

    url: str
    name: str
    frame_count: int  # as the editor counts
    width: int
    height: int
    has_audio: bool
    start_frame: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CutList:
    """Shots of one file, one after the other. `record_frame` is where the list's own timecode begins."""

    title: str
    clock: Clock
    media: Media
    shots: tuple[Shot, ...]
    record_frame: int = 0

    def __post_init__(self) -> None:
        if not self.shots:
            raise RuleError("a cut list has at least one shot; got none")
        for shot in self.shots:
            if shot.end_frame > self.media.frame_count:
                raise RuleError(f"a shot lies in [0, {self.media.frame_count}); got one that ends at {shot.end_frame}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where frames of a video lie for an editor. `is_exact`: every one has the number it had."""

    rate: Fraction
    frames: tuple[int, ...]
    is_exact: bool


def places(table: PtsTable, frames: Sequence[int], stated_rate: Fraction | None, *, fixed: bool = False) -> Places:
    """The editor's numbers of some frames of a video (`frame_count` is allowed: where the last one ends).

    The rate is the one of RATES at which all numbers stay the same, the stated one if it does; else the lowest at which
    every frame of the video falls on a whole number (15 a second are counted at 30); else the one nearest to the stated
    rate, and numbers follow time. `fixed`: the stated rate and no other.
    """
    average = _average(table)
    near = sorted(RATES, key=lambda rate: abs(rate - (stated_rate or average)))
    last = table.seconds(table.frame_count - 1) - table.seconds(0)
    for rate in () if fixed else near:
        # How long the last frame is shown is often a guess: it does not decide.
        inner = tuple(frame for frame in frames if frame < table.frame_count)
        if _at(table, inner, rate) == inner and abs(rate - average) * last < 1:
            return Places(rate=rate, frames=tuple(frames), is_exact=True)
    rate = near[0] if fixed else _exact_rate(table, average) or near[0]
    found = _at(table, frames, rate)
    return Places(rate=rate, frames=found, is_exact=found == tuple(frames))


def _exact_rate(table: PtsTable, average: Fraction) -> Fraction | None:
    """The lowest rate, not below the average, at which every frame has a whole number of its own: exactly, else within
    what rounding explains.
    """
    tick = table.time_base.tick_seconds
    for tolerance in (Fraction(0), ROUNDING_SECONDS + tick):
        for rate in RATES:
            # The average is of what was rounded, too.
            if rate >= average * Fraction(999, 1000) and _is_whole(table, rate * tick, tolerance * rate):
                return rate
    return None


def _is_whole(table: PtsTable, numbers_a_tick: Fraction, tolerance: Fraction) -> bool:
    """Whether every frame lies on a number of its own, counted from the first, but for a part of a number."""
    p, q = numbers_a_tick.numerator, numbers_a_tick.denominator
    most = min(tolerance, Fraction(1, 4)) * q
    before = -1
    for ticks in table.ticks:  # in whole numbers, and only as far as they fit: films have a million frames
        number, rest = divmod((ticks - table.ticks[0]) * p + q // 2, q)
        if abs(rest - q // 2) > most or number == before:
            return False
        before = number
    return True


def _average(table: PtsTable) -> Fraction:
    """Frames a second between the first frame and the last."""
    if table.frame_count == 1:
        return table.average_frame_rate
    return (table.frame_count - 1) / (table.seconds(table.frame_count - 1) - table.seconds(0))


def _at(table: PtsTable, frames: Iterable[int], rate: Fraction) -> tuple[int, ...]:
    """The nearest numbers at a constant rate, counted from the first frame's PTS."""
    begin = table.seconds(0)
    return tuple(int((table.seconds(frame) - begin) * rate + Fraction(1, 2)) for frame in frames)


def clock_of(rate: Fraction, *, drop: bool | None = None) -> Clock:
    """The clock of a rate: drop-frame where that is defined, unless told otherwise."""
    return Clock(rate=rate, drop=can_drop(rate) if drop is None else drop)


def described(places: Places) -> str:
    """The numbering in a few words."""
    how = "frame for frame" if places.is_exact else "by time: the video's own rate varies or is none that editors know"
    return f"{named(places.rate)} frames a second, {how}"
