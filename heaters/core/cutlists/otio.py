"""A cut list as OpenTimelineIO's JSON: one video track, one clip a shot, what Heaters knows of it in its metadata.

Written without the library, which needs a compiled wheel; the tests read it back with the library.
"""

import json
from typing import Any

from heaters.core.cutlists.cutlist import CutList, Media, Shot


def otio(cuts: CutList) -> str:
    """The text of a `.otio` file."""
    rate = float(cuts.clock.rate)
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {"heaters": {"rate": str(cuts.clock.rate), "drop_frame": cuts.clock.drop}},
        "name": cuts.title,
        "global_start_time": _time(cuts.record_frame, rate),
        "tracks": {
            "OTIO_SCHEMA": "Stack.1",
            "metadata": {},
            "name": "tracks",
            "source_range": None,
            "effects": [],
            "markers": [],
            "enabled": True,
            "children": [_track(cuts, "Video", rate)] + ([_track(cuts, "Audio", rate)] if cuts.media.has_audio else []),
        },
    }
    return json.dumps(timeline, ensure_ascii=False, indent=1) + "\n"


def _track(cuts: CutList, kind: str, rate: float) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Track.1",
        "metadata": {},
        "name": f"{kind[0]}1",
        "source_range": None,
        "effects": [],
        "markers": [],
        "enabled": True,
        "kind": kind,
        "children": [_clip(shot, cuts.media, rate) for shot in cuts.shots],
    }


def _clip(shot: Shot, media: Media, rate: float) -> dict[str, Any]:
    reference = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": media.name,
        "available_range": _range(media.start_frame, media.frame_count, rate),
        "available_image_bounds": None,
        "target_url": media.url,
    }
    return {
        "OTIO_SCHEMA": "Clip.2",
        "metadata": {"heaters": shot.facts},
        "name": shot.name,
        "source_range": _range(media.start_frame + shot.start_frame, shot.frames, rate),
        "effects": [],
        "markers": [],
        "enabled": True,
        "media_references": {"DEFAULT_MEDIA": reference},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _range(start: int, frames: int, rate: float) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "TimeRange.1", "start_time": _time(start, rate), "duration": _time(frames, rate)}


def _time(frame: int, rate: float) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(frame)}
