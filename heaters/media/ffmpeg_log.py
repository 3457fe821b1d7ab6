"""What ffmpeg says while it works, digested: progress, errors, counts, signs of damage. It starts nothing."""

import re
from collections import deque
from collections.abc import Callable

EVIDENCE_LINES = 12
_LINE = re.compile(r"^(?P<contexts>(?:\[[^\]]*\] )*?)\[(?P<level>panic|fatal|error|warning)\] (?P<text>.*)$")
_INPUT = re.compile(r"Input stream #0:\d+ \(video\): (\d+) packets read .*?; (\d+) frames decoded; (\d+) decode errors")
_INPUT_SOUND = re.compile(r"Input stream #\d+:\d+ \(audio\): \d+ packets read .*?; (\d+) frames decoded")
_REPEATED = re.compile(r"^ *Last message repeated (\d+) times")
# A frame that the decoder gives although its data were damaged or missing: parts of it are made up.
_CONCEALED = re.compile(r"\[(?!dec:(?:aac|mp3|opus|vorbis|ac3|flac|pcm))dec:\w+\]? ?.*corrupt decoded frame")
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
# Sound is not what frames are counted by; its damage is repaired by the resampler.
_SOUND = re.compile(
    r"\[(aist|af|aost|dec:(aac|mp3|opus|vorbis|ac3|flac|pcm))|\[(aac|mp3\w*|opus|vorbis|e?ac3|flac) ?[\]@]"
)
# What demuxers say of files that are cut short or have a hole. Other errors of theirs concern side matters.
_DEMUXER_DAMAGE = re.compile(
    r"partial file|prematurely|[Cc]orrupt|truncat|Error during demuxing|[Ii]nvalid (NAL|data)|EBML|missing picture"
)
# What a damaged picture looks like at the warning level.
_WARNED_DAMAGE = re.compile(r"corrupt decoded frame|corrupt input packet|Packet corrupt")
_DEMUXER = re.compile(r"^\[(in#|[a-z0-9]+,[a-z0-9,]+|mpegts|mpeg|avi|flv|asf|ogg|nut|mxf|NULL)[ \]/]")
_OUTPUT = re.compile(r"\[(vost#|enc:|out#|fc#|vf#|mp4|libx264|rawvideo|Parsed_|AVIOContext|swscaler|file)")


class Log:
    """Takes ffmpeg's lines one by one; keeps little, whatever their number."""

    def __init__(self, on_progress: Callable[[int, float], None] | None = None) -> None:
        self._on_progress = on_progress
        self._frames = 0
        self._errors: deque[str] = deque(maxlen=EVIDENCE_LINES)
        self._first_damage = ""
        self._damages = 0
        self.packets_read = 0
        self.frames_decoded = 0
        self.decode_errors = 0
        self.concealed = 0  # frames of which parts are made up
        self._last_concealed = 0  # whether the last line told of one
        self.sound_frames = 0  # decoded, of all sound streams together

    def take_progress(self, line: str) -> None:
        """A `key=value` line of `-progress`."""
        key, _, value = line.partition("=")
        if key == "frame":
            self._frames = int(value)
        elif key == "out_time_us" and value.lstrip("-").isdigit() and self._on_progress is not None:
            self._on_progress(self._frames, max(int(value), 0) / 1e6)

    def take(self, line: str) -> None:
        """A line of standard error at `-loglevel level+verbose`."""
        found = _LINE.match(line)
        if found is None:
            self._take_counts(line)
            return
        text = _ADDRESS.sub("", found["contexts"]) + found["text"]
        self._last_concealed = int(_CONCEALED.search(text) is not None)
        self.concealed += self._last_concealed
        if found["level"] != "warning":
            self._errors.append(text)
        if not _SOUND.search(text) and self._is_damage(found["level"], found["contexts"], text):
            self._damages += 1
            self._first_damage = self._first_damage or text

    @property
    def damage(self) -> str:
        """Why the video is not whole, in ffmpeg's words; empty where nothing was said."""
        if not self._damages and not self.decode_errors:
            return ""
        count = max(self._damages, self.decode_errors)
        return f"{count} decoder message(s), the first: {self._first_damage or 'decode error'}"

    @property
    def lost_share(self) -> float:
        """Of the frames that there should be, the share that is made up or could not be decoded at all."""
        there = self.frames_decoded + self.decode_errors
        return min((self.concealed + self.decode_errors) / there, 1.0) if there else 0.0

    def evidence(self) -> str:
        """The last errors, for an error message."""
        return "\n".join(self._errors)

    def _take_counts(self, line: str) -> None:
        repeated = _REPEATED.match(line)
        if repeated is not None:
            self.concealed += self._last_concealed * int(repeated[1])
            return
        counts = _INPUT.search(line)
        if counts is not None:
            self.packets_read, self.frames_decoded, self.decode_errors = map(int, counts.groups())
        heard = _INPUT_SOUND.search(line)
        if heard is not None:
            self.sound_frames += int(heard[1])

    @staticmethod
    def _is_damage(level: str, contexts: str, text: str) -> bool:
        if level == "warning":
            return bool(_WARNED_DAMAGE.search(text))
        if _DEMUXER.search(contexts):
            return bool(_DEMUXER_DAMAGE.search(text))
        return bool(contexts) and not _OUTPUT.search(contexts)
