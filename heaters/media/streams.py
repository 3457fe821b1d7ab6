"""Which streams of a file are its picture and its sound, by the rules of players. Pure: `contents.py` reads files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from heaters.errors import MediaError

# Pictures that belong to a song or to a seek bar.
NEVER = frozenset({"attached_pic", "timed_thumbnails"})
# What somebody has to ask for: it stands beside the film's own picture and sound.
ASIDE = frozenset(
    {"comment", "hearing_impaired", "visual_impaired", "descriptions", "clean_effects", "non_diegetic"}
    | {"karaoke", "lyrics", "dependent"}
)
# Bit rates of equal tracks differ by a few per cent: only one clearly lower counts against a stream.
SAME_RATE = 0.75
MOST_CHANNELS = 8  # 7.1; which of more than that are left and right is seldom said


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream as its container describes it, whether it was taken, and why or why not."""

    index: int
    kind: str  # video or audio
    codec: str  # ffmpeg's name; empty: it cannot be decoded
    programmes: tuple[int, ...] = ()  # of a transport stream; empty: of none
    dispositions: tuple[str, ...] = ()  # ffmpeg's names
    language: str = ""
    width: int = 0
    height: int = 0
    channels: int = 0
    sample_rate: int = 0
    bit_rate: int = 0  # bits per second; 0: not stated
    decodes: bool | None = None  # whether the first packets of a sound decode; None: none came so early
    taken: bool = False
    why: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("video", "audio"):
            raise MediaError(f"a stream is video or audio; got {self.kind!r}")

    @property
    def is_default(self) -> bool:
        """Whether the container marks it as the one to play."""
        return "default" in self.dispositions

    @property
    def is_aside(self) -> bool:
        """Whether it is there for those who ask for it."""
        return not ASIDE.isdisjoint(self.dispositions)


def stream_of(told: Mapping[str, Any]) -> Stream:
    """A stream from the JSON of `asdict`."""
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Stream(**known)


def sound_phrase(streams: Sequence[Stream], *, has_audio: bool) -> str:
    """Which sound a film has, for people."""
    heard = [s for s in streams if s.kind == "audio"]
    taken = [s for s in heard if s.taken]
    if not has_audio or not taken:
        return f"no sound was decoded of {len(heard)} sound streams"
    which = ", ".join(str(s.index) for s in taken)
    return f"sound: {taken[0].codec}, stream {which} of {len(heard)} sound streams ({taken[0].why})"


# A reason against a stream, and a value that is lower where it counts. In the order in which they count.
Rule = tuple[str, Callable[[Stream], int]]
PICTURE_RULES: tuple[Rule, ...] = (
    ("is marked as a side picture", lambda s: not s.is_aside),
    ("is not marked default", lambda s: s.is_default),
    ("is smaller", lambda s: s.width * s.height),
)
SOUND_RULES: tuple[Rule, ...] = (
    ("its first packets do not decode", lambda s: s.decodes is not False),
    ("is a commentary, or for those who ask for it", lambda s: not s.is_aside),
    ("no sound in the first packets", lambda s: s.decodes is True),
    ("is not marked default", lambda s: s.is_default),
    ("has fewer channels", lambda s: s.channels if s.channels <= MOST_CHANNELS else 0),
)
LOWER_RATE, LATER = "has a lower bit rate", "comes later"


def pictures(streams: Sequence[Stream]) -> list[Stream]:
    """The streams that may be the film's picture, best first."""
    able = [s for s in streams if s.kind == "video" and s.codec and NEVER.isdisjoint(s.dispositions)]
    return _ranked(able, PICTURE_RULES)


def sounds(streams: Sequence[Stream], picture: Stream) -> list[Stream]:
    """The streams that may be the sound of this picture, best first: those of its own programme."""
    able = [s for s in streams if s.kind == "audio" and s.codec and _is_together(s, picture)]
    return _ranked(able, SOUND_RULES)


def mixed(ranked: Sequence[Stream]) -> tuple[Stream, ...]:
    """What is taken of `sounds`: the best; where that is a mono track of a recorder, all tracks of the recording.

    Field recorders and broadcast write each microphone as a PCM track of its own, and any of them may be the silent
    one. A track that a file marks as default among others is a choice of its own, unless it is the first: some muxers
    mark the first one by themselves.
    """
    if not ranked:
        return ()
    best = ranked[0]
    in_order = sorted(ranked, key=lambda s: s.index)
    is_chosen = best.is_default and best is not in_order[0] and not all(s.is_default for s in ranked)
    if is_chosen or best.channels != 1 or not best.codec.startswith("pcm_"):
        return (best,)
    return tuple(s for s in in_order if _recording(s) == _recording(best))


def told(streams: Sequence[Stream], picture: Stream, sound: Sequence[Stream]) -> tuple[Stream, ...]:
    """All streams, with what was taken and why."""
    taken = {s.index for s in (picture, *sound)}
    choices = {"video": [picture], "audio": list(sound)}
    ranked = {"video": pictures(streams), "audio": sounds(streams, picture)}

    def why(s: Stream) -> str:
        chosen, able = choices[s.kind], ranked[s.kind]
        if s.index in taken:
            return _in_favour(s, [other for other in able if other.index not in taken], len(chosen))
        if s in able:
            return _against(s, chosen[0])
        if not s.codec:
            return "cannot be decoded"
        return "is a cover picture" if s.kind == "video" else "is of another programme"

    return tuple(replace(s, taken=s.index in taken, why=why(s)) for s in streams)


def _in_favour(s: Stream, others: Sequence[Stream], tracks: int) -> str:
    if tracks > 1:
        return f"one of {tracks} mono tracks of one recording, which are mixed"
    return f"the next one {_against(others[0], s)}" if others else f"the only {s.kind} to choose"


def _is_together(sound: Stream, picture: Stream) -> bool:
    if not sound.programmes or not picture.programmes:
        return True
    return not set(sound.programmes).isdisjoint(picture.programmes)


def _recording(s: Stream) -> tuple[object, ...]:
    """What tracks of one recording have in common."""
    marks = frozenset(s.dispositions) - {"default"}
    return (s.codec, s.channels, s.sample_rate, s.language, s.programmes, marks, s.decodes is False)


def _ranked(able: Sequence[Stream], rules: Sequence[Rule]) -> list[Stream]:
    """Best first: by the rules, then those of a bit rate near the highest among equals, then in the file's order."""

    def values(s: Stream) -> tuple[int, ...]:
        return tuple(int(value(s)) for _, value in rules)

    highest = {values(s): max(o.bit_rate for o in able if values(o) == values(s)) for s in able}
    return sorted(
        able,
        key=lambda s: (*(-v for v in values(s)), s.bit_rate < SAME_RATE * highest[values(s)], s.index),
    )


def _against(s: Stream, chosen: Stream) -> str:
    """What counts against `s` beside the chosen one."""
    for reason, value in PICTURE_RULES if s.kind == "video" else SOUND_RULES:
        if value(s) != value(chosen):
            return reason
    return LOWER_RATE if s.bit_rate < SAME_RATE * chosen.bit_rate else LATER
