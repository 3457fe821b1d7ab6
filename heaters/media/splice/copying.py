"""Copy a clip out of its master and verify it, frame by frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heaters.errors import MediaError
from heaters.media.ffmpeg import ANALYSIS_FRAME_BYTES, Span
from heaters.media.likeness import Pictures, levels_off
from heaters.media.probe import Probe
from heaters.media.shape import shown_sides
from heaters.media.splice.asking import Asked, Asker, Clip, Left
from heaters.media.splice.job import Spliced
from heaters.media.splice.rules import NotCopied, Rule
from heaters.media.track import Track, read_track

# Copied frames are decoded as `prepare` decoded them; another build of ffmpeg may scale them down with other rounding.
SAME_LEVELS = 0.5
# Encoded frames, at CRF 18, are only like the master's.
LIKE_LEVELS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A verified file. `frames` of its frames are packets of the master; where that is 0, `rule` says why."""

    frames: int
    rule: str
    track: Track


def copy_out(asker: Asker, clip: Clip, pictures: Pictures, left: Left, asked: Asked | None = None) -> Copied:
    """Write the clip to `clip.out`, packets copied as far as they can be. `pictures`: uint8 [frames, 27, 48, 3], what
    `prepare` saw; `asked`: what the child said of this very clip, where it was asked before.

    Raises NotCopied where a rule is against it (`out` may be there and is worthless), StageTimeout, StoreError (disk
    full) and WorkerLost.
    """
    try:
        answer = asked or asker.ask([clip], left)[0]
        made = answer.spliced()
        track = read_track(clip.out)
        _check_times(track, made, clip.span)
        _check_shape(track, asker.probe)
        _check_pictures(np.fromfile(answer.looks, np.uint8), pictures, made)
    except MediaError as error:
        raise NotCopied(Rule.READ, str(error)) from error
    finally:
        clip.clear()
    return Copied(frames=len(made.pts), rule=made.rule, track=track)


def _check_times(track: Track, made: Spliced, span: Span) -> None:
    """Every frame lies at the time that `prepare` found. Raises NotCopied."""
    expected = np.sort(np.array((*made.head, *made.pts, *made.tail), np.int64)) - span.start_pts
    ratio = span.time_base / track.time_base
    if len(track.pts) != span.frames or not np.array_equal(track.pts * ratio.denominator, expected * ratio.numerator):
        raise NotCopied(Rule.VERIFICATION, f"{span.frames} frames were expected, {len(track.pts)} came, or elsewhere")


def _check_shape(track: Track, probe: Probe) -> None:
    """Players show the file in the master's shape. Raises NotCopied."""
    shown = shown_sides(track.width, track.height, track.sample_aspect_ratio, probe.rotation)
    if shown != (probe.width, probe.height):
        found = f"{shown[0]} × {shown[1]}, the master as {probe.width} × {probe.height}"
        raise NotCopied(Rule.SHAPE, f"the copied file would be shown as {found}")


def _check_pictures(decoded: Pictures, pictures: Pictures, made: Spliced) -> None:
    """Every picture is that of `prepare`. Raises NotCopied."""
    levels = levels_off(decoded, pictures)
    if levels is None:
        found = decoded.size / ANALYSIS_FRAME_BYTES
        raise NotCopied(Rule.VERIFICATION, f"{len(pictures)} pictures were expected, {found:g} came")
    first, last = len(made.head), len(pictures) - len(made.tail)
    most = np.full(len(pictures), LIKE_LEVELS)
    most[first:last] = SAME_LEVELS
    if np.any(levels > most):
        worst = int((levels - most).argmax())
        raise NotCopied(Rule.VERIFICATION, f"frame {worst} differs from the prepared one by {levels[worst]:.1f} levels")
    _check_turns(decoded.reshape(pictures.shape), pictures, levels)


def _check_turns(decoded: Pictures, pictures: Pictures, levels: NDArray[np.float64]) -> None:
    """No frame is more like its neighbour's picture than like its own. Raises NotCopied.

    An encoded frame may differ from its own picture; one that came out of its turn would be like another one's.
    """
    if len(pictures) < 2:
        return
    for decoded_part, others, own in (
        (decoded[1:], pictures[:-1], levels[1:]),
        (decoded[:-1], pictures[1:], levels[:-1]),
    ):
        like = levels_off(decoded_part, others)
        assert like is not None
        if np.any(like < own - SAME_LEVELS):
            raise NotCopied(Rule.VERIFICATION, f"frame {int((own - like).argmax())} came out of its turn")
