"""The form that the profile `encode` writes: codec, quality, size and rate. Pure."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from heaters.errors import RuleError

if TYPE_CHECKING:
    from heaters.media.ffmpeg import Span
    from heaters.media.track import Track

# A codec's encoder and the CRF that people call its usual good quality: x264's 18 is the product's own choice.
ENCODERS = {
    "h264": ("libx264", 18.0),
    "hevc": ("libx265", 22.0),
    "av1": ("libaom-av1", 28.0),  # as root, libsvtav1 makes its threads real-time, above all else on the machine
}
KEEP = "keep"
HDR, FIELDS = (KEEP, "tonemap"), (KEEP, "deinterlace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """0 and "" mean: the codec's usual CRF, the master's size, the master's own frames."""

    codec: str = "h264"
    crf: float = 0.0
    width: int = 0  # the picture fits into these sides and is never enlarged
    height: int = 0
    rate: Fraction = Fraction(0)  # frames a second; the frames of the file are then no longer those of the clip
    hdr: str = KEEP  # or "tonemap"
    fields: str = KEEP  # or "deinterlace"; kept where they can be, see form.py

    def __post_init__(self) -> None:
        if self.hdr not in HDR or self.fields not in FIELDS:
            raise RuleError(f"HDR is one of {', '.join(HDR)}, fields one of {', '.join(FIELDS)}; got {self}")
        if self.codec not in ENCODERS or self.crf < 0 or self.rate < 0 or (self.width > 0) != (self.height > 0):
            raise RuleError(f"a target has a known codec and no negative numbers; got {self}")

    def filters(self) -> str:
        """Filters after those that choose the clip's frames, each with a comma before it."""
        fit = (
            f",scale=w='min(iw,{self.width})':h='min(ih,{self.height})'"
            ":force_original_aspect_ratio=decrease:force_divisible_by=2"
        )
        return (f",fps={self.rate}:start_time=0" if self.rate else "") + (fit if self.width else "")

    def encoder(self, preset: str) -> tuple[str, ...]:
        """Options of the video encoder; () for the usual one at its usual quality."""
        if not self.crf and self.codec == USUAL.codec:
            return ()
        name, usual = ENCODERS[self.codec]
        quality = ("-crf", f"{self.crf or usual:g}")
        own = {
            "h264": ("-preset", preset),
            "hevc": ("-preset", "veryfast", "-tag:v", "hvc1", "-x265-params", "log-level=none"),
            "av1": ("-cpu-used", "6", "-row-mt", "1", "-b:v", "0"),
        }[self.codec]
        return ("-c:v", name, *own, *quality)

    def differs(self, track: "Track", span: "Span") -> str:
        """Why a track at this rate is not the span: as many frames as the rate asks for, give or take one."""
        expected = (span.end_pts - span.start_pts) * span.time_base * self.rate
        if abs(len(track.pts) - expected) > 1.5 or track.pts[0] != 0:
            return f"about {float(expected):.1f} frames were expected, {len(track.pts)} came"
        return ""


USUAL = Target()
