"""What an export's file depends on, as one word."""

from typing import Protocol

EXPORT_PROFILES = ("copy", "encode", "proxy", "none")
EXPORT_CODECS = ("h264", "hevc", "av1")
KEEP = "keep"
EXPORT_HDR, EXPORT_FIELDS = (KEEP, "tonemap"), (KEEP, "deinterlace")


class Exports(Protocol):
    """The settings of exports."""

    @property
    def export_profile(self) -> str: ...
    @property
    def export_codec(self) -> str: ...
    @property
    def export_crf(self) -> float: ...
    @property
    def export_size(self) -> str: ...
    @property
    def export_rate(self) -> str: ...
    @property
    def export_hdr(self) -> str: ...
    @property
    def export_fields(self) -> str: ...


def export_variant(settings: Exports) -> str:
    """The profile, and what its file depends on besides; a word that fits into a key."""
    changed = [word for word in (settings.export_hdr, settings.export_fields) if word != KEEP]
    if settings.export_profile == "copy":
        return "-".join(["copy", *changed])
    if settings.export_profile != "encode":
        return settings.export_profile
    codec = [settings.export_codec] * (settings.export_codec != EXPORT_CODECS[0])
    crf = [f"crf{settings.export_crf:g}"] * (settings.export_crf != 0)
    size = [settings.export_size] * bool(settings.export_size)
    rate = [f"{settings.export_rate.replace('/', '_')}fps"] * bool(settings.export_rate)
    return "-".join([settings.export_profile, *codec, *crf, *size, *rate, *changed])
