"""SMPTE timecode: a frame's number at a constant rate as hours, minutes, seconds and frames, and back.

Drop-frame exists because 30000/1001 frames a second are fewer than the 30 that the clock counts: at the start of each
minute but every tenth, two numbers are left out (four at 60000/1001), so that the clock stays within a frame or two of
real time. Numbers are left out, never frames. It does not know files or clips.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from heaters.errors import RuleError

# The rates that editors know, as exact as broadcast defines them.
RATES: tuple[Fraction, ...] = tuple(
    Fraction(num, den)
    for num, den in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1), (100, 1),
        (120000, 1001), (120, 1),
    )
)  # fmt: skip
_FORM = re.compile(r"(\d\d):(\d\d):(\d\d)([:;])(\d{2,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How frames of one rate are numbered. `drop` is drop-frame, for 30000/1001 and 60000/1001 alone."""

    rate: Fraction
    drop: bool = False

    def __post_init__(self) -> None:
        if self.rate not in RATES:
            raise RuleError(f"timecode counts one of the rates {', '.join(named(r) for r in RATES)}; got {self.rate}")
        if self.drop and not can_drop(self.rate):
            raise RuleError(f"drop-frame timecode is for 29.97 and 59.94 frames a second; got {named(self.rate)}")

    @property
    def base(self) -> int:
        """The frames that the clock counts to a second: 30 at 30000/1001."""
        return round(self.rate)

    @property
    def frames_a_day(self) -> int:
        """The numbers from 00:00:00:00 to 24:00:00:00."""
        return 24 * 60 * 60 * self.base - self._dropped_in(24 * 60)

    def timecode(self, frame: int) -> str:
        """The timecode of a frame counted from 0. Raises RuleError for one that a day does not hold."""
        if not 0 <= frame < self.frames_a_day:
            raise RuleError(f"a timecode lies within a day of {self.frames_a_day} frames; got frame {frame}")
        number = frame + self._numbers_dropped_before(frame)
        seconds, frames = divmod(number, self.base)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        digits = 3 if self.base > 99 else 2
        return f"{hour:02d}:{minute:02d}:{second:02d}{';' if self.drop else ':'}{frames:0{digits}d}"

    def frame(self, timecode: str) -> int:
        """The frame of a timecode. Raises RuleError for what is none, and for a number that drop-frame leaves out."""
        match = _FORM.fullmatch(timecode.strip())
        if not match:
            raise RuleError(f"a timecode is HH:MM:SS:FF, or HH:MM:SS;FF in drop-frame; got {timecode!r}")
        hour, minute, second, frames = (int(match[n]) for n in (1, 2, 3, 5))
        if hour > 23 or minute > 59 or second > 59 or frames >= self.base:
            raise RuleError(f"a timecode at {named(self.rate)} lies below 24:00:00:00; got {timecode!r}")
        if (match[4] == ";") != self.drop:
            raise RuleError(f"a timecode has ';' before its frames in drop-frame alone; got {timecode!r}")
        if self.drop and minute % 10 and second == 0 and frames < self._drops:
            raise RuleError(f"drop-frame leaves the number {timecode} out")
        minutes = 60 * hour + minute
        return (60 * minutes + second) * self.base + frames - self._dropped_in(minutes)

    @property
    def _drops(self) -> int:
        return self.base // 15 if self.drop else 0

    def _dropped_in(self, minutes: int) -> int:
        return self._drops * (minutes - minutes // 10)

    def _numbers_dropped_before(self, frame: int) -> int:
        if not self.drop:
            return 0
        minute = 60 * self.base - self._drops  # frames in a minute that leaves numbers out
        ten, rest = divmod(frame, 10 * minute + self._drops)
        # The first minute of ten is longer: it leaves nothing out.
        left_out = 9 * ten + max(0, rest - self._drops) // minute
        return self._drops * left_out


def start_frame(timecode: str, clock: Clock, counted_at: Fraction | None = None) -> int:
    """The frame of a file's own timecode by a clock; ';' in it is drop-frame, whatever the clock.

    `counted_at`: the frames a second that the timecode counts, where that is known; a camera at 60 often counts 30.
    Raises RuleError where such a rate cannot count it.
    """
    rate = clock.rate if counted_at is None else rate_named(str(counted_at))
    own = Clock(rate=rate, drop=";" in timecode)
    return round(own.frame(timecode) * clock.rate / own.rate)


def can_drop(rate: Fraction) -> bool:
    """Whether drop-frame timecode is defined for a rate."""
    return rate in (Fraction(30000, 1001), Fraction(60000, 1001))


def named(rate: Fraction) -> str:
    """A rate as editors say it: 23.976, 25, 29.97."""
    return str(rate.numerator) if rate.denominator == 1 else f"{float(rate):.3f}".rstrip("0")


def rate_named(text: str) -> Fraction:
    """The rate of RATES that a person means by 29.97, 30000/1001 or 25. Raises RuleError for any other."""
    try:
        value = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    nearest = min(RATES, key=lambda rate: abs(rate - value))
    if abs(nearest - value) > nearest / 2000:  # 24 and 23.976 are twice as far apart
        raise RuleError(f"a rate is one of {', '.join(named(rate) for rate in RATES)}; got {text!r}")
    return nearest
