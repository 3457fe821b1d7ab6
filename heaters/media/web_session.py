"""One yt-dlp session of the download child: its options, its bounded reads, its progress and limits.

It does not know strategies or what an error means. Nothing is read from the user's configuration, and nothing printed.
"""

import io
import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.downloader.external import FFmpegFD
from yt_dlp.networking import Request, Response
from yt_dlp.utils import DownloadCancelled

from heaters.media.formats import Choice
from heaters.media.web_merge import Merger

SOCKET_TIMEOUT_SECONDS = 20
RETRIES = 4  # of one request, inside yt-dlp; the child's own attempts and the stage's come on top
LONGEST_BACKOFF_SECONDS = 60.0

# A page or manifest is read into memory whole; no real one is near this.
MAX_PAGE_BYTES = 64 * 2**20

OnBytes = Callable[[int, int | None], None]


class LimitBroken(DownloadCancelled):  # type: ignore[misc]
    """A limit was reached; derived from what yt-dlp lets through untouched."""


class Session(YoutubeDL):  # type: ignore[misc]
    """A YoutubeDL that reads no page without a bound and resumes only what has not changed on the server."""

    def __init__(self, options: dict[str, Any], validators: "Validators") -> None:
        self._validators = validators
        super().__init__(options, auto_init=True)

    def urlopen(self, request: str | Request) -> Response:
        """Open a URL; see the class."""
        opened = Request(request) if isinstance(request, str) else request
        self._validators.ask(opened)
        response = super().urlopen(opened)
        self._validators.note(opened.url, response)
        unbounded = response.read

        def read(amount: int | None = None) -> bytes:
            if amount is not None:
                return bytes(unbounded(amount))
            parts, size_bytes = [], 0
            while part := unbounded(2**20):
                parts.append(part)
                size_bytes += len(part)
                if size_bytes > MAX_PAGE_BYTES:
                    raise LimitBroken(f"a page or manifest may have at most {MAX_PAGE_BYTES} bytes; this one has more")
            return b"".join(parts)

        response.read = read
        return response


class Validators:
    """Remembers what each URL's server said identifies its bytes (ETag, Last-Modified), across tries, in one file.

    A resumed request then carries If-Range: a server whose file has changed sends it whole, and yt-dlp starts over,
    instead of joining halves of two files.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def ask(self, request: Request) -> None:
        """Make a request that resumes conditional."""
        if str(request.headers.get("Range", "")).startswith("bytes=") and request.url in self._known:
            request.headers["If-Range"] = self._known[request.url]

    def note(self, url: str, response: Response) -> None:
        """Remember the validator of a response; weak ones may not be used for ranges (RFC 9110, 13.1.5)."""
        etag = response.headers.get("ETag") or ""
        mark = etag if etag.startswith('"') else response.headers.get("Last-Modified")
        if mark and self._known.get(url) != mark:
            self._known[url] = mark
            part = self._path.with_suffix(".tmp")
            part.write_text(json.dumps(self._known))
            part.replace(self._path)


class Log:
    """yt-dlp's logger: keeps the last lines, prints nothing."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=50)

    def debug(self, message: str) -> None:
        self.lines.append(message)

    info = warning = error = debug


