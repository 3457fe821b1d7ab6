"""How well texts find clips: `python benchmarks/retrieval.py [--model NAME] [--stills SOURCE] [--held-out]`.

Each photo becomes a clip the way the sample reel does it: a slow zoom and pan, of which three stills are taken.
`--stills proxy` or `sample` makes a film of each photo and takes the stills out of what `prepare` makes of that film.
Prints Markdown: recall@1, @5, @10 and mean reciprocal rank, for the label itself and for paraphrases, by strategy.
`--held-out` adds, for the starter, what it makes of classes that its fit has not seen.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from retrieval_films import SOURCES, film_stills
from retrieval_held_out import held_out_classes, held_out_photos
from retrieval_photos import Concept, photos, thumbnails

from heaters.models.embedder import Embedder, Vectors, load_embedder, pool

Take = Callable[[Image.Image], list[Image.Image]]  # the stills of a photo
STRATEGIES = ("single", "multi_average")
_CUTOFFS = (1, 5, 10)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="starter", help="as HEATERS_MODEL (default: starter)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "heaters-benchmark")
    parser.add_argument("--stills", default="photo", choices=("photo", *SOURCES), help="where the stills come from")
    parser.add_argument("--held-out", action="store_true", help="also classes left out of the starter's fit")
    arguments = parser.parse_args()
    model = load_embedder(arguments.model, cache=arguments.cache, device=arguments.device)
    say(f"Model `{model.model}`, {model.dimension} dimensions, on {model.device}; stills: {arguments.stills}.\n")
    take = stills if arguments.stills == "photo" else partial(film_stills, source=arguments.stills)
    say("| photos | queries | strategy | n | R@1 | R@5 | R@10 | MRR |")
    say("|---|---|---|---|---|---|---|---|")
    for title, concepts in (("photos", photos()), ("32-pixel photos", thumbnails())):
        if concepts:
            measure(title, model, concepts, take)
    if arguments.held_out:
        say("\n" + held_out_classes())
        say("\n" + held_out_photos(photos(), stills, rank))


def measure(title: str, model: Embedder, concepts: Sequence[Concept], take: Take) -> None:
    """Print one row for each strategy and kind of query."""
    pictures = [(concept, photo) for concept in concepts for photo in concept.photos()]
    shown = np.array([concept.name for concept, _ in pictures])
    vectors = [model.embed_images(take(photo)) for _, photo in pictures]
    for strategy in STRATEGIES:
        clips = np.stack([pool(of_clip, strategy) for of_clip in vectors])
        kinds = {
            "label": [(concept.name, concept.name) for concept in concepts],
            "paraphrase": [(text, concept.name) for concept in concepts for text in concept.paraphrases],
        }
        for kind, queries in kinds.items():
            if queries:
                scores = model.embed_texts([text for text, _ in queries]) @ clips.T
                ranks = [rank(row, shown == name) for row, (_, name) in zip(scores, queries, strict=True)]
                say(f"| {len(pictures)} {title} | {kind} | {strategy} | {len(queries)} | {figures(ranks)} |")


def stills(photo: Image.Image) -> list[Image.Image]:
    """Three stills of a zoom out and pan to the right and down."""
    picture = photo.convert("RGB")
    width, height = picture.size
    boxes = [(0.1 * k * width, 0.05 * k * height, (0.8 + 0.1 * k) * width, (0.9 + 0.05 * k) * height) for k in range(3)]
    return [picture.crop((round(a), round(b), round(c), round(d))) for a, b, c, d in boxes]


def rank(scores: Vectors, relevant: np.ndarray) -> int:
    """Rank, from 1, of the best relevant clip; ties count against it."""
    return int((scores[~relevant] >= scores[relevant].max()).sum()) + 1


def figures(ranks: Sequence[int]) -> str:
    """R@1 | R@5 | R@10 | MRR."""
    found = np.array(ranks)
    return " | ".join([*(f"{(found <= k).mean():.2f}" for k in _CUTOFFS), f"{(1 / found).mean():.3f}"])


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
