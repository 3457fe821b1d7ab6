"""Films of eight patches of known colours in every kind of coding, and how far a finished file is from them.

Colours are those that a screen shows, red, green and blue of 255. A file is read as its own tags say, and as browsers
read one that has none. Nothing here knows the product.
"""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colours = Sequence[tuple[int, int, int]]
Picture = NDArray[np.float64]  # [height, width, 3], levels of 255

BARS: Colours = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255), (200, 120, 40), (40, 90, 160),
)  # fmt: skip
SCENE: Colours = (
    (255, 255, 255), (190, 190, 190), (118, 118, 118), (60, 60, 60),
    (200, 40, 40), (40, 160, 60), (40, 60, 200), (230, 180, 140),
)  # fmt: skip
RATE, SHOT = 25, 10
WHITE_NITS, WHITE_HLG = 203, 0.265
# ITU-R BT.2087: light of BT.709's primaries in those of BT.2020.
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
KR_KB = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # by H.273's number
UNSTATED, FULL, PQ, HLG, HD_LINES = 2, 2, 16, 18, 720


def light(shown: Picture) -> Picture:
    """A screen's colours, 0 to 1, as light (IEC 61966-2-1)."""
    return np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)


def on_screen(lit: Picture) -> Picture:
    """Light, 1 for white, as a screen's colours, 0 to 1."""
    lit = np.clip(lit, 0, 1)
    return np.where(lit <= 0.0031308, 12.92 * lit, 1.055 * lit ** (1 / 2.4) - 0.055)


