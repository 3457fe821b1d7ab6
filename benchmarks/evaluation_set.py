"""The evaluation set for cut detectors: generated films with exactly known cuts, through a real encoder.

    python benchmarks/evaluation_set.py FOLDER

Each film is a minute at 25 frames a second: a chain of shots joined by hard cuts, dissolves, fades and wipes, with
flashes and fast camera moves that are *not* cuts. Every film has one trait that makes it hard.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from evaluation_script import Script, Span
from evaluation_shots import HEIGHT, WIDTH, Picture

VERSION = 1  # raise it when a change here or in the modules it imports makes other films
FRAMES, RATE = 1500, 25
PARTS = {"tuning": 3, "held out": 2}  # films of each trait
TRAITS = ("plain", "compressed", "letterbox", "noise", "variable rate", "short shots")
CRF = {"compressed": 40, "noise": 30}  # x264's constant rate factor; 40 shows blocks everywhere
TICKS = 1000  # of the time base, a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A generated video: `cuts` are its true transitions, `decoys` what a detector may take for one."""

    name: str
    part: str
    trait: str
    path: Path
    frame_count: int
    cuts: tuple[Span, ...]
    decoys: tuple[Span, ...]


def build(folder: Path, films_of_each: dict[str, int] | None = None) -> list[Film]:
    """All films, made where they are missing. `films_of_each` gives the films of each trait in a part."""
    folder = folder / f"evaluation-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _film(folder, part, trait, number)
        for part, count in (films_of_each or PARTS).items()
        for trait in TRAITS
        for number in range(count)
    ]


def _film(folder: Path, part: str, trait: str, number: int) -> Film:
    name = f"{part} {trait} {number}".replace(" ", "-")
    facts, path = folder / f"{name}.json", folder / f"{name}.mp4"
    if not facts.exists():
        random = np.random.default_rng([VERSION, list(PARTS).index(part), TRAITS.index(trait), number])
        script = Script(part, random, short=trait == "short shots", frames=FRAMES)
        count = _encode(path, (_damaged(p, trait, random) for p in script.play()), trait, random)
        spans = {"cuts": [asdict(c) for c in script.cuts], "decoys": [asdict(d) for d in script.decoys]}
        facts.write_text(json.dumps({"frame_count": count, **spans}))
    read = json.loads(facts.read_text())
    return Film(
        name=name,
        part=part,
        trait=trait,
        path=path,
        frame_count=read["frame_count"],
        cuts=tuple(Span(**c) for c in read["cuts"]),
        decoys=tuple(Span(**d) for d in read["decoys"]),
    )


def _damaged(picture: Picture, trait: str, random: np.random.Generator) -> Picture:
    """The picture as the trait has it; the encoder does the rest."""
    if trait == "letterbox":
        picture = picture.copy()
        picture[:24] = picture[-24:] = 16
    elif trait == "noise":
        grain = random.integers(-20, 21, (HEIGHT, WIDTH, 1), dtype=np.int16)
        picture = (picture + grain).clip(0, 255).astype(np.uint8)
    return picture


def _encode(path: Path, pictures: Iterable[Picture], trait: str, random: np.random.Generator) -> int:
    """Write H.264; returns the number of frames."""
    partial = path.with_suffix(".part.mp4")
    count, time = 0, 0
    with av.open(str(partial), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.options |= {"crf": str(CRF.get(trait, 23))}
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, TICKS)
            container.mux(stream.encode(frame))
            # A phone's rate: anything between 10 and 60 frames a second, changing all the time.
            step = random.integers(TICKS // 60, TICKS // 10) if trait == "variable rate" else TICKS // RATE
            time, count = time + int(step), count + 1
        container.mux(stream.encode(None))
    partial.rename(path)
    return count


if __name__ == "__main__":
    for film in build(Path(sys.argv[1])):
        print(f"{film.name}: {film.frame_count} frames, {len(film.cuts)} cuts, {len(film.decoys)} decoys")
