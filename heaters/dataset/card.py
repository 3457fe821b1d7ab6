"""The dataset's card: README.md with counts, how to read it, and plots. Equal datasets have equal cards."""

from collections import Counter
from collections.abc import Sequence

from heaters.core.charts import bars, histogram
from heaters.dataset.contents import Contents
from heaters.dataset.recipe import Recipe

SHOTS = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # clips of a source
LISTED = 20  # licences named

READ = {
    "webdataset": """```python
import webdataset
samples = webdataset.WebDataset("{split}/SHARD.tar").decode()   # .mp4, .json{more}
```""",
    "parquet": """```python
import datasets
clips = datasets.load_dataset("PATH_OF_THIS_FOLDER", split="{split}")   # `video_path` is relative to this folder
```""",
    "lance": """```python
import lance
clips = lance.dataset("data.lance")   # `video_bytes` is the file, `split` its split
```""",
}
PATTERNS = {"webdataset": "*.tar", "parquet": "*.parquet"}


def plots(found: Contents) -> dict[str, str]:
    """The plots of a dataset, by file name."""
    sources = histogram(found.clips_of_sources(), SHOTS)
    return {
        "plots/lengths.svg": bars("Lengths of clips", _floats(found.lengths), x="seconds", y="clips"),
        "plots/confidence.svg": bars(
            "Confidence of the cuts that detectors made", _floats(found.confidences), x="confidence", y="ends"
        ),
        "plots/sources.svg": bars("Clips a source", sources, x="clips", y="sources"),
    }


def _floats(counts: Counter[str]) -> dict[str, float]:
    return {name: float(count) for name, count in counts.items()}


def card(recipe: Recipe, found: Contents) -> str:
    """The text of README.md, with the head that Hugging Face's `datasets` reads."""
    everything = found.totals()
    rows = [(name, found.totals(name)) for name in recipe.splits.names]
    licences, kinds = found.licences, found.kinds
    vectors = f"{recipe.model}, {recipe.strategy}" if recipe.model else "none"
    used = [name for name, counts in rows if counts["clips"]]
    lines = [
        *_head(recipe, used),
        "# Clips",
        "",
        f"{everything['clips']} clips of {everything['sources']} source videos, "
        f"{everything['seconds'] / 3600:.2f} hours, {everything['size_bytes'] / 1e9:.3f} GB, each approved in review. "
        "Written by Heaters.",
        "",
        "| split | share | clips | sources | hours | frames | GB |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {name} | {float(share):.4g} | {counts['clips']} | {counts['sources']} "
            f"| {counts['seconds'] / 3600:.3f} | {counts['frames']} | {counts['size_bytes'] / 1e9:.3f} |"
            for (name, counts), (_, share) in zip(rows, recipe.splits.shares, strict=True)
        ),
        "",
        "All clips of a source are in one split, by the hash of its bytes"
        + (f" and the seed `{recipe.splits.seed}`" if recipe.splits.seed else "")
        + "; more clips never move those that are here.",
        "",
        "## Reading",
        "",
        READ[recipe.form].format(
            split=used[0] if used else recipe.splits.names[0],
            more="".join([", .p50.jpg, …" if recipe.stills else "", ", .npy" if recipe.model else ""]),
        ),
        "",
        f"Stills: {recipe.stills or 'none'}. Vectors: {vectors} (length 1, as stored). Checksums of shards are in "
        "`manifest.json`, those of each file in its record.",
        "",
        "## What is in it",
        "",
        "![Lengths](plots/lengths.svg)",
        "![Confidence](plots/confidence.svg)",
        "![Sources](plots/sources.svg)",
        "",
        "Cuts at the ends of clips: " + (", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "none") + ".",
        "",
        "Licences, as the sites state them: "
        + ", ".join(
            f"{name} ({n})" for name, n in sorted(licences.items(), key=lambda pair: (-pair[1], pair[0]))[:LISTED]
        )
        + ".",
        "",
    ]
    return "\n".join(lines)


def _head(recipe: Recipe, used: Sequence[str]) -> list[str]:
    if recipe.form not in PATTERNS or not used:
        return []
    files = [f"  - split: {name}\n    path: {name}/{PATTERNS[recipe.form]}" for name in used]
    return ["---", "configs:", "- config_name: default", "  data_files:", *files, "---", ""]
