"""Cut lists read back: by the opentimelineio library and its adapters where they can, every frame the same."""

from fractions import Fraction
from itertools import accumulate, pairwise
from xml.etree import ElementTree

import opentimelineio as otio
import pytest

from heaters.core.cutlists.cutlist import CutList, Media, Shot, clock_of, places
from heaters.core.cutlists.edl import edl
from heaters.core.cutlists.fcpxml import fcpxml
from heaters.core.cutlists.otio import otio as as_otio
from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import RuleError

FILM, NTSC, DOUBLE = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)
# Lengths in frames: one frame alone, both sides of a dropped number, and more than ten minutes.
LENGTHS = (1, 24, 1_775, 1, 29, 1_768, 20_000)
BOUNDS = tuple(accumulate(LENGTHS, initial=0))
CASES = [
    pytest.param(FILM, None, id="23.976"),
    pytest.param(Fraction(25), None, id="25"),
    pytest.param(NTSC, True, id="29.97-drop"),
    pytest.param(NTSC, False, id="29.97-non-drop"),
    pytest.param(Fraction(30), None, id="30"),
    pytest.param(DOUBLE, True, id="59.94-drop"),
]


def cut_list(rate: Fraction, drop: bool | None = None, *, start_frame: int = 0, has_audio: bool = True) -> CutList:
    clock = clock_of(rate, drop=drop)
    return CutList(
        title="A film",
        clock=clock,
        media=Media(
            url="file:///films/a%20film.mp4", name="a film.mp4", frame_count=BOUNDS[-1], width=1920, height=1080,
            has_audio=has_audio, start_frame=start_frame,
        ),
        shots=tuple(
            Shot(start_frame=a, end_frame=b, name=f"clip {n} exported", facts={"id": n, "end_frame": b})
            for n, (a, b) in enumerate(pairwise(BOUNDS), 1)
        ),
        record_frame=clock.frame("01:00:00;00" if clock.drop else "01:00:00:00"),
    )  # fmt: skip


def ranges(timeline: otio.schema.Timeline, kind: str = "Video") -> list[tuple[int, int]]:
    """The frames [start, end) of the source that each clip of the first such track shows."""
    track = next(track for track in timeline.tracks if track.kind == kind)
    found = []
    for clip in track:
        assert isinstance(clip, otio.schema.Clip), clip
        start, frames = clip.source_range.start_time.value, clip.source_range.duration.value
        assert start == int(start)
        assert frames == int(frames)
        found.append((int(start), int(start + frames)))
    return found


@pytest.mark.parametrize(("rate", "drop"), CASES)
@pytest.mark.parametrize("start_frame", [0, 1_000])
def test_an_edl_reads_back_the_same_frames(rate: Fraction, drop: bool | None, start_frame: int) -> None:
    cuts = cut_list(rate, drop, start_frame=start_frame)
    timeline = otio.adapters.read_from_string(edl(cuts), "cmx_3600", rate=float(rate))
    wanted = [(start_frame + a, start_frame + b) for a, b in pairwise(BOUNDS)]
    assert ranges(timeline) == wanted
    assert ranges(timeline, "Audio") == wanted
    assert timeline.name == "A film"


@pytest.mark.parametrize(("rate", "drop"), CASES)
def test_an_edl_says_how_it_counts(rate: Fraction, drop: bool | None) -> None:
    cuts = cut_list(rate, drop, has_audio=False)
    lines = edl(cuts).splitlines()
    assert lines[1] == ("FCM: DROP FRAME" if cuts.clock.drop else "FCM: NON-DROP FRAME")
    events = [line.split() for line in lines if line[:3].isdecimal()]
    assert {event[2] for event in events} == {"V"}
    for (_, _, _, _, source_in, source_out, record_in, record_out), frames in zip(events, LENGTHS, strict=True):
        clock = cuts.clock
        assert clock.frame(source_out) - clock.frame(source_in) == frames
        assert clock.frame(record_out) - clock.frame(record_in) == frames
    assert events[0][6][:8] == "01:00:00"
    for before, after in pairwise(events):
        assert before[7] == after[6]


