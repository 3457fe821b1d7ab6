"""The truth about a sample reel: its true cuts and shots, as values and as JSON."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from heaters.errors import RuleError


class Transition(StrEnum):
    """How one shot becomes the next."""

    HARD = "hard"
    DISSOLVE = "dissolve"
    FADE = "fade"  # through black


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCut:
    """A cut. `frame` is the first frame of the right-hand shot.

    Of a gradual one it is the middle of [start_frame, end_frame), the frames that are not of one shot alone. A hard
    cut has none of those: start_frame = end_frame = frame.
    """

    frame: int
    start_frame: int
    end_frame: int
    kind: Transition

    def __post_init__(self) -> None:
        if not 0 < self.start_frame <= self.frame <= self.end_frame:
            raise RuleError(f"a cut lies in its span and after frame 0; got {self}")
        if (self.kind is Transition.HARD) != (self.start_frame == self.end_frame):
            raise RuleError(f"exactly the hard cuts have an empty span; got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What is seen in [start_frame, end_frame); shots meet at the cuts' frames and tile the reel."""

    start_frame: int
    end_frame: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reel:
    """A built reel and its truth."""

    path: Path
    frame_count: int
    frame_rate: Fraction
    cuts: tuple[TrueCut, ...]
    shots: tuple[Shot, ...]

    def __post_init__(self) -> None:
        frames = [0, *(cut.frame for cut in self.cuts), self.frame_count]
        if [(s.start_frame, s.end_frame) for s in self.shots] != list(pairwise(frames)):
            raise RuleError(f"shots tile [0, {self.frame_count}) and meet at the cuts; got {self.shots}")

    @property
    def truth_path(self) -> Path:
        """Where the truth is kept: beside the film."""
        return truth_path(self.path)


def truth_path(path: Path) -> Path:
    """The truth of `film.mp4` is `film.truth.json`."""
    return path.with_suffix(".truth.json")


def save_truth(reel: Reel, *, version: str) -> None:
    """Write the truth beside the film, atomically. `version` says what built it."""
    truth = {
        "version": version,
        "size_bytes": reel.path.stat().st_size,
        "frame_count": reel.frame_count,
        "frame_rate": str(reel.frame_rate),
        "cuts": [asdict(cut) for cut in reel.cuts],
        "shots": [asdict(shot) for shot in reel.shots],
    }
    part = reel.truth_path.with_suffix(".part")
    part.write_text(json.dumps(truth, indent=1) + "\n")
    part.replace(reel.truth_path)


def load_truth(path: Path, *, version: str) -> Reel | None:
    """The reel at `path`, or None where film and truth are not both there, whole, and of this `version`."""
    if not path.exists() or not truth_path(path).exists():
        return None
    try:
        truth = json.loads(truth_path(path).read_text())
    except json.JSONDecodeError:
        return None  # cut short: it is built again
    if truth.get("version") != version or truth.get("size_bytes") != path.stat().st_size:
        return None
    return Reel(
        path=path,
        frame_count=truth["frame_count"],
        frame_rate=Fraction(truth["frame_rate"]),
        cuts=tuple(TrueCut(**{**cut, "kind": Transition(cut["kind"])}) for cut in truth["cuts"]),
        shots=tuple(Shot(**shot) for shot in truth["shots"]),
    )
