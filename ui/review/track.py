"""What a player is told of each frame: when it shows, and how likely a cut is there. Pure; small on the wire."""

import base64
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Frames of the neighbours that come with a clip: as far as its cuts can be moved at once, and a look at what is there.
CONTEXT_FRAMES = 240
# A curve is drawn a thousand pixels wide: more values than this are gathered, the highest of each bin.
MOST_VALUES = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The frames `[start_frame, end_frame)` that are told of: the clip's own and some of its neighbours."""

    start_frame: int
    end_frame: int

    @classmethod
    def around(cls, clip: dict[str, Any]) -> "Window":
        """The window of a row of `review_cards`."""
        low = clip["previous_start_frame"] if clip["previous_start_frame"] is not None else clip["start_frame"]
        high = clip["next_end_frame"] if clip["next_end_frame"] is not None else clip["end_frame"]
        return cls(
            start_frame=max(low, clip["start_frame"] - CONTEXT_FRAMES),
            end_frame=min(high, clip["end_frame"] + CONTEXT_FRAMES),
        )


def times(pts: NDArray[np.int64], window: Window) -> dict[str, Any]:
    """When the frames of a window show, in ticks: the first, then runs of [ticks to the next, how often].

    The last run leads to the end of the window's last frame. At a constant rate that is one run or a few.
    """
    ticks = pts[window.start_frame : window.end_frame + 1]
    steps = np.diff(ticks)
    changes = np.flatnonzero(np.diff(steps)) + 1
    bounds = [0, *changes.tolist(), len(steps)]
    runs = [[int(steps[a]), b - a] for a, b in pairwise(bounds)]
    return {"first_tick": int(ticks[0]), "runs": runs}


def curve(values: NDArray[np.float32], window: Window) -> dict[str, Any]:
    """Probabilities of a window's frames as bytes (255: certain) in base64; `bin_frames` frames share a value."""
    part = values[window.start_frame : window.end_frame]
    bin_frames = max(1, -(-len(part) // MOST_VALUES))
    starts = np.arange(0, len(part), bin_frames)
    highest = np.maximum.reduceat(part, starts) if len(part) else part
    data = np.clip(np.rint(highest * 255), 0, 255).astype(np.uint8).tobytes()
    return {"bin_frames": bin_frames, "values": base64.b64encode(data).decode()}
