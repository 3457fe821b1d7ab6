"""What lies in the store of a clip: the keys of its stills and files, by what the database says was made."""

from collections.abc import Iterable

from heaters.core import keys
from heaters.core.stills import still_keys


def made_keys(
    content_hash: str, start_frame: int, end_frame: int, *, strategies: Iterable[str], files: Iterable[str]
) -> list[str]:
    """The keys of every object made from a clip: stills by strategies, files by "profile params"."""
    span = (content_hash, start_frame, end_frame)
    stills = [key for strategy in strategies for key in still_keys(*span, strategy).values()]
    return stills + [keys.clip_export(*span, *file.split(" ")) for file in files]
