"""Timecode against known numbers, against OpenTimelineIO, and there and back for any frame of a day."""

from fractions import Fraction

import opentimelineio as otio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaters.core.timecode import RATES, Clock, can_drop, named, rate_named, start_frame
from heaters.errors import RuleError

NTSC, DOUBLE = Fraction(30000, 1001), Fraction(60000, 1001)
CLOCKS = [Clock(rate=rate, drop=drop) for rate in RATES for drop in (False, True) if not drop or can_drop(rate)]
any_clock = st.sampled_from(CLOCKS)


@pytest.mark.parametrize(
    ("rate", "drop", "frame", "timecode"),
    [
        (Fraction(25), False, 0, "00:00:00:00"),
        (Fraction(25), False, 90_000, "01:00:00:00"),
        (Fraction(24000, 1001), False, 86_399, "00:59:59:23"),
        (Fraction(30), False, 1_800, "00:01:00:00"),
        (NTSC, False, 1_800, "00:01:00:00"),
        # SMPTE 12M: 00:01:00;00 and ;01 do not exist, 00:10:00;00 does.
        (NTSC, True, 1_799, "00:00:59;29"),
        (NTSC, True, 1_800, "00:01:00;02"),
        (NTSC, True, 3_597, "00:01:59;29"),
        (NTSC, True, 3_598, "00:02:00;02"),
        (NTSC, True, 17_981, "00:09:59;29"),
        (NTSC, True, 17_982, "00:10:00;00"),
        (NTSC, True, 107_892, "01:00:00;00"),
        (DOUBLE, True, 3_599, "00:00:59;59"),
        (DOUBLE, True, 3_600, "00:01:00;04"),
        (DOUBLE, True, 215_784, "01:00:00;00"),
        (Fraction(120), False, 119, "00:00:00:119"),
    ],
)
def test_known_timecodes(rate: Fraction, drop: bool, frame: int, timecode: str) -> None:
    clock = Clock(rate=rate, drop=drop)
    assert clock.timecode(frame) == timecode
    assert clock.frame(timecode) == frame


@given(any_clock, st.data())
def test_there_and_back(clock: Clock, data: st.DataObject) -> None:
    frame = data.draw(st.integers(0, clock.frames_a_day - 1))
    assert clock.frame(clock.timecode(frame)) == frame


@given(st.sampled_from([c for c in CLOCKS if c.rate in (24, 25, 30, 50, 60, NTSC, DOUBLE)]), st.data())
def test_opentimelineio_counts_the_same(clock: Clock, data: st.DataObject) -> None:
    # Without drop-frame the library wraps after a day of real time, before the numbers end.
    frame = data.draw(st.integers(0, 23 * 3600 * clock.base))
    theirs = otio.opentime.to_timecode(
        otio.opentime.RationalTime(frame, float(clock.rate)),
        float(clock.rate),
        drop_frame=clock.drop,
    )
    assert clock.timecode(frame) == theirs


def test_the_clock_stays_near_real_time_in_drop_frame_alone() -> None:
    for rate in (NTSC, DOUBLE):
        day = Clock(rate=rate, drop=True).frames_a_day / rate
        assert abs(day - 86_400) < Fraction(1, 10)
        assert Clock(rate=rate).frames_a_day / rate - 86_400 > 86


@pytest.mark.parametrize(
    "text", ["00:01:00;00", "00:01:00;01", "24:00:00;00", "00:00:60;00", "00:00:00;30", "1:2:3;4", ""]
)
def test_a_timecode_that_cannot_be_fails(text: str) -> None:
    with pytest.raises(RuleError):
        Clock(rate=NTSC, drop=True).frame(text)


def test_separators_must_fit() -> None:
    with pytest.raises(RuleError, match="drop-frame alone"):
        Clock(rate=NTSC, drop=True).frame("00:00:00:00")
    with pytest.raises(RuleError, match="drop-frame alone"):
        Clock(rate=NTSC).frame("00:00:00;00")


def test_drop_frame_at_another_rate_fails() -> None:
    with pytest.raises(RuleError, match=r"29\.97 and 59\.94"):
        Clock(rate=Fraction(25), drop=True)
    with pytest.raises(RuleError, match="one of the rates"):
        Clock(rate=Fraction(15))


def test_a_day_has_an_end() -> None:
    clock = Clock(rate=Fraction(25))
    with pytest.raises(RuleError, match="within a day"):
        clock.timecode(clock.frames_a_day)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("23.976", RATES[0]),
        ("23.98", RATES[0]),
        ("24", RATES[1]),
        ("29.97", NTSC),
        ("30000/1001", NTSC),
        ("59.94", DOUBLE),
    ],
)
def test_rates_as_people_write_them(text: str, rate: Fraction) -> None:
    assert rate_named(text) == rate


@pytest.mark.parametrize("text", ["23", "0", "abc", "1/0", "-25"])
def test_no_rate_fails(text: str) -> None:
    with pytest.raises(RuleError, match="a rate is one of"):
        rate_named(text)


def test_names_of_rates() -> None:
    assert [named(rate) for rate in RATES[:4]] == ["23.976", "24", "25", "29.97"]


@pytest.mark.parametrize(
    ("timecode", "clock", "counted_at", "frame"),
    [
        ("00:00:10:05", Clock(rate=Fraction(25)), None, 255),
        ("00:01:00;02", Clock(rate=NTSC, drop=True), None, 1800),
        ("00:01:00;02", Clock(rate=DOUBLE, drop=True), NTSC, 3600),  # a camera at 60 that counts 30
        ("00:01:00;02", Clock(rate=NTSC), None, 1800),  # the list counts otherwise; it is the same frame
        ("00:00:01:24", Clock(rate=Fraction(50)), Fraction(25), 98),
        ("01:00:00:00", Clock(rate=RATES[0]), Fraction(24000, 1001), 86_400),
    ],
)
def test_a_files_own_timecode_by_a_lists_clock(
    timecode: str, clock: Clock, counted_at: Fraction | None, frame: int
) -> None:
    assert start_frame(timecode, clock, counted_at) == frame


def test_a_timecode_that_its_rate_cannot_count_fails() -> None:
    with pytest.raises(RuleError, match=r"29\.97 and 59\.94"):
        start_frame("01:00:00;00", Clock(rate=Fraction(25)))
    with pytest.raises(RuleError, match="below 24:00:00:00"):
        start_frame("01:00:00:29", Clock(rate=Fraction(25)))
