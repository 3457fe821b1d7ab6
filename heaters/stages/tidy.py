"""What one machine keeps: leftovers of killed workers go, and whatever is of withdrawn videos."""

import os
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from heaters.settings import Settings
from heaters.stages.scratch import remove_stale_dirs
from heaters.store.cache import Cache

HASH_DIGITS = 64


def stills_folder(settings: Settings) -> Path:
    """Where the UI keeps the pictures that it made of clips, below folders of a few names each."""
    return settings.home / "stills"


def tidy(settings: Settings, *, contents: AbstractSet[str], videos: AbstractSet[int]) -> int:
    """Delete scratch folders of dead processes, cached files that are older than settings say, and cached files and
    pictures of the videos with these hashes.

    Of `videos`, which are withdrawn by their numbers, partial downloads go as well. Returns how many things went.
    """
    gone = remove_stale_dirs(settings.scratch, abandoned=frozenset(f"download-{video}" for video in videos))
    cache = Cache.of(settings)
    gone += cache.forget_old()
    if contents:
        gone += cache.forget(contents) + _forget_stills(stills_folder(settings), contents)
    return gone


def _forget_stills(root: Path, contents: AbstractSet[str]) -> int:
    """Pictures have names `<hash of the video>-…`; older ones do not say whose they are, and can be made again."""
    gone = 0
    with suppress(FileNotFoundError):
        for folder in root.iterdir():
            for entry in os.scandir(folder):
                if entry.name[:HASH_DIGITS] in contents or entry.name[HASH_DIGITS : HASH_DIGITS + 1] == ".":
                    Path(entry.path).unlink(missing_ok=True)
                    gone += 1
    return gone
