"""The cut detectors, by name: each looks at analysis frames and says, frame by frame, what may be a cut.

A detector is a row of DETECTORS, not a class: adding one is a function that builds it. What their evidence means for
the cuts is in `core/layout.py`, the same for all. Nothing heavy is imported before a detector that needs it is built.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from heaters.core.keys import params
from heaters.core.layout import Evidence
from heaters.core.timebase import PtsTable
from heaters.models.windows import Source
from heaters.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """One video as a detector sees it: analysis frames, uint8 RGB [n, 27, 48, 3], and when each is shown."""

    frames: Source
    table: PtsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A detector, built: `look` takes some videos and the threads it may keep busy, and answers for each in order.

    `revision` names what the answers depend on; `precision` is "" where there is only one. `look` raises ModelError
    when the model cannot be run, RuleError for frames of another shape.
    """

    name: str
    revision: str
    device: str = "cpu"
    precision: str = ""
    look: Callable[[Sequence[Footage], int], list[Evidence]]

    @property
    def word(self) -> str:
        """What its evidence's key ends with: other evidence, another word. PySceneDetect's two share a revision."""
        return params({"detector": self.signature, "precision": self.precision})

    @property
    def signature(self) -> str:
        """What `created_by` says of its cuts."""
        return f"{self.name} {self.revision}"


def build(settings: Settings, name: str = "") -> Detector:
    """The detector of that name, else the one the settings name.

    Raises ConfigError where what it needs is not installed, ModelError where its model cannot be loaded.
    """
    return DETECTORS[name or settings.detector](settings)


def _transnetv2(settings: Settings) -> Detector:
    """TransNetV2: a network that knows cuts, dissolves and fades. The default."""
    import torch

    from heaters.models import evidence
    from heaters.models.transnet import TransNet

    network = TransNet(device=settings.device, memory=settings.home)

    def look(videos: Sequence[Footage], threads: int) -> list[Evidence]:
        torch.set_num_threads(threads)
        answers = network.predict_many(video.frames for video in videos)
        return [evidence.look(v.frames, a.single, a.many) for v, a in zip(videos, answers, strict=True)]

    return Detector(
        name="transnetv2",
        revision=f"{network.revision}+{evidence.VERSION}",  # of the weights, and of what is read from the pixels
        device=network.device,
        precision=network.precision,
        look=look,
    )


def _stride(settings: Settings) -> Detector:
    """Clips of one length, HEATERS_STRIDE_SECONDS, by the frames' own PTS: for footage without shots."""

    def look(videos: Sequence[Footage], threads: int) -> list[Evidence]:
        del threads
        return [
            Evidence.of(bytes(len(video.frames)), given=stride_frames(video.table, settings.stride_seconds))
            for video in videos
        ]

    return Detector(name="stride", revision=f"{settings.stride_seconds:g}s", look=look)


def stride_frames(table: PtsTable, stride_seconds: float) -> list[int]:
    """The first frame of every further stretch of `stride_seconds`, counted from the first frame's PTS."""
    stride_ticks = Fraction(repr(float(stride_seconds))) / table.time_base.tick_seconds
    frames, before = [], 0
    # Frame by frame, so that a time stamp of a thousand years costs no more than another.
    for frame, pts in enumerate(table.ticks):
        stretch = (pts - table.ticks[0]) * stride_ticks.denominator // stride_ticks.numerator
        if stretch > before:
            frames.append(frame)
            before = stretch
    return frames


def _content(_: Settings) -> Detector:
    """PySceneDetect's ContentDetector: how much two neighbouring frames differ."""
    return _scenedetect("content")


def _adaptive(_: Settings) -> Detector:
    """PySceneDetect's AdaptiveDetector: how much more than their surroundings two neighbouring frames differ."""
    return _scenedetect("adaptive")


def _scenedetect(name: str) -> Detector:
    from heaters.models import scenedetect_scores

    def look(videos: Sequence[Footage], threads: int) -> list[Evidence]:
        del threads
        return [Evidence.of(scenedetect_scores.likelihoods(name, video.frames)) for video in videos]

    return Detector(name=name, revision=scenedetect_scores.revision(name), look=look)


DETECTORS: Mapping[str, Callable[[Settings], Detector]] = {
    "transnetv2": _transnetv2,
    "stride": _stride,
    "adaptive": _adaptive,
    "content": _content,
}
