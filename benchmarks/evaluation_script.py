"""The script of a film of the evaluation set: which shots, how they are joined, where the decoys are. Seeded.

Gradual transitions are spans `[start, stop)` of the frames that show neither shot alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from evaluation_shots import (
    FOOTAGE,
    HEIGHT,
    PHOTOS,
    WIDTH,
    FootageShot,
    PhotoShot,
    Picture,
    Shot,
    drift,
    shake,
    whip,
)

TRANSITIONS = {"hard": 0.5, "dissolve": 0.26, "fade": 0.12, "wipe": 0.12}
DECOYS = {"": 0.5, "flash": 0.25, "whip": 0.15, "shake": 0.1}
DECOY_SHARE = (0.3, 0.7)  # of the shot's length, between which a decoy begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Frames `[start, stop)` with a name. A hard cut is empty: both are the first frame of the right-hand shot."""

    start: int
    stop: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One shot of the script: `length` frames show it alone, after `lead` frames that mix it with the one before."""

    name: str
    shot: Shot
    lead: int
    length: int
    decoy: Span | None  # in frames of the shot
    flash: tuple[float, ...]  # how white each frame of the flash is


class Script:
    """Decides everything from `random`. `cuts` and `decoys` are complete once `play` has ended."""

    def __init__(self, part: str, random: np.random.Generator, *, short: bool, frames: int) -> None:
        self.cuts: list[Span] = []
        self.decoys: list[Span] = []
        self._part, self._random, self._short, self._frames = part, random, short, frames

    def play(self) -> Iterator[Picture]:
        """All pictures of the film, a little more than `frames`."""
        count = 0
        scene = self._scene("", 0)
        while True:
            if scene.decoy:
                begin = count - scene.lead
                self.decoys.append(
                    Span(start=begin + scene.decoy.start, stop=begin + scene.decoy.stop, kind=scene.decoy.kind)
                )
            for number in range(scene.lead, scene.lead + scene.length):
                yield _lit(scene, number)
            count += scene.length
            if count >= self._frames:
                return
            kind = str(self._random.choice(list(TRANSITIONS), p=list(TRANSITIONS.values())))
            frames = 0 if kind == "hard" else int(self._random.integers(4, 41))
            if self._short:
                frames = min(frames, 12)
            following = self._scene(scene.name, frames)
            yield from self._joined(kind, scene, following)
            self.cuts.append(Span(start=count, stop=count + frames, kind=kind))
            count += frames
            scene = following

    def _scene(self, before: str, lead: int) -> Scene:
        """A scene of other material than `before`."""
        random = self._random
        length = int(random.integers(6, 18) if self._short and random.random() < 0.7 else random.integers(20, 100))
        decoy, flash = self._decoy(lead, length)
        stretches = [(f"footage {start}", start, stop) for start, stop in FOOTAGE[self._part]]
        if (decoy is None or flash) and random.random() < 0.4:
            name, start, stop = stretches[int(random.integers(len(stretches)))]
            shot: Shot = FootageShot(start, stop, int(random.integers(stop - start)))
        else:
            name = str(random.choice([photo for photo in PHOTOS[self._part] if photo != before]))
            shot = PhotoShot(name, self._path(decoy))
        if name == before:
            return self._scene(before, lead)
        return Scene(name=name, shot=shot, lead=lead, length=length, decoy=decoy, flash=flash)

    def _decoy(self, lead: int, length: int) -> tuple[Span | None, tuple[float, ...]]:
        kind = str(self._random.choice(list(DECOYS), p=list(DECOYS.values())))
        if not kind or length < 40:
            return None, ()
        start = lead + int(length * self._random.uniform(*DECOY_SHARE))
        if kind == "flash":
            # A burst of light that fades, as a camera's does, for one to five frames.
            peak = self._random.uniform(0.4, 1)
            flash = tuple(float(peak * fade) for fade in (1, 0.75, 0.5, 0.3, 0.15)[: self._random.integers(1, 6)])
            return Span(start=start, stop=start + len(flash), kind=kind), flash
        return Span(start=start, stop=start + int(self._random.integers(5, 15)), kind=kind), ()

    def _path(self, decoy: Span | None) -> Callable[[int], tuple[float, float, float]]:
        if decoy is None or decoy.kind == "flash":
            return drift(self._random)
        move = {"whip": whip, "shake": shake}[decoy.kind]
        return move(self._random, decoy.start, decoy.stop - decoy.start)

    def _joined(self, kind: str, left: Scene, right: Scene) -> Iterator[Picture]:
        """The frames of a gradual transition; none for a hard cut."""
        wipe = _wipe(self._random) if kind == "wipe" else None
        first = left.lead + left.length
        for number in range(right.lead):
            share = (number + 1) / (right.lead + 1)
            one, two = left.shot.frame(first + number), right.shot.frame(number)
            if wipe is not None:
                yield np.where(wipe[..., None] < share, two, one)
            elif kind == "fade":
                # To black in the middle: out for 45 % of the frames, nothing for 10 %, in again.
                light = max(1 - share / 0.45, 0) if share < 0.5 else max((share - 0.55) / 0.45, 0)
                yield ((one if share < 0.5 else two) * light).astype(np.uint8)
            else:
                yield (one * (1 - share) + two * share).astype(np.uint8)


def _lit(scene: Scene, number: int) -> Picture:
    """A frame of a scene, flash and all."""
    picture = scene.shot.frame(number)
    if scene.flash and scene.decoy and scene.decoy.start <= number < scene.decoy.stop:
        white = scene.flash[number - scene.decoy.start]
        return (picture * (1 - white) + 255 * white).astype(np.uint8)
    return picture


def _wipe(random: np.random.Generator) -> np.ndarray:
    """When each pixel changes over, in [0, 1): from a side, a corner, or the middle."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    order = [x, 1 - x, y, 1 - y, (x + y) / 2, np.hypot(x - 0.5, y - 0.5) / 0.71][int(random.integers(6))]
    return np.asarray(order * 0.999)
