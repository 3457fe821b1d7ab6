"""Masters to copy clips from: `FILMS[name].make(folder)` writes one whose frame n shows n."""

from dataclasses import dataclass, field
from pathlib import Path

import barcode
from sources import NTSC, SOURCES, Factory, remux

GOP = 24
FRAMES = 3 * GOP
SIDES = {"width": 160, "height": 96}
X264 = {"preset": "veryfast", "crf": "18", "bf": "3", "g": str(GOP), "sc_threshold": "0"}
X265 = {"preset": "ultrafast", "crf": "18"}
ALL_OF_SECOND_GOP = (GOP, 2 * GOP)

Clip = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Film:
    """A master, and how many frames of some clips are copied at least; a word of the rule where none is."""

    make: Factory
    copied: dict[Clip, int | str]
    chromium: bool = field(default=False)  # whether Debian's Chromium has its decoder


def _h264(name: str, *, extra: str = "", frames: int = FRAMES, **how: object) -> Factory:
    params = {"x264-params": extra} if extra else {}

    def make(folder: Path) -> Path:
        return barcode.write(
            folder / name,
            frames,
            **SIDES,
            options={**X264, **params},
            tone_seconds=frames / 25,
            **how,  # type: ignore[arg-type]
        )

    return make


def _hevc(name: str, extra: str, **how: object) -> Factory:
    options = {**X265, "x265-params": f"log-level=none:keyint={GOP}:min-keyint={GOP}:scenecut=0:{extra}"}
    return lambda folder: barcode.write(folder / name, FRAMES, **SIDES, codec="libx265", options=options, **how)  # type: ignore[arg-type]


def _remuxed(make: Factory, name: str) -> Factory:
    return lambda folder: remux(make(folder), name)


def lying(folder: Path) -> Path:
    """An MP4 whose list of key frames names frames 0, 12 and 36 in decode order: the last two are none."""
    path = _h264("lying.mp4")(folder)
    data = path.read_bytes()
    honest = b"stss" + b"".join(number.to_bytes(4, "big") for number in (0, 3, 1, 25, 49))
    assert data.count(honest) == 1
    path.write_bytes(data.replace(honest, b"stss" + b"".join(n.to_bytes(4, "big") for n in (0, 3, 1, 13, 37))))
    return path


def trimmed(folder: Path) -> Path:
    """Cut without re-encoding in mid-GOP: frames 13 to 71 are shown, 0 to 12 are there and hidden."""
    return remux(_h264("whole.mp4")(folder), "trimmed.mp4", "-ss", "0.52")


def two_sizes_of_sets(folder: Path) -> Path:
    """Two encodings one after the other in a transport stream: other parameter sets from frame 36 on."""
    first = remux(_h264("1.mp4", frames=36)(folder), "1.ts", after=("-muxdelay", "0"))
    second = barcode.write(
        folder / "2.mp4", 36, **SIDES, options={**X264, "bf": "0", "refs": "1"}, first_number=36, tone_seconds=1.44
    )
    after = remux(second, "2.ts", after=("-output_ts_offset", "1.52", "-muxdelay", "0"))
    out = folder / "changing.ts"
    out.write_bytes(first.read_bytes() + after.read_bytes())
    return out


def vp9(folder: Path) -> Path:
    options = {"deadline": "realtime", "cpu-used": "8", "crf": "15", "g": str(GOP), "keyint_min": str(GOP)}
    return barcode.write(folder / "film.webm", FRAMES, **SIDES, codec="libvpx-vp9", options=options)


def av1(folder: Path) -> Path:
    """By another process: see `sources.av1`."""
    plain = barcode.write(folder / "plain.mkv", FRAMES, **SIDES, codec="ffv1")
    barcode.ffmpeg("-i", plain, "-c:v", "libsvtav1", "-preset", "10", "-crf", "15", "-g", str(GOP), folder / "av1.mp4")
    return folder / "av1.mp4"