class Meter:
    """Adds up what the formats of one download have brought, and holds it to the size limit."""

    def __init__(self, *, max_bytes: int, partial_bytes: Mapping[str, int], on_bytes: OnBytes) -> None:
        self._max_bytes = max_bytes
        self._partial_bytes = partial_bytes
        self._on_bytes = on_bytes
        self._done: dict[str, int] = {}
        self._total: dict[str, int | None] = {}
        self.resumed_bytes = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        """yt-dlp's progress hook. Raises LimitBroken, which stops the download in the middle of a block."""
        name = str(event["filename"])
        done_bytes = int(event.get("downloaded_bytes") or event.get("total_bytes") or 0)
        if name not in self._done:
            earlier = self._partial_bytes.get(Path(str(event.get("tmpfilename") or name)).name, 0)
            self.resumed_bytes += earlier if done_bytes >= earlier else 0
        self._done[name] = done_bytes
        self._total[name] = event.get("total_bytes")
        largest = max(sum(self._done.values()), sum(total or 0 for total in self._total.values()))
        if largest > self._max_bytes:
            claimed = event.get("total_bytes") or "no length"
            raise LimitBroken(
                f"a source may have at most {self._max_bytes} bytes (HEATERS_MAX_SOURCE_GIB); {done_bytes} bytes came "
                f"and the server claims {claimed}"
            )
        totals = self._total.values()
        self._on_bytes(sum(self._done.values()), sum(t or 0 for t in totals) if all(totals) else None)


def options(
    request: Mapping[str, Any],
    *,
    ffmpeg_folder: Path,
    sleep: Callable[[int], float],
    choice: Choice | None = None,
    stem: str = "",
    meter: Meter | None = None,
) -> dict[str, Any]:
    """yt-dlp's options: for looking at a source (`choice` None) or for fetching one choice of formats."""
    # Delegating to ffmpeg would let it open connections that the address guard cannot see; encrypted HLS is
    # decrypted natively instead, which is slower.
    FFmpegFD.available = classmethod(lambda _cls, _path=None: False)
    # The module of that name, which the class hides. There is no option for another merger.
    sys.modules["yt_dlp.YoutubeDL"].FFmpegMergerPP = Merger  # type: ignore[attr-defined]
    cookies = Path(request["cookies_file"]).read_text() if request["cookies_file"] else None
    return {
        "logger": Log(),
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "cachedir": False,
        "noplaylist": True,
        "extract_flat": "in_playlist",  # a playlist is recognised by its first entry, and not walked
        "playlist_items": "1",
        "lazy_playlist": True,
        "ignore_no_formats_error": choice is None,
        "format": _selector(choice),
        "outtmpl": {"default": str(Path(request["folder"]) / f"{stem}.%(ext)s")},
        "merge_output_format": choice.extension if choice and len(choice.formats) == 2 else None,
        "progress_hooks": [meter] if meter else [],
        "ffmpeg_location": str(ffmpeg_folder),
        "hls_prefer_native": True,
        "external_downloader": {"default": "native"},
        "updatetime": False,
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "ratelimit": request["bytes_per_second"] or None,
        "retries": RETRIES,
        "fragment_retries": RETRIES,
        "extractor_retries": RETRIES,
        "skip_unavailable_fragments": False,  # a video with holes is no success
        "retry_sleep_functions": dict.fromkeys(("http", "fragment", "file_access", "extractor"), sleep),
        "geo_bypass": False,  # would send made-up addresses in X-Forwarded-For
        "enable_file_urls": False,
        "nocheckcertificate": False,
        "proxy": request["proxy_url"],  # "" is none, whatever the environment says
        # A stream, because yt-dlp writes its jar back to a file that it is given by name.
        "cookiefile": io.StringIO(cookies) if cookies else None,
    }


def _selector(choice: Choice | None) -> Callable[[Mapping[str, Any]], Iterator[Mapping[str, Any]]]:
    """yt-dlp's format selector: the formats of the choice, found again by id in the list it hands over."""

    def select(context: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if choice is None:
            return
        by_id = {f["format_id"]: f for f in context["formats"]}
        found = [by_id[f["format_id"]] for f in choice.formats if f["format_id"] in by_id]
        if len(found) < len(choice.formats):
            return  # a fresh extraction no longer offers it: yt-dlp reports that the format is not available
        if len(found) == 1:
            yield found[0]
            return
        yield {
            "format_id": choice.format_id,
            "ext": choice.extension,
            "requested_formats": found,
            "protocol": "+".join(str(f.get("protocol") or "https") for f in found),
        }

    return select