@pytest.mark.parametrize(("rate", "drop"), CASES)
def test_otio_reads_back_the_same_frames(rate: Fraction, drop: bool | None) -> None:
    cuts = cut_list(rate, drop, start_frame=500)
    timeline = otio.adapters.read_from_string(as_otio(cuts), "otio_json")
    assert isinstance(timeline, otio.schema.Timeline)
    assert ranges(timeline) == ranges(timeline, "Audio") == [(500 + a, 500 + b) for a, b in pairwise(BOUNDS)]
    first = timeline.video_tracks()[0][0]
    assert first.source_range.start_time.rate == float(rate)
    assert first.media_reference.target_url == "file:///films/a%20film.mp4"
    assert first.metadata["heaters"]["end_frame"] == 1
    # The library's own serialisation says the same: nothing was missing or misspelt.
    again = otio.adapters.write_to_string(timeline, "otio_json")
    assert otio.adapters.read_from_string(again, "otio_json").is_equivalent_to(timeline)
    assert timeline.duration().value == BOUNDS[-1]
    assert timeline.global_start_time.value == cuts.record_frame


@pytest.mark.parametrize(("rate", "drop"), CASES)
def test_fcpxml_holds_the_same_frames(rate: Fraction, drop: bool | None) -> None:
    cuts = cut_list(rate, drop, start_frame=500)
    root = ElementTree.fromstring(fcpxml(cuts).partition("<!DOCTYPE fcpxml>")[2])
    shots = [
        (_frames(clip.get("start"), rate), _frames(clip.get("duration"), rate), _frames(clip.get("offset"), rate))
        for clip in root.iter("asset-clip")
    ]
    assert shots == [(500 + a, b - a, a) for a, b in pairwise(BOUNDS)]
    sequence = root.find("./library/event/project/sequence")
    assert sequence is not None
    assert sequence.get("tcFormat") == ("DF" if cuts.clock.drop else "NDF")
    assert _frames(sequence.get("duration"), rate) == BOUNDS[-1]
    frame = root.find("./resources/format")
    assert frame is not None
    assert frame.get("frameDuration") == f"{rate.denominator}/{rate.numerator}s"


def _frames(seconds: str | None, rate: Fraction) -> Fraction:
    assert seconds is not None
    return Fraction(seconds.removesuffix("s")) * rate


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30)], ids=str)
def test_fcpxml_reads_back_with_the_adapter(rate: Fraction) -> None:
    # The adapter knows whole rates alone, and cuts off floats: 29 frames of 1/25 s are 28 to it. Seconds are right.
    bounds = [int(second * rate) for second in (0, 1, 3, 60, 660, 661)]
    whole = cut_list(rate)
    shots = tuple(Shot(start_frame=a, end_frame=b, name=f"{a}") for a, b in pairwise(bounds))
    text = fcpxml(CutList(title="whole seconds", clock=whole.clock, media=whole.media, shots=shots))
    events = otio.adapters.read_from_string(text, "fcpx_xml")
    assert ranges(events[0]) == list(pairwise(bounds))
    assert events[0].video_tracks()[-1][0].media_reference.target_url == "file:///films/a%20film.mp4"


def test_a_title_from_the_web_cannot_write_events() -> None:
    evil = cut_list(Fraction(25))
    media = Media(url="x", name="a\n001  AX V C 00", frame_count=BOUNDS[-1], width=1, height=1, has_audio=False)
    text = edl(CutList(title="t\r\n\x00" + "😀" * 300, clock=evil.clock, media=media, shots=evil.shots))
    assert sum(line[:3].isdecimal() for line in text.splitlines()) == len(LENGTHS)
    both = CutList(title="a\x00<&>", clock=evil.clock, media=media, shots=evil.shots)
    ElementTree.fromstring(fcpxml(both).partition("<!DOCTYPE fcpxml>")[2])


def test_more_than_999_events_are_numbered_on() -> None:
    shots = tuple(Shot(start_frame=n, end_frame=n + 1, name=f"{n}") for n in range(1_200))
    media = Media(url="x", name="x", frame_count=1_200, width=1, height=1, has_audio=False)
    text = edl(CutList(title="many", clock=clock_of(Fraction(25)), media=media, shots=shots))
    assert ranges(otio.adapters.read_from_string(text, "cmx_3600", rate=25)) == [(n, n + 1) for n in range(1_200)]