def to_pq(lit: Picture) -> Picture:
    """SMPTE ST 2084."""
    y = (WHITE_NITS * lit / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def from_pq(signal: Picture) -> Picture:
    y = np.clip(signal, 0, 1) ** (1 / 78.84375)
    return 10000 / WHITE_NITS * (np.maximum(y - 0.8359375, 0) / (18.8515625 - 18.6875 * y)) ** (1 / 0.1593017578125)


def to_hlg(lit: Picture) -> Picture:
    """ITU-R BT.2100, table 5, of the light of the scene."""
    e = WHITE_HLG * lit
    return np.where(
        e <= 1 / 12, np.sqrt(3 * e), 0.17883277 * np.log(np.maximum(12 * e - 0.28466892, 1e-9)) + 0.55991073
    )


def from_hlg(signal: Picture) -> Picture:
    x = np.clip(signal, 0, 1)
    return np.where(x <= 0.5, x * x / 3, (np.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12) / WHITE_HLG


def patches(colours: Colours, width: int, height: int) -> Picture:
    """The picture of these colours, side by side."""
    row = np.repeat(np.array(colours, np.float64), width // len(colours), axis=0)
    return np.broadcast_to(row, (height, *row.shape))


def film(
    path: Path,
    *options: str,
    size: tuple[int, int] = (640, 360),
    colours: Colours = BARS,
    signal: str = "",
    shots: int = 2,
) -> Path:
    """Shots of SHOT frames of the patches, every second one backwards, encoded by `options`. `signal`: pq,
    hlg, or wide: BT.2020 of ordinary light."""
    code: dict[str, Callable[[Picture], Picture]] = {"pq": to_pq, "hlg": to_hlg, "wide": on_screen}
    frames = []
    for shot in range(shots):
        picture = patches(colours[:: -1 if shot % 2 else 1], *size)
        if signal:
            whole = code[signal](light(picture / 255) @ TO_2020.T) * 65535
            frames += [np.round(whole).astype("<u2").tobytes()] * SHOT
        else:
            frames += [picture.astype(np.uint8).tobytes()] * SHOT
    raw = (
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb48le" if signal else "rgb24",
        "-s",
        f"{size[0]}x{size[1]}",
        "-r",
        f"{RATE}",
    )
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *raw, "-i", "-", *options, str(path)]
    subprocess.run(command, input=b"".join(frames), check=True)
    return path


def converted(matrix: str, range_: str, pixel_format: str, *stated: str) -> tuple[str, ...]:
    """Options that write RGB as YUV of this matrix and range. `stated`: what the file says of its matrix, range,
    primaries and transfer; nothing unless given.
    """
    names = ("colorspace", "range", "color_primaries", "color_trc")
    said = ":".join(f"{name}={value}" for name, value in zip(names, stated or ["unknown"] * 4, strict=True))
    exact = "flags=bicubic+accurate_rnd+full_chroma_int"
    return ("-vf", f"scale=out_color_matrix={matrix}:out_range={range_}:{exact},format={pixel_format},setparams={said}")


X264 = ("-c:v", "libx264", "-crf", "4", "-preset", "veryfast", "-g", "10")
BT709 = ("bt709", "tv", "bt709", "bt709")
BT601 = ("smpte170m", "tv", "smpte170m", "smpte170m")
VP9 = ("-c:v", "libvpx-vp9", "-crf", "4", "-b:v", "0", "-speed", "8")
HD, SD = (1280, 720), (640, 360)


def hdr(path: Path, signal: str, *, size: tuple[int, int] = SD, codec: str = "hevc") -> Path:
    """SCENE as 10-bit PQ, HLG or ordinary light (wide) in BT.2020."""
    transfer = {"pq": "smpte2084", "hlg": "arib-std-b67", "wide": "bt2020-10"}[signal]
    said = f"colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited"
    x265 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "2", "-tag:v", "hvc1")
    encoder = (*x265, "-x265-params", f"log-level=none:keyint=10:{said}") if codec == "hevc" else X264
    to_yuv = converted("bt2020nc", "tv", "yuv420p10le", "bt2020nc", "tv", "bt2020", transfer)
    return film(path, *to_yuv, *encoder, size=size, colours=SCENE, signal=signal)


def _file(name: str, *options: str, size: tuple[int, int] = SD) -> Callable[[Path], Path]:
    return lambda folder: film(folder / name, *options, size=size)


# Name → makes the film in a folder. All show BARS.
FILMS: dict[str, Callable[[Path], Path]] = {
    "rgb": _file("rgb.mkv", "-c:v", "libx264rgb", "-qp", "0", "-preset", "ultrafast"),
    "rgb_hd": _file("rgb_hd.mkv", "-c:v", "libx264rgb", "-qp", "0", "-preset", "ultrafast", size=HD),
    "untagged_sd": _file("untagged_sd.mp4", *converted("bt601", "tv", "yuv420p"), *X264),
    "untagged_hd": _file("untagged_hd.mp4", *converted("bt709", "tv", "yuv420p"), *X264, size=HD),
    "tagged_709_sd": _file("tagged_709_sd.mp4", *converted("bt709", "tv", "yuv420p", *BT709), *X264),
    "tagged_601_hd": _file("tagged_601_hd.mp4", *converted("bt601", "tv", "yuv420p", *BT601), *X264, size=HD),
    "full_709": _file("full_709.mp4", *converted("bt709", "pc", "yuv420p", "bt709", "pc", "bt709", "bt709"), *X264),
    "jpeg_hd": _file("jpeg_hd.avi", *converted("bt601", "pc", "yuvj422p"), "-c:v", "mjpeg", "-q:v", "2", size=HD),
    "prores_4444": _file(
        "prores.mov", *converted("bt709", "tv", "yuva444p10le", *BT709), "-c:v", "prores_ks", "-profile:v", "4444"
    ),
    "vp9": _file("vp9.webm", *converted("bt709", "tv", "yuv420p", *BT709), *VP9, size=HD),
}


def largest_error(picture: Picture, colours: Colours) -> float:
    """The largest difference of a picture's patches from these colours, at the middle of each, in levels of 255."""
    height, width, _ = picture.shape
    worst = 0.0
    for number, colour in enumerate(colours):
        at = round((number + 0.5) * width / len(colours))
        found = picture[height // 3 : 2 * height // 3, at - 4 : at + 4].reshape(-1, 3).mean(axis=0)
        worst = max(worst, float(np.abs(found - colour).max()))
    return worst


def shown(path: Path, number: int = 0) -> Picture:
    """A JPEG, or a video's frame of this number, as a screen shows it."""
    if path.suffix == ".jpg":
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"), np.float64)
    with av.open(str(path)) as container:
        for _, frame in zip(range(number + 1), container.decode(video=0), strict=False):
            found = frame
    return of_frame(found)


def of_frame(frame: av.VideoFrame) -> Picture:
    """A decoded frame as a screen shows it, by its own tags."""
    if frame.format.is_rgb:
        return frame.to_ndarray(format="rgb24").astype(np.float64)
    matrix = int(frame.colorspace)
    if matrix == UNSTATED or matrix not in KR_KB:
        matrix = 1 if frame.height >= HD_LINES else 6
    is_full = int(frame.color_range) == FULL or frame.format.name.startswith("yuvj")
    y, u, v = _planes(frame)
    y, chroma = (y, 1.0) if is_full else ((y * 255 - 16) / 219, 224 / 255)
    red, blue = KR_KB[matrix]
    r = y + 2 * (1 - red) * (u_of(v)) / chroma
    b = y + 2 * (1 - blue) * (u_of(u)) / chroma
    signal = np.clip(np.stack([r, (y - red * r - blue * b) / (1 - red - blue), b], axis=2), 0, 1)
    transfer = int(frame.color_trc)
    if transfer not in (PQ, HLG):
        return signal * 255
    lit = from_pq(signal) if transfer == PQ else from_hlg(signal)
    return on_screen(lit @ np.linalg.inv(TO_2020).T) * 255


def u_of(plane: Picture) -> Picture:
    """A plane of chroma, 0 to 1, about 0."""
    return plane - 128 / 255


def _planes(frame: av.VideoFrame) -> list[Picture]:
    """Luma and chroma at full size, 0 to 1 of 8 bits' range: 16/255 is limited black whatever the depth."""
    planes = []
    bits = frame.format.components[0].bits
    for place, plane in enumerate(list(frame.planes)[:3]):
        kind = np.dtype("<u2") if bits > 8 else np.dtype("u1")
        whole = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width] / 2.0 ** (bits - 8) / 255
        rows, columns = frame.height // plane.height, frame.width // plane.width
        planes.append(whole.repeat(rows, 0).repeat(columns, 1) if place else whole)
    return planes
