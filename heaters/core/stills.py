"""The stills of a clip: where a strategy has them in the clip, and where they lie in the store. It reads none."""

from heaters.core import keys


def places(strategy: str) -> dict[str, float]:
    """Where the stills of a strategy lie, in per cent of the clip's frames, by tag: tags sort in time order.

    midpoint: p50. multi: p25, p50, p75. multi:N: N of them evenly, `100 · i / (N + 1)`.
    """
    if strategy == "midpoint":
        return {"p50": 50.0}
    count = int(strategy.partition(":")[2] or 3)
    percents = [100 * i / (count + 1) for i in range(1, count + 1)]
    return {f"p{round(percent):02d}": percent for percent in percents}


def still_frames(start_frame: int, end_frame: int, strategy: str) -> dict[str, int]:
    """The frame of each tag: `start + floor(length · per cent / 100)`, always inside `[start_frame, end_frame)`."""
    length = end_frame - start_frame
    return {tag: start_frame + int(length * percent / 100) for tag, percent in places(strategy).items()}


def still_keys(content_hash: str, start_frame: int, end_frame: int, strategy: str) -> dict[str, str]:
    """The object of each tag."""
    word = strategy.replace(":", "-")
    return {tag: keys.keyframe(content_hash, start_frame, end_frame, word, tag) for tag in places(strategy)}
