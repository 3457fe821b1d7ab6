"""PySceneDetect's two detectors on analysis frames: its scores, frame by frame. It makes no cuts and knows no time.

The library would compute time as index ÷ average rate; here it is given indices alone, and a cut's time is its frame's
PTS. It sees the 48×27 analysis frames, which are stored and decoded already, not the full picture.
"""

from array import array
from typing import Any

from heaters.errors import ConfigError
from heaters.models.windows import Source, stretch

EXTRA = "pip install 'heaters[scenedetect]'"
# The library's own thresholds. A score is mapped so that its threshold becomes 0.5: `score / (score + threshold)`.
CONTENT_THRESHOLD = 27.0  # mean change of hue, saturation and brightness, of 255
ADAPTIVE_THRESHOLD = 3.0  # times the mean change of the two frames before and after
ADAPTIVE_LEAST_CONTENT = 15.0  # below this change, nothing is a cut however still the surroundings
CHUNK_FRAMES = 256


def revision(name: str) -> str:
    """The library and its version. Raises ConfigError, naming the extra, where it is not installed."""
    return f"pyscenedetect@{_library(name).__version__}"


def likelihoods(name: str, frames: Source) -> "array[float]":
    """How likely each frame is the last before a cut: uint8 RGB [n, 27, 48, 3] → [n] in [0, 1], the last one 0.

    `name` is "content" or "adaptive". Above 0.5 lies what the library itself would take for a cut, its minimum length
    of scenes apart. Memory is flat. Raises ConfigError where the library is not installed.
    """
    library = _library(name)
    from scenedetect.detectors import AdaptiveDetector, ContentDetector

    # Lengths are ours to bound; 0 keeps the library from merging.
    detector: Any = AdaptiveDetector(min_scene_len=0) if name == "adaptive" else ContentDetector(min_scene_len=0)
    scores = _Scores(len(frames), detector.get_metrics()[-1] if name == "adaptive" else "")
    detector.stats_manager = scores
    number = 0
    for chunk in stretch(frames, 0, len(frames), CHUNK_FRAMES):
        for frame in chunk[..., ::-1]:  # the library takes BGR
            # One frame a second: a position, never a time.
            detector.process_frame(library.FrameTimecode(number, fps=1.0), frame.copy())
            number += 1
    return scores.likelihoods()


class _Scores:
    """Stands where the library wants its StatsManager, which would keep a dict for each frame."""

    def __init__(self, count: int, ratio_key: str) -> None:
        self._content = array("d", bytes(8 * count))
        self._ratio = array("d", bytes(8 * count))
        self._ratio_key = ratio_key

    def set_metrics(self, timecode: Any, metrics: dict[str, float]) -> None:
        number = timecode.frame_num
        if self._ratio_key in metrics:
            self._ratio[number] = metrics[self._ratio_key]
        if "content_val" in metrics:
            self._content[number] = metrics["content_val"]

    def likelihoods(self) -> "array[float]":
        """A score belongs to a frame and the one before it, so it moves to the last frame of the left shot."""
        if self._ratio_key:
            scores = [
                ratio / (ratio + ADAPTIVE_THRESHOLD) if content >= ADAPTIVE_LEAST_CONTENT else 0.0
                for ratio, content in zip(self._ratio, self._content, strict=True)
            ]
        else:
            scores = [content / (content + CONTENT_THRESHOLD) for content in self._content]
        return array("f", [*scores[1:], 0.0])


def _library(name: str) -> Any:
    try:
        import scenedetect
    except ImportError as error:
        raise ConfigError(f"HEATERS_DETECTOR={name} needs PySceneDetect, which is not installed: {EXTRA}") from error
    return scenedetect
