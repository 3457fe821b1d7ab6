"""Every object key, in one place. A key is a pure function of what the object holds, so that doing a stage twice
writes the same object and leaves no orphan.

    videos/<sha256>/source<.ext>              the master, byte for byte
    videos/<sha256>/samples-<params>.zip      sample track: JPEGs of frames about every half second
    videos/<sha256>/proxy-<params>.mp4        review proxy, where somebody reviews
    videos/<sha256>/analysis-<params>.rgb     48×27 RGB for every frame
    videos/<sha256>/pts-<params>.npy          int64 PTS of every frame, then the end of the last
    videos/<sha256>/cuts-<params>.npz         both heads' probabilities
    clips/<sha256>/<start>-<end>/<profile>-<params>.mp4
    clips/<sha256>/<start>-<end>/keyframes-<strategy>/<tag>.jpg
"""

import hashlib
import json
import re
from collections.abc import Mapping

from heaters.errors import RuleError

_HASH = re.compile(r"[0-9a-f]{64}")
# Profiles that had another name when the first objects were written: the objects keep it.
_RENAMED = {"encode": "source"}
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_CONTENT = re.compile(r"(?:videos|clips)/([0-9a-f]{64})/")


def params(values: Mapping[str, object]) -> str:
    """The first 10 hexadecimal digits of the SHA-256 of `values` as canonical JSON: a stage's settings as a word."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def content_of(key: str) -> str:
    """The hash of the video that an object belongs to; "" for a key that is none of ours."""
    found = _CONTENT.match(key)
    return found[1] if found else ""


def folders(content_hash: str) -> tuple[str, ...]:
    """What the keys of all objects of a video begin with."""
    return (f"{_video(content_hash)}/", f"{_video(content_hash).replace('videos/', 'clips/', 1)}/")


def _video(content_hash: str) -> str:
    if not _HASH.fullmatch(content_hash):
        raise RuleError(f"a content hash is 64 hexadecimal digits; got {content_hash!r}")
    return f"videos/{content_hash}"


def _word(kind: str, value: str) -> str:
    if not _WORD.fullmatch(value):
        raise RuleError(f"a {kind} in a key is lower-case letters, digits, '_', '.' and '-'; got {value!r}")
    return value


def source(content_hash: str, extension: str) -> str:
    """Key of the master. `extension` with or without its dot; anything unusual becomes `bin`."""
    word = extension.lower().lstrip(".")
    return f"{_video(content_hash)}/source.{word if re.fullmatch(r'[a-z0-9]{1,8}', word) else 'bin'}"


def samples(content_hash: str, settings: str) -> str:
    """Key of the sample track made with `settings` (see `params`)."""
    return f"{_video(content_hash)}/samples-{_word('parameter word', settings)}.zip"


def proxy(content_hash: str, settings: str) -> str:
    """Key of the review proxy made with `settings` (see `params`)."""
    return f"{_video(content_hash)}/proxy-{_word('parameter word', settings)}.mp4"


def analysis(content_hash: str, settings: str) -> str:
    """Key of the raw 48×27 RGB analysis frames."""
    return f"{_video(content_hash)}/analysis-{_word('parameter word', settings)}.rgb"


def pts(content_hash: str, settings: str) -> str:
    """Key of the PTS table."""
    return f"{_video(content_hash)}/pts-{_word('parameter word', settings)}.npy"


def probabilities(content_hash: str, settings: str) -> str:
    """Key of the detector's per-frame probabilities."""
    return f"{_video(content_hash)}/cuts-{_word('parameter word', settings)}.npz"


def _clip(content_hash: str, start_frame: int, end_frame: int) -> str:
    if not 0 <= start_frame < end_frame:
        raise RuleError(f"a clip is a range 0 ≤ start < end; got [{start_frame}, {end_frame})")
    return f"clips/{_video(content_hash).removeprefix('videos/')}/{start_frame:08d}-{end_frame:08d}"


def clip_export(content_hash: str, start_frame: int, end_frame: int, profile: str, settings: str) -> str:
    """Key of an exported clip file. `profile` is the export's variant."""
    folder = _clip(content_hash, start_frame, end_frame)
    return f"{folder}/{_word('profile', _RENAMED.get(profile, profile))}-{_word('parameter word', settings)}.mp4"


def keyframe(content_hash: str, start_frame: int, end_frame: int, strategy: str, tag: str) -> str:
    """Key of one still of a clip."""
    folder = _clip(content_hash, start_frame, end_frame)
    return f"{folder}/keyframes-{_word('strategy', strategy)}/{_word('tag', tag)}.jpg"
