"""Bring a source here: a file on this machine, or an http(s) URL by yt-dlp in a child process.

It does not know whether the file holds decodable video; the probe does.
"""

from pathlib import Path

from heaters.core.address import is_url
from heaters.media.fetched import Fetched, FetchLimits, FetchProgress, OnProgress
from heaters.media.local_source import fetch_local
from heaters.media.web_source import fetch_web, list_web, read_web

__all__ = ["FetchLimits", "FetchProgress", "Fetched", "fetch", "is_s3", "is_url", "list_web", "read_web"]


def is_s3(source: str) -> bool:
    """Whether a source is a URL of S3: an object, or a prefix of some."""
    return source.lower().startswith("s3://")


def fetch(source: str, folder: Path, *, limits: FetchLimits, on_progress: OnProgress | None = None) -> Fetched:
    """Bring `source` (an absolute path or an http(s) URL) here and hash it.

    A local file is borrowed where it lies (`is_borrowed`); a download is written into `folder`, where an interrupted
    one also keeps its partial files: call again with the same folder to resume. `on_progress` is called at most a few
    times a second for downloads and once for each block of a local file; what it raises stops the fetch.

    Raises SourceRefused where trying again cannot help, FetchError where it may.
    """
    if is_url(source):
        return fetch_web(source, folder, limits=limits, on_progress=on_progress)
    return fetch_local(source, limits=limits, on_progress=on_progress)
