"""The words by which ffmpeg's muxer `tee` writes packets and a log of them. Pure."""

import re
from pathlib import Path


def tee(out: Path, form: str, packet_log: Path) -> str:
    """Packets go to `out` by the muxer `form`, and a line for each to a log of the muxer `framecrc`."""
    return f"[f={form}]{_name(out)}|[f=framecrc]{_name(packet_log)}"


def _name(path: Path) -> str:
    """A file's name as the muxer `tee` takes it apart."""
    return "file:" + re.sub(r"([\\'|\s])", r"\\\1", str(path))
