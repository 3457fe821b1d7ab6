"""What detection left in the store, read back: a detector's evidence and the PTS of a video. It knows no detector."""

import io
import zipfile
from typing import Any

import numpy as np

from heaters.core.layout import Evidence
from heaters.core.timebase import PtsTable, TimeBase
from heaters.errors import IntegrityError, RuleError


def pack(seen: Evidence) -> bytes:
    """A compressed .npz: float32 `single` and `many`, what the pixels say by name, and `given` where there are any.

    Not in half precision: rounding could carry a frame over the threshold.
    """
    parts: dict[str, Any] = {
        "single": np.asarray(seen.single, np.float32),
        "many": np.asarray(seen.many, np.float32),
        **{name: np.asarray(values, np.float32) for name, values in seen.pixels.items()},
        "given": np.asarray(seen.given, np.int64),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: values for name, values in parts.items() if len(values)})
    return buffer.getvalue()


def unpack(data: bytes, frame_count: int) -> Evidence:
    """The evidence that `pack` wrote. Raises IntegrityError for other bytes, or for other frames."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as parts:
            seen = Evidence.of(**{name: parts[name].tolist() for name in parts.files})
    except (RuleError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"these are no probabilities of a detector: {error}") from error
    if seen.frame_count != frame_count:
        raise IntegrityError(f"probabilities must be of {frame_count} frames; got {seen.frame_count}")
    return seen


def pts_table(data: bytes, time_base: TimeBase) -> PtsTable:
    """The PTS of every frame, from the .npy that `prepare` stored: int64 [n + 1], the end of the last frame last."""
    pts = np.load(io.BytesIO(data), allow_pickle=False)
    return PtsTable.of(pts[:-1].tolist(), time_base, end_pts=int(pts[-1]))
