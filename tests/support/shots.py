"""A short film of photos that ship in packages, each a slow pan: hard cuts at known frames, known subjects."""

import random
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import av
import gradio
import numpy as np
import skimage.data
from PIL import Image

WIDTH, HEIGHT, RATE = 320, 180, 25
PHOTOS = ("lion", "cheetah", "coffee", "cat", "tower")


def photo(name: str) -> Image.Image:
    """The photo of a subject."""
    media = Path(gradio.__file__).parent / "media_assets" / "images"
    if name == "coffee":
        return Image.fromarray(skimage.data.coffee())
    if name == "cat":
        return Image.fromarray(skimage.data.chelsea())
    return Image.open(media / f"{name}.jpg").convert("RGB")


def write_film(path: Path, subjects: tuple[str, ...] = PHOTOS, frames_each: int = 30) -> list[int]:
    """Write the film; returns the frames of its cuts."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for subject in subjects:
            wide = photo(subject).resize((WIDTH * 5 // 4, HEIGHT * 5 // 4))
            for n in range(frames_each):
                x = n * (wide.width - WIDTH) // frames_each
                picture = wide.crop((x, HEIGHT // 8, x + WIDTH, HEIGHT // 8 + HEIGHT))
                for packet in stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")):
                    container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return [frames_each * n for n in range(1, len(subjects))]


def write_films(folder: Path, count: int, dice: random.Random, *, shots: int, frames_each: range) -> None:
    """Write so many films of `shots` subjects into a new folder, drawn by lot. No two are alike: equal bytes are one
    video.
    """
    folder.mkdir()
    kinds = [(subjects, frames) for subjects in permutations(PHOTOS, shots) for frames in frames_each]
    for number, (subjects, frames) in enumerate(dice.sample(kinds, count)):
        write_film(folder / f"{number:03d}.mp4", subjects, frames_each=frames)


def write_manifest(path: Path, folder: Path) -> Path:
    """A file that names all films of a folder."""
    path.write_text("\n".join(map(str, sorted(folder.iterdir()))))
    return path
