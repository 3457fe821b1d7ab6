"""NVDEC (the `gpu` extra: torchcodec) against the CPU: frames decoded a second at 720p, 1080p and 4K."""

import os
import time
from pathlib import Path

from prepare import run, source
from results import table

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
SECONDS = 12
BATCH = 32


def nvdec(path: Path, device: str) -> str:
    """Frames a second by torchcodec on a GPU, or why there are none."""
    try:
        from torchcodec.decoders import VideoDecoder
    except (ImportError, RuntimeError) as error:  # RuntimeError: no fitting FFmpeg libraries
        return f"none: pip install 'heaters[gpu]' ({str(error).splitlines()[0][:60]})"
    try:
        decoder = VideoDecoder(str(path), device=device)
        count, begun = len(decoder), time.perf_counter()
        for start in range(0, count, BATCH):
            decoder.get_frames_in_range(start, min(start + BATCH, count))
        return f"{count / (time.perf_counter() - begun):.0f}"
    except RuntimeError as error:
        return f"failed: {str(error).splitlines()[0][:60]}"


def decoders(device: str, folder: Path) -> str:
    """The table. Sources are made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = source(folder, SECONDS)
    rows = []
    for name, (width, height) in SIZES.items():
        path = folder / f"{name}.mp4"
        if not path.exists():
            run(["-i", str(whole), "-vf", f"scale={width}:{height}", "-an", "-c:v", "libx264", "-crf", "20", str(path)])
        seconds = run(["-threads", str(os.cpu_count() or 1), "-i", str(path), "-f", "null", "-"])
        rows.append([name, f"{SECONDS * 25 / seconds:.0f}", nvdec(path, device)])
        print(*rows[-1], flush=True)
    return table(["H.264", f"CPU, {os.cpu_count()} threads", "NVDEC"], rows)
