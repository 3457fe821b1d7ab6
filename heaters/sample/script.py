"""The film as a table: which picture, for how long, by which transition, under which camera move. Pure.

`lay_out` turns the table into frame numbers: the truth, before a single frame is made.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from heaters.errors import RuleError
from heaters.sample.reel import Shot, Transition, TrueCut

FRAME_RATE = Fraction(25)

HARD, DISSOLVE, FADE = Transition.HARD, Transition.DISSOLVE, Transition.FADE


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where the camera looks: zoom ≥ 1, and the window's place between the picture's edges (0 … 1 on each axis)."""

    zoom: float
    x: float
    y: float

    def __post_init__(self) -> None:
        if self.zoom < 1 or not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise RuleError(f"a view has zoom ≥ 1 and lies inside the picture; got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One row: `frames` from the middle of the transition into it to the middle of the next."""

    label: str
    picture: str  # a key of `pictures.SOURCES`
    frames: int
    enters: Transition
    enters_frames: int  # length of the transition in; even, 0 for a hard cut
    begins: View
    ends: View


def _take(label: str, picture: str, seconds: float, enters: Transition, begins: tuple[float, float, float],
          ends: tuple[float, float, float]) -> Take:  # fmt: skip
    return Take(
        label=label,
        picture=picture,
        frames=round(seconds * FRAME_RATE),
        enters=enters,
        enters_frames={HARD: 0, DISSOLVE: 20, FADE: 16}[enters],
        begins=View(zoom=begins[0], x=begins[1], y=begins[2]),
        ends=View(zoom=ends[0], x=ends[1], y=ends[2]),
    )


# Neighbours differ in colour and content, as shots of an edited film do; lengths vary between 2.4 and 4.4 s.
# fmt: off
SCRIPT: tuple[Take, ...] = (
    _take("a lion",               "lion",       3.4, HARD,     (1.0, 0.5, 0.15), (1.2, 0.4, 0.12)),
    _take("a cup of coffee",      "coffee",     3.0, HARD,     (1.25, 0.5, 0.4), (1.0, 0.5, 0.5)),
    _take("the Eiffel tower",     "tower",      3.8, DISSOLVE, (1.0, 0.5, 0.95), (1.0, 0.5, 0.1)),
    _take("a cat",                "cat",        2.8, HARD,     (1.0, 0.5, 0.5),  (1.2, 0.6, 0.45)),
    _take("a running cheetah",    "cheetah",    2.6, HARD,     (1.25, 0.1, 0.5), (1.25, 0.9, 0.5)),
    _take("a rocket",             "rocket",     4.0, HARD,     (1.3, 0.5, 0.9),  (1.1, 0.5, 0.3)),
    _take("an astronaut",         "astronaut",  3.4, FADE,     (1.0, 0.5, 0.05), (1.15, 0.4, 0.2)),
    _take("the Earth from space", "earth",      4.4, HARD,     (1.0, 0.5, 0.5),  (1.1, 0.5, 0.5)),
    _take("a dahlia",             "flower",     3.2, DISSOLVE, (1.0, 0.5, 0.5),  (1.3, 0.55, 0.45)),
    _take("a motorcycle",         "motorcycle", 3.4, HARD,     (1.2, 0.1, 0.5),  (1.1, 0.9, 0.6)),
    _take("the face of a cheetah", "cheetah face", 2.8, HARD,  (1.15, 0.5, 0.4), (1.0, 0.5, 0.35)),
    _take("a Chinese pavilion",   "pavilion",   3.8, DISSOLVE, (1.0, 0.5, 0.6),  (1.2, 0.3, 0.3)),
    _take("old coins",            "coins",      2.4, HARD,     (1.3, 0.2, 0.2),  (1.3, 0.8, 0.5)),
    _take("galaxies",             "galaxies",   3.2, HARD,     (1.4, 0.3, 0.4),  (1.1, 0.6, 0.6)),
    _take("a man with a camera",  "cameraman",  3.4, FADE,     (1.0, 0.5, 0.2),  (1.2, 0.5, 0.25)),
    _take("closing titles",       "titles",     3.6, HARD,     (1.0, 0.5, 0.5),  (1.0, 0.5, 0.5)),
)
# fmt: on


def script(seed: int) -> tuple[Take, ...]:
    """The takes in order; with another seed than 0, shuffled in a way that depends on the seed alone."""
    takes = list(SCRIPT)
    if seed:
        random.Random(seed).shuffle(takes)
    return tuple(takes)


def lay_out(takes: Sequence[Take]) -> tuple[tuple[TrueCut, ...], tuple[Shot, ...]]:
    """The cuts and shots of `takes` in frames. The first take enters by nothing, whatever its row says."""
    cuts: list[TrueCut] = []
    shots: list[Shot] = []
    frame = 0
    for take in takes:
        if frame:
            half = take.enters_frames // 2
            cuts.append(TrueCut(frame=frame, start_frame=frame - half, end_frame=frame + half, kind=take.enters))
        shots.append(Shot(start_frame=frame, end_frame=frame + take.frames, label=take.label))
        frame += take.frames
    return tuple(cuts), tuple(shots)
