"""Images a second: the embed stage against a loop of one image a call. `python benchmarks/embed.py [--model NAME]`.

The stage reads JPEG stills from a store, in calls of 64 clips with three stills each, as the runner gives them. The
loop does what a first script does: for each still read, decode, preprocess, one forward pass. Same model, threads and
files, same vectors (compared).
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from heaters.models.embedder import load_embedder, pool
from heaters.settings import load
from heaters.stages.base import Context
from heaters.stages.embed import Input, Worker
from heaters.store.objects import open_store

CLIPS_PER_CALL, TAGS = 64, ("p25", "p50", "p75")


def main() -> None:
    """Measure both and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="starter", help="as HEATERS_MODEL (default: starter)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--clips", type=int, default=128)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(load({"HEATERS_HOME": folder}), model=arguments.model, device=arguments.device)
        items = stills(Path(settings.store_location), arguments.clips)
        stage, stage_seconds = by_stage(settings, items, arguments.threads)
        loop, loop_seconds = by_loop(settings, items, arguments.threads)
    images = len(items) * len(TAGS)
    nearest = float((stage * loop).sum(axis=1).min())
    sys.stdout.write(
        f"Model `{arguments.model}` on {arguments.device}, {arguments.threads} threads, {images} stills of 1280×720: "
        f"stage {images / stage_seconds:.1f} images/s, one a call {images / loop_seconds:.1f} images/s, "
        f"**ratio {loop_seconds / stage_seconds:.2f}**; the same vectors (smallest cosine {nearest:.5f}).\n"
    )


def stills(store: Path, clips: int) -> list[Input]:
    """Inputs of the stage, with their stills in the store: smooth pictures with some noise, about 100 kB each."""
    chance, items = np.random.default_rng(0), []
    store.mkdir(parents=True)
    for clip in range(1, clips + 1):
        names = []
        coarse = Image.fromarray(chance.integers(0, 255, (9, 16, 3), dtype=np.uint8)).resize((1280, 720), Image.BICUBIC)
        for tag in TAGS:
            noisy = np.asarray(coarse, np.int16) + chance.integers(-12, 12, (720, 1280, 1), dtype=np.int16)
            names.append(f"{clip}-{tag}.jpg")
            Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(store / names[-1], quality=90)
        items.append(Input(id=clip, tags=list(TAGS), keys=names))
    return items


def by_stage(settings, items: list[Input], threads: int) -> tuple[np.ndarray, float]:  # type: ignore[no-untyped-def]
    """Vectors and seconds of the stage's own worker, warm."""
    worker, context = Worker(settings), Context(threads=threads)
    worker(items[:CLIPS_PER_CALL], context)
    found = []
    begun = time.perf_counter()
    for start in range(0, len(items), CLIPS_PER_CALL):
        found += worker(items[start : start + CLIPS_PER_CALL], context)
    seconds = time.perf_counter() - begun
    return np.array([result.vector for result in found], np.float32), seconds  # type: ignore[union-attr]


def by_loop(settings, items: list[Input], threads: int) -> tuple[np.ndarray, float]:  # type: ignore[no-untyped-def]
    """Vectors and seconds of one image a call, warm."""
    torch.set_num_threads(threads)
    embedder = load_embedder(settings.model, device=settings.device, cache=settings.home / "models", towers="image")
    store = open_store(settings.store_location)
    local = Path(settings.store_location)
    embedder.embed_images([Image.open(local / items[0].keys[0])])
    found = []
    begun = time.perf_counter()
    for item in items:
        vectors = [
            embedder.embed_images([Image.open(store.local_path(key) or local / key).convert("RGB")])[0]
            for key in item.keys
        ]
        found.append(pool(np.stack(vectors), settings.embedding_strategy))
    return np.stack(found), time.perf_counter() - begun


if __name__ == "__main__":
    main()
