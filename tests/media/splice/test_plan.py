"""Which frames are copied: hand-made streams with known answers, and all streams of a random encoder."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from heaters.media.splice.plan import Kind, Packet, Plan, begin_of, nothing_copied, plan
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.splice.timing import decode_times, durations

KINDS = {"I": Kind.KEY, "O": Kind.OPEN, "L": Kind.LEADING, "p": Kind.OTHER, "b": Kind.OTHER}


def stream(text: str) -> list[Packet]:
    """Packets in decode order, such as "I0 p2 b1"; a number in brackets is hidden."""
    return [
        Packet(pts=int(word[1:].strip("()")), kind=KINDS[word[0]], is_shown="(" not in word) for word in text.split()
    ]


def planned(text: str, start: int, end: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """Times of the head, of the copied packets in decode order, of the keys among them, of the tail."""
    packets = stream(text)
    made = plan(packets, start_pts=start, end_pts=end, frames=end - start)
    at = [packets[place].pts for place in made.copied]
    return list(made.head), at, sorted(packets[place].pts for place in made.keys), list(made.tail)


TWO_GOPS = "I0 p3 b1 b2 p6 b4 b5 I7 p10 b8 b9 p13 b11 b12 I14 p15"


def test_a_clip_between_two_key_frames_is_copied_whole() -> None:
    assert planned(TWO_GOPS, 7, 14) == ([], [7, 10, 8, 9, 13, 11, 12], [7], [])


def test_frames_before_the_key_frame_and_after_the_last_closed_place_are_encoded() -> None:
    assert planned(TWO_GOPS, 5, 12) == ([5, 6], [7, 10, 8, 9], [7], [11])


def test_copying_goes_on_over_key_frames() -> None:
    assert planned(TWO_GOPS, 0, 15) == ([], [0, 3, 1, 2, 6, 4, 5, 7, 10, 8, 9, 13, 11, 12, 14], [0, 7, 14], [])


def test_a_key_frame_alone() -> None:
    assert planned(TWO_GOPS, 7, 8) == ([], [7], [7], [])
    assert planned(TWO_GOPS, 6, 9) == ([6], [7], [7], [8])


def test_leading_frames_are_encoded_and_no_seek_leads_into_them() -> None:
    text = "I0 p1 I4 L2 L3 p5 I8 L6 L7 p9"
    assert planned(text, 2, 10) == ([2, 3], [4, 5, 8, 6, 7, 9], [4], [])


@pytest.mark.parametrize(
    ("pts", "begin"),
    [
        (0, 0),
        (6, 0),  # the key frame at 7 comes after it
        (7, 7),
        (12, 7),
        (15, 14),
    ],
)
def test_decoding_of_a_frame_begins_at_the_last_key_frame_before_it(pts: int, begin: int) -> None:
    assert begin_of(stream(TWO_GOPS), pts) == begin


def test_a_leading_frame_may_need_the_group_before() -> None:
    assert begin_of(stream("I0 p1 I4 L2 L3 p5"), 3) == 0
    assert begin_of(stream("O0 p1 O4 b2 b3 p5"), 5) is None


def test_where_nothing_is_copied_all_frames_are_encoded() -> None:
    made = nothing_copied(stream("O0 p3 b1 b2 p(6) O7"), start_pts=1, end_pts=7)
    assert made == Plan(head=(1, 2, 3), copied=(), keys=frozenset(), tail=())


def test_an_open_key_frame_is_passed_over() -> None:
    assert planned("I0 p1 O4 b2 b3 p5 I6 p7", 1, 8) == ([1, 2, 3, 4, 5], [6, 7], [6], [])


@pytest.mark.parametrize(
    ("text", "start", "end", "rule"),
    [
        (TWO_GOPS, 1, 6, Rule.NO_KEY),
        ("I0 p1 O4 b2 b3 p5", 1, 6, Rule.OPEN_GOP),
        ("I(0) p1 p2", 0, 2, Rule.TIMES),
        ("I0 I(1) p2", 2, 3, Rule.NO_KEY),
        ("I0 p1 p1", 0, 2, Rule.TIMES),
        ("I0 p1", 0, 3, Rule.TIMES),
        ("I0 p2 p3", 0, 3, Rule.TIMES),
    ],
)
def test_nothing_is_copied_by_a_named_rule(text: str, start: int, end: int, rule: Rule) -> None:
    with pytest.raises(NotCopied) as found:
        planned(text, start, end)
    assert found.value.rule is rule


def test_frames_after_a_hidden_one_are_encoded() -> None:
    """An edit list hides frame 3: what needs it cannot be shown without it."""
    packets = stream("I0 p1 p2 p(9) p4")
    made = plan(packets, start_pts=0, end_pts=5, frames=4)
    assert [packets[place].pts for place in made.copied] == [0, 1, 2]
    assert made.tail == (4,)


def _random_stream(dice: random.Random) -> list[Packet]:
    """Groups of pictures with anchors and frames between them in random depth, some of them open."""
    packets: list[Packet] = []
    shown = 0
    for _ in range(dice.randint(1, 5)):
        leading = dice.randint(0, 2) if packets else 0
        packets.append(Packet(pts=shown + leading, kind=Kind.KEY))
        packets += [Packet(pts=shown + n, kind=Kind.LEADING) for n in range(leading)]
        shown += leading + 1
        for _ in range(dice.randint(0, 4)):
            between = list(range(dice.randint(0, 3)))
            packets.append(Packet(pts=shown + len(between), kind=Kind.OTHER))
            dice.shuffle(between)
            packets += [Packet(pts=shown + n, kind=Kind.OTHER) for n in between]
            shown += len(between) + 1
    return packets


def _check(packets: Sequence[Packet], made: Plan, start: int, end: int) -> None:
    copied = [packets[place].pts for place in made.copied]
    first = made.copied[0]
    assert packets[first].kind is Kind.KEY
    # Head, copy and tail are the clip, each frame once and in this order.
    assert [*made.head, *sorted(copied), *made.tail] == list(range(start, end))
    # Without a gap in decode order, but for the leading frames of the first.
    skipped = set(range(first, made.copied[-1] + 1)) - set(made.copied)
    assert all(packets[place].kind is Kind.LEADING and packets[place].pts < packets[first].pts for place in skipped)
    # After a seek to a key frame come exactly the frames shown from there on.
    for key in made.keys:
        after = [packets[place].pts for place in made.copied if place >= key]
        assert min(after) == packets[key].pts


def test_any_clip_of_any_stream() -> None:
    for seed in range(2000):
        dice = random.Random(seed)
        packets = _random_stream(dice)
        start = dice.randrange(len(packets))
        end = dice.randint(start + 1, len(packets))
        if any(packet.kind is Kind.KEY and start <= packet.pts < end for packet in packets):
            _check(packets, plan(packets, start_pts=start, end_pts=end, frames=end - start), start, end)
        else:
            with pytest.raises(NotCopied, match="no clean key frame"):
                plan(packets, start_pts=start, end_pts=end, frames=end - start)


def test_decode_times_rise_and_come_before_those_of_showing() -> None:
    pts = [0, 30, 10, 20, 60, 40, 50]
    times = decode_times(pts)
    assert times == [-10, 0, 10, 20, 30, 40, 50]
    assert all(due <= own for due, own in zip(times, pts, strict=True))
    assert sum(durations(pts, 75)) == 75
    assert decode_times([0, 10, 20]) == [0, 10, 20]


def test_the_documents_name_every_rule() -> None:
    text = (Path(__file__).parents[3] / "docs/datasets.md").read_text().replace("\n", " ")
    assert not [rule.value for rule in Rule if rule.value not in text]
