"""Which of the formats that a site offers to fetch: a pure function over yt-dlp's format list.

Three strategies in order; the next is tried only where a format itself fails. Resolution is never capped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heaters.errors import RuleError
from heaters.media.fetched import Resolution

Format = Mapping[str, Any]

# What yt-dlp downloads by itself: anything else would let ffmpeg open connections, past the address guard.
_PROTOCOLS = frozenset({"http", "https", "m3u8", "m3u8_native", "http_dash_segments"})

# Codecs in the order in which a cluster decodes them fast. Hopper's NVDEC has no AV1, and CPUs decode
# avc1 three to five times faster than av1; unknown codecs (direct files) are usually avc1.
_VIDEO_CODECS = (
    "avc1",
    "avc3",
    "h264",
    "hvc1",
    "hev1",
    "hevc",
    "h265",
    "",
    "vp9",
    "vp09",
    "vp8",
    "av01",
    "av1",
)
# Sound is for the ears of a reviewer: AAC fits into MP4 without a further encoding, so it goes first.
_AUDIO_CODECS = ("mp4a", "aac", "", "mp3", "opus", "vorbis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Formats to fetch together: one, or a picture and a sound to be merged into a file of `extension`."""

    strategy: str
    formats: tuple[Format, ...]
    extension: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.formats) <= 2:
            raise RuleError(f"a choice is one format or picture + sound; got {self.format_id!r}")

    @property
    def format_id(self) -> str:
        """`137+140`: the ids joined as yt-dlp does."""
        return "+".join(str(f["format_id"]) for f in self.formats)


def plan(formats: Sequence[Format]) -> tuple[Choice, ...]:
    """The choices to try, best first, without repeats; empty where no format holds a picture that can be fetched."""
    usable = [f for f in formats if _is_usable(f)]
    choices: list[Choice] = []
    for strategy, choose in STRATEGIES.items():
        picked = choose(usable)
        if picked and all(_ids(picked) != _ids(c.formats) for c in choices):
            choices.append(Choice(strategy=strategy, formats=picked, extension=_extension(picked)))
    return tuple(choices)


def best_resolution(formats: Sequence[Format]) -> Resolution | None:
    """The highest resolution that is offered at all, fetchable or not; None where no format tells its height."""
    told = [f for f in formats if _has_picture(f) and f.get("height")]
    if not told:
        return None
    best = max(told, key=lambda f: (f["height"], f.get("width") or 0))
    return (int(best.get("width") or 0), int(best["height"]))


def offered(formats: Sequence[Format]) -> tuple[dict[str, object], ...]:
    """The format list as it is recorded: without URLs, headers and cookies. Unknown facts are left out."""
    names = (
        "format_id",
        "ext",
        "vcodec",
        "acodec",
        "width",
        "height",
        "fps",
        "tbr",
        "filesize",
        "protocol",
        "has_drm",
    )
    return tuple({name: f[name] for name in names if f.get(name)} for f in formats)


def _best(usable: Sequence[Format]) -> tuple[Format, ...]:
    pictures = [f for f in usable if _has_picture(f)]
    return _with_sound(max(pictures, key=_picture_rank), usable) if pictures else ()


def _premerged(usable: Sequence[Format]) -> tuple[Format, ...]:
    both = [f for f in usable if _has_picture(f) and _has_sound(f)]
    return (max(both, key=_picture_rank),) if both else ()


def _smallest(usable: Sequence[Format]) -> tuple[Format, ...]:
    pictures = [f for f in usable if _has_picture(f)]
    return _with_sound(min(pictures, key=_size_rank), usable) if pictures else ()


# The strategies in the order in which they are tried.
STRATEGIES: dict[str, Callable[[Sequence[Format]], tuple[Format, ...]]] = {
    "best": _best,  # best video + best audio
    "premerged": _premerged,  # the best file that holds both already: no merging that could fail
    "smallest": _smallest,  # the smallest that holds a picture
}


def _with_sound(picture: Format, usable: Sequence[Format]) -> tuple[Format, ...]:
    sounds = [f for f in usable if not _has_picture(f) and _has_sound(f)]
    if _has_sound(picture) or not sounds:
        return (picture,)
    return (picture, max(sounds, key=_sound_rank))


def _is_usable(f: Format) -> bool:
    protocol = f.get("protocol") or "https"
    return protocol in _PROTOCOLS and not f.get("has_drm") and f.get("ext") != "mhtml"


def _has_picture(f: Format) -> bool:
    # None is unknown (a direct file): taken for present, the probe of the file decides. "none" is known to lack it.
    return f.get("vcodec") != "none" and f.get("ext") != "mhtml"


def _has_sound(f: Format) -> bool:
    return f.get("acodec") != "none"


def _picture_rank(f: Format) -> tuple[object, ...]:
    return (
        f.get("height") or 0,
        f.get("preference") or 0,  # extractors mark watermarked and broken formats with negative numbers
        -_position(_VIDEO_CODECS, f.get("vcodec")),
        f.get("dynamic_range") in {None, "SDR"},  # the proxy and the models are 8-bit SDR
        f.get("fps") or 0,
        _has_sound(f),  # nothing to merge
        f.get("tbr") or f.get("vbr") or 0,
    )


def _sound_rank(f: Format) -> tuple[object, ...]:
    return (
        f.get("language_preference") or 0,  # the original language before dubbed ones
        f.get("preference") or 0,
        -_position(_AUDIO_CODECS, f.get("acodec")),
        f.get("abr") or f.get("tbr") or 0,
    )


def _size_rank(f: Format) -> tuple[object, ...]:
    size = f.get("filesize") or f.get("filesize_approx") or 0
    rate = f.get("tbr") or f.get("vbr") or 0
    height = f.get("height") or 0
    return (height == 0, height, rate == 0, rate, size)


def _position(codecs: tuple[str, ...], codec: str | None) -> int:
    family = (codec or "").split(".")[0].lower()
    return codecs.index(family) if family in codecs else len(codecs)


def _extension(picked: tuple[Format, ...]) -> str:
    """The container: the format's own, or for a merge one that holds both codecs unchanged."""
    if len(picked) == 1:
        return str(picked[0].get("ext") or "bin")
    kinds = {str(f.get("ext")) for f in picked}
    if kinds <= {"mp4", "m4a", "m4v", "mov"}:
        return "mp4"
    return "webm" if kinds <= {"webm", "weba"} else "mkv"


def _ids(picked: tuple[Format, ...]) -> tuple[object, ...]:
    return tuple(f["format_id"] for f in picked)
