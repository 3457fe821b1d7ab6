"""The film's material: photos and footage inside the packages that `heaters[dev]` installs. Nothing is downloaded."""

import importlib.util
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from heaters.errors import ConfigError

_GRADIO = ("gradio", "media_assets")
_SKIMAGE = ("skimage", "data")
_SKLEARN = ("sklearn", "datasets/images")

# Name → package, folder in it, file. Photos are public domain, CC0 or the package's own.
SOURCES: dict[str, tuple[str, str, str]] = {
    "lion": (*_GRADIO, "images/lion.jpg"),
    "cheetah": (*_GRADIO, "images/cheetah.jpg"),
    "cheetah face": (*_GRADIO, "images/cheetah1.jpg"),
    "tower": (*_GRADIO, "images/tower.jpg"),
    "earth": (*_GRADIO, "videos/world.mp4"),
    "titles": (*_GRADIO, "videos/a.mp4"),
    "cat": (*_SKIMAGE, "chelsea.png"),
    "coffee": (*_SKIMAGE, "coffee.png"),
    "rocket": (*_SKIMAGE, "rocket.jpg"),
    "astronaut": (*_SKIMAGE, "astronaut.png"),
    "motorcycle": (*_SKIMAGE, "motorcycle_left.png"),
    "galaxies": (*_SKIMAGE, "hubble_deep_field.jpg"),
    "coins": (*_SKIMAGE, "coins.png"),
    "cameraman": (*_SKIMAGE, "camera.png"),
    "pavilion": (*_SKLEARN, "china.jpg"),
    "flower": (*_SKLEARN, "flower.jpg"),
}

# Where to begin in a piece of footage: the titles slide in from frame 30 on.
_FIRST_FRAME = {"titles": 28}


# Y, Cb and Cr of BT.709 in the limited range, each an 8-bit image; chroma may be smaller than luma. Moving three
# planes and handing them to the encoder as they are takes half the time of moving RGB.
Planes = tuple[Image.Image, Image.Image, Image.Image]

_LUMA = np.array([0.2126, 0.7152, 0.0722])


class Picture(Protocol):
    """Something that can be seen at any time: a photo always the same, footage moving."""

    def at(self, seconds: float) -> Planes:
        """The image at `seconds` into the shot; times must not decrease from call to call."""
        ...


class Photo:
    """A still."""

    def __init__(self, path: Path) -> None:
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
        luma = rgb @ _LUMA
        # ITU-R BT.709-6, items 3.3 and 3.4.
        blue, red = (rgb[..., 2] - luma) / 1.8556, (rgb[..., 0] - luma) / 1.5748
        self._planes = (_plane(16 + 219 * luma), _plane(128 + 224 * blue), _plane(128 + 224 * red))

    def at(self, seconds: float) -> Planes:  # noqa: ARG002  the same at any time
        """The photo."""
        return self._planes


class Footage:
    """A video, decoded as far as it is asked for; its last frame stays when it ends."""

    def __init__(self, path: Path, first_frame: int) -> None:
        self._frames = _decode(path)
        self._planes = next(self._frames)
        self._frame = 0
        self._first_frame = first_frame
        with av.open(str(path)) as container:
            self._frame_rate = container.streams.video[0].average_rate or Fraction(25)

    def at(self, seconds: float) -> Planes:
        """The frame that is shown at `seconds`."""
        wanted = self._first_frame + int(seconds * self._frame_rate)
        while self._frame < wanted:
            self._planes = next(self._frames, self._planes)
            self._frame += 1
        return self._planes


def open_picture(name: str) -> Picture:
    """The material under a name of `SOURCES`. Raises ConfigError where its package is not installed."""
    path = find(name)
    return Footage(path, _FIRST_FRAME.get(name, 0)) if path.suffix == ".mp4" else Photo(path)


def find(name: str) -> Path:
    """The file of a name of `SOURCES`, without importing its package. Raises ConfigError."""
    package, folder, file = SOURCES[name]
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / folder / file if spec and spec.origin else None
    if path is None or not path.exists():
        raise ConfigError(
            f"the sample reel needs {package} with its {folder}/{file}; install it by: pip install 'heaters[dev]'"
        )
    return path


def _decode(path: Path) -> Iterator[Planes]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            half = (frame.height // 2, frame.width // 2)
            flat = frame.to_ndarray(format="yuv420p").reshape(-1)  # even sides, all of it
            luma, blue, red = np.split(flat, (frame.width * frame.height, frame.width * frame.height * 5 // 4))
            yield (
                Image.fromarray(luma.reshape(frame.height, frame.width)),
                Image.fromarray(blue.reshape(half)),
                Image.fromarray(red.reshape(half)),
            )


def _plane(values: npt.NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
