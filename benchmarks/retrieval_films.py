"""Stills as the pipeline has them: a photo becomes a film of two seconds, which is prepared as any master is."""

import io
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from heaters.core.stills import sampled_frames, still_frames
from heaters.media import ffmpeg
from heaters.media.frames import FrameReader, jpeg
from heaters.media.prepare import prepare
from heaters.media.probe import probe
from heaters.media.samples import SampleTrack

FRAMES, RATE = 50, 25
STRATEGY = "multi"
QUALITY = 90  # of stills out of proxies, as they were made before there were sample tracks
SOURCES = ("proxy", "sample")


def film_stills(photo: Image.Image, source: str) -> list[Image.Image]:
    """Three stills of a slow pan over a photo, to the right and down, out of its film's proxy or sample track."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        master = folder / "master.mp4"
        _film(photo.convert("RGB"), master)
        made = prepare(master, folder, probe(master), threads=2, timeout_seconds=60, with_proxy=source == "proxy")
        if source == "proxy":
            assert made.proxy is not None
            with FrameReader(made.proxy) as reader:
                wanted = list(still_frames(0, FRAMES, STRATEGY).values())
                jpegs = [jpeg(picture, QUALITY) for picture in reader.read(wanted)]
        else:
            with SampleTrack(made.samples) as track:
                chosen = sampled_frames(0, FRAMES, STRATEGY, track.frames.tolist())
                jpegs = [track.read(frame).jpeg for frame in chosen.values()]
        return [Image.open(io.BytesIO(data)).convert("RGB") for data in jpegs]


def _film(photo: Image.Image, path: Path) -> None:
    """H.264 as a camera or a site would give it: CRF 20, two seconds."""
    width, height = photo.size
    side = (int(0.8 * width) // 2 * 2, int(0.9 * height) // 2 * 2)
    boxes = [(round(0.2 * width * n / (FRAMES - 1)), round(0.1 * height * n / (FRAMES - 1))) for n in range(FRAMES)]
    boxes = [(min(x, width - side[0]), min(y, height - side[1])) for x, y in boxes]
    subprocess.run(
        [
            *(ffmpeg.binary(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
            *("-s", f"{side[0]}x{side[1]}", "-r", str(RATE), "-i", "-"),
            *("-c:v", "libx264", "-preset", "medium", "-crf", "20", "-pix_fmt", "yuv420p", str(path)),
        ],
        input=b"".join(photo.crop((x, y, x + side[0], y + side[1])).tobytes() for x, y in boxes),
        check=True,
        capture_output=True,
    )