def test_what_no_list_can_be_fails() -> None:
    good = cut_list(Fraction(25))
    with pytest.raises(RuleError, match="at least one shot"):
        CutList(title="", clock=good.clock, media=good.media, shots=())
    past = Shot(start_frame=0, end_frame=BOUNDS[-1] + 1, name="")
    with pytest.raises(RuleError, match="one that ends at"):
        CutList(title="", clock=good.clock, media=good.media, shots=(past,))
    with pytest.raises(RuleError, match="within a day"):
        edl(CutList(title="", clock=good.clock, media=good.media, shots=good.shots, record_frame=25 * 86_400 - 5))


@pytest.mark.parametrize("rate", [FILM, Fraction(24), Fraction(25), NTSC, Fraction(30), DOUBLE], ids=str)
@pytest.mark.parametrize("base", [None, 1000, 90000], ids=["exact", "matroska", "mpeg-ts"])
def test_frames_keep_their_numbers_at_a_constant_rate(rate: Fraction, base: int | None) -> None:
    frames = 5_000
    base_of = TimeBase(num=rate.denominator, den=rate.numerator) if base is None else TimeBase(num=1, den=base)
    ticks = [int(n / rate / base_of.tick_seconds + Fraction(1, 2)) + 7 for n in range(frames + 1)]
    table = PtsTable.of(ticks[:-1], base_of, ticks[-1] + 3)  # a last frame that is said to last longer
    bounds = [0, 1, 777, 4_999, frames]
    for stated in (rate, None, Fraction(30)):
        found = places(table, bounds, stated)
        assert (found.rate, found.frames, found.is_exact) == (rate, tuple(bounds), True), stated


def test_a_varying_rate_follows_time() -> None:
    # A second at 25 frames a second, then one at 12.5 where an editor at 25 shows every frame twice.
    ticks = [*range(25), *range(25, 50, 2)]
    table = PtsTable.of(ticks, TimeBase(num=1, den=25), 51)
    found = places(table, [0, 25, 30, len(ticks)], Fraction(25))
    assert (found.rate, found.frames, found.is_exact) == (Fraction(25), (0, 25, 35, 51), False)
    fixed = places(table, [0, 25, 30], Fraction(50), fixed=True)
    assert (fixed.rate, fixed.frames) == (Fraction(50), (0, 50, 70))


@pytest.mark.parametrize(
    ("own", "counted"),
    [
        (Fraction(15), Fraction(30)),
        (Fraction(10), Fraction(30)),
        (Fraction(25, 2), Fraction(25)),
        (Fraction(12), Fraction(24)),
        (Fraction(20), Fraction(60)),
        (Fraction(15000, 1001), NTSC),
    ],
    ids=str,
)
@pytest.mark.parametrize("base", [None, 1000], ids=["exact", "matroska"])
def test_a_rate_that_no_editor_knows_is_counted_where_every_frame_has_its_place(
    own: Fraction, counted: Fraction, base: int | None
) -> None:
    base_of = TimeBase(num=own.denominator, den=own.numerator) if base is None else TimeBase(num=1, den=base)
    ticks = [int(n / own / base_of.tick_seconds + Fraction(1, 2)) for n in range(301)]
    table = PtsTable.of(ticks[:-1], base_of, ticks[-1])
    found = places(table, [0, 1, 7, 299], own)
    assert (found.rate, found.frames) == (counted, tuple(int(n * counted / own) for n in (0, 1, 7, 299)))


def test_a_cameras_timecode_passes_midnight() -> None:
    clock = clock_of(Fraction(25))
    media = Media(url="x", name="x", frame_count=50, width=1, height=1, has_audio=False,
                  start_frame=clock.frame("23:59:59:00"))  # fmt: skip
    shots = (Shot(start_frame=0, end_frame=25, name=""), Shot(start_frame=25, end_frame=50, name=""))
    events = [line.split() for line in edl(CutList(title="", clock=clock, media=media, shots=shots)).splitlines()]
    assert [event[4:6] for event in events if event and event[0].isdecimal()] == [
        ["23:59:59:00", "00:00:00:00"],
        ["00:00:00:00", "00:00:01:00"],
    ]