USUAL: dict[Clip, int | str] = {
    ALL_OF_SECOND_GOP: GOP, (0, FRAMES): FRAMES, (10, 61): 33, (GOP, GOP + 1): 1,
    (30, 48): "no clean key", (5, 6): "no clean key",
}  # fmt: skip
ANY_FROM_KEY: dict[Clip, int | str] = {ALL_OF_SECOND_GOP: GOP, (GOP, 61): 33, (10, 61): "no clean key"}

FILMS: dict[str, Film] = {
    "b_pyramid": Film(make=_h264("film.mp4", extra="b-pyramid=normal"), copied=USUAL, chromium=True),
    "no_b_frames": Film(make=_h264("film.mp4", extra="bframes=0"), copied=USUAL | {(10, 61): 37}, chromium=True),
    "slices": Film(make=_h264("film.mp4", extra="slices=4"), copied=USUAL, chromium=True),
    "matroska": Film(make=_h264("film.mkv"), copied=USUAL, chromium=True),
    "transport_stream": Film(make=_h264("film.ts"), copied=USUAL, chromium=True),
    "quicktime": Film(make=_h264("film.mov", rate=NTSC), copied=USUAL),
    "ten_bits": Film(make=_h264("film.mp4", pix_fmt="yuv420p10le"), copied=USUAL),
    "full_chroma": Film(make=_h264("film.mp4", pix_fmt="yuv444p"), copied=USUAL),
    "open_gop": Film(
        make=_h264("film.mp4", extra="open-gop=1"), copied={(10, 61): "open group", (0, 61): 56}, chromium=True
    ),
    "one_key": Film(make=_h264("film.mp4", extra="keyint=999"), copied={(10, 61): "no clean key", (0, 61): 56}),
    "interlaced": Film(make=_h264("film.mp4", extra="interlaced=1"), copied={(10, 61): "interlaced"}),
    "lying": Film(make=lying, copied=USUAL, chromium=True),
    "trimmed": Film(make=trimmed, copied={(0, 59): 48, (0, 8): "no clean key", (11, 35): 24}, chromium=True),
    "changing_sets": Film(make=two_sizes_of_sets, copied={(24, 72): "changing", (36, 60): 24, (40, 70): 10}),
    "vfr": Film(make=SOURCES["vfr"], copied={(24, 48): 24, (10, 40): 13}, chromium=True),
    "turned": Film(make=SOURCES["turned_90"], copied={(24, 30): 6, (10, 30): 6}, chromium=True),
    "wide_pixels": Film(make=SOURCES["wide_pixels"], copied={(0, 20): 20, (0, 15): 10}),
    "late_start": Film(make=SOURCES["late_start"], copied={(24, 48): 24, (10, 40): 13}),
    "audio_first": Film(make=SOURCES["audio_first"], copied={(24, 48): 24, (10, 40): 13}),
    "hevc_cra": Film(make=_hevc("film.mp4", "open-gop=1:bframes=3"), copied={(10, 61): 30, (20, 72): 40}),
    "hevc_idr": Film(make=_hevc("film.mp4", "open-gop=0:bframes=3"), copied={(10, 61): 30, (24, 48): 24}),
    "hevc_ten_bits": Film(
        make=_remuxed(_hevc("film.mp4", "open-gop=1:bframes=3", pix_fmt="yuv420p10le"), "film.ts"),
        copied={(10, 61): 30, (20, 72): 40},
    ),
    "vp9": Film(make=vp9, copied=ANY_FROM_KEY, chromium=True),
    "av1": Film(make=av1, copied=ANY_FROM_KEY, chromium=True),
    "bare_stream": Film(make=SOURCES["bare_stream"], copied={(0, 20): "cannot be read: no seek"}),
    "mpeg4": Film(make=SOURCES["avi"], copied={(0, 20): "codec"}),
}
