"""Cheaper decoding for the analysis frames alone: what it saves, and whether the cuts stay the same.

    python benchmarks/decode.py FOLDER [--rounds 2] [--only NAME]… [--no-cuts] [--write]

FOLDER holds films and truth.json (film → frames, cuts as [first, last, kind], ambiguous as [first, last]). Each variant
of the decoder's options makes the 48×27 frames of each film; CPU seconds are ffmpeg's, the least of the rounds. The
detector looks at every sequence of frames that differs from the full decode's. --write puts the table into RESULTS.md.
"""

import argparse
import datetime
import hashlib
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from evaluation_score import Score, score
from evaluation_script import Span
from numpy.typing import NDArray
from results import machine, table, write_section

from heaters.media import ffmpeg
from heaters.models.evidence import look
from heaters.models.transnet import FRAME_SHAPE, TransNet

FULL = "full"
VARIANTS = {
    FULL: (),
    "skip_loop_filter noref": ("-skip_loop_filter", "noref"),
    "skip_loop_filter bidir": ("-skip_loop_filter", "bidir"),
    "skip_loop_filter all": ("-skip_loop_filter", "all"),
    "flags2 fast": ("-flags2", "+fast"),
    "lowres 1": ("-lowres", "1"),
    "lowres 2": ("-lowres", "2"),
    "threads by slices": ("-thread_type", "slice"),
    "one thread": ("-threads", "1"),
}
Frames = NDArray[np.uint8]


@dataclass(slots=True)
class Ran:
    """What decoding with one variant of the options came to, over all films."""

    cpu_seconds: float = 0.0
    films: int = 0
    other_frames: int = 0  # films with other frames than the full decode's
    largest: int = 0  # difference from the full decode
    added: int = 0  # cuts that the full decode's frames do not have
    lost: int = 0
    score: Score = field(default_factory=Score)


def decoded(path: Path, options: tuple[str, ...], rounds: int) -> tuple[float, Frames] | None:
    """CPU seconds and analysis frames; None where the decoder has no such option for this film."""
    command = [
        *(ffmpeg.binary(), "-v", "error", "-threads", "2", *options, "-i", str(path), "-map", "0:v:0"),
        *("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "48x27", "-"),
    ]
    least, raw = float("inf"), b""
    for _ in range(rounds):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        raw = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode or len(raw) % (27 * 48 * 3):
            return None
        least = min(least, usage.ru_utime + usage.ru_stime)
    return least, np.frombuffer(raw, np.uint8).reshape(-1, *FRAME_SHAPE)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", action="append", choices=VARIANTS, help="this variant beside the full decode")
    parser.add_argument("--no-cuts", action="store_true", help="do not run the detector")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    truth = json.loads((options.folder / "truth.json").read_text())
    network, seen = TransNet("cpu"), dict[str, set[int]]()
    films = [options.folder / name for name in truth if (options.folder / name).exists()]

    def cuts(frames: Frames) -> set[int]:
        if options.no_cuts:
            return set()
        digest = hashlib.sha256(frames.tobytes()).hexdigest()
        if digest not in seen:
            found = network.predict(frames)
            seen[digest] = {cut.frame for cut in look(frames, found.single, found.many).transitions(0.5)}
        return seen[digest]

    ran = {name: Ran() for name in VARIANTS if name == FULL or name in (options.only or VARIANTS)}
    for path in films:
        full = decoded(path, (), options.rounds)
        assert full is not None, path
        marks = [Span(kind=kind, start=first, stop=last) for first, last, kind in truth[path.name]["cuts"]]
        vague = [Span(kind="ambiguous", start=first, stop=last) for first, last in truth[path.name]["ambiguous"]]
        for name, one in ran.items():
            made = full if name == FULL else decoded(path, VARIANTS[name], options.rounds)
            if made is None or made[1].shape != full[1].shape:
                print(f"{path.name}: not with {name}", flush=True)
                continue
            found = cuts(made[1])
            difference = int(np.abs(made[1].astype(np.int16) - full[1]).max())
            one.cpu_seconds += made[0] / full[0]  # each film counts the same
            one.films += 1
            one.other_frames += difference > 0
            one.largest = max(one.largest, difference)
            one.added += len(found - cuts(full[1]))
            one.lost += len(cuts(full[1]) - found)
            one.score += score(found, marks, vague)
        print(path.name, {name: round(one.cpu_seconds, 2) for name, one in ran.items()}, flush=True)
    rows = [
        [
            *(name, str(one.films), f"{one.cpu_seconds / max(one.films, 1):.2f}", str(one.other_frames)),
            *(str(one.largest), f"+{one.added} −{one.lost}", f"{one.score.f1():.4f}"),
        ]
        for name, one in ran.items()
    ]
    head = ["options", "films", "CPU ÷ full", "with other frames", "largest difference", "cuts", "F1 of those films"]
    text = (
        f"{machine()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}: `python benchmarks/decode.py FOLDER`; "
        f"{len(films)} real films with labelled cuts, 2 threads; scaling to 48×27 is in every figure.\n\n"
        + table(head, rows)
    )
    print(text)
    if options.write:
        write_section("Decoding for the analysis alone", text)


if __name__ == "__main__":
    main()
