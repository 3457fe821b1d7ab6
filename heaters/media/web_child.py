"""The process that downloads: `python -m heaters.media.web_child`, started by `web_source`, one source each.

A request comes as one line of JSON on standard input, which then stays open: when it closes, the parent is gone and
this process ends itself and all that it started. Events go out as JSON lines: progress, done, refused, failed.
A process of its own makes limits, kills and the address guard clean: whatever a page does stays in here.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import av
from yt_dlp.version import __version__ as yt_dlp_version

from heaters.media import addresses, formats
from heaters.media.ffmpeg import binary
from heaters.media.network_guard import NetworkGuard
from heaters.media.web_errors import Outcome, Verdict, judge
from heaters.media.web_session import (
    LONGEST_BACKOFF_SECONDS,
    LimitBroken,
    Meter,
    Session,
    Validators,
    options,
)

ATTEMPTS = 4
MOST_ENTRIES = 10_000  # of a playlist: beyond it is an accident, or a whole site
# yt-dlp with all its extractors takes 150 MB; the rest is room for a large page and its regular expressions.
MEMORY_BYTES = 2 * 2**30
# Container overhead of a merged file over the sum of its parts.
MERGE_SLACK_BYTES = 64 * 2**20
_PROGRESS_SECONDS = 0.3
_LIVE = frozenset({"is_live", "is_upcoming", "post_live"})

T = TypeVar("T")


class StopError(Exception):
    """Ends the download with a verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class Download:
    """One source: extraction, the choice of formats, the tries."""

    def __init__(self, request: Mapping[str, Any], emit: Callable[..., None]) -> None:
        self._request = request
        self._emit = emit
        self._folder = Path(request["folder"])
        self._stem = str(request["stem"])
        self._guard = NetworkGuard(allow_private_hosts=request["allow_private_hosts"], proxy_url=request["proxy_url"])
        self._guard.install()
        self._ffmpeg_folder = _ffmpeg_folder(self._folder)
        self._validators = Validators(self._folder / f"{self._stem}.validators.json")
        self._next_progress = 0.0

    def run(self) -> None:
        """Fetch the best choice that works and emit `done`. Raises StopError."""
        info = self._trying(self._look)
        refuse_unfit(info)
        offered = list(info.get("formats") or ([info] if info.get("url") else []))  # yt-dlp's ways to say one format
        choices = formats.plan(offered)
        if not choices:
            raise _refused(f"the source must offer a video that can be fetched; {len(offered)} formats, none fits")
        first: StopError | None = None
        for choice in choices:
            try:
                done, meter = self._trying(partial(self._fetch, choice, info if choice is choices[0] else None))
            except StopError as stop:
                if not stop.verdict.is_of_format:
                    raise
                self._clean()  # each strategy is tried clean
                first = first or stop
                continue
            self._report(choice, done, meter, offered)
            return
        assert first is not None
        raise first

    def entries(self) -> None:
        """Emit the videos that a playlist or a page names, without fetching any. Raises StopError."""
        found, more = self._trying(self._entries)
        if more:
            raise _refused(f"a playlist has at most {MOST_ENTRIES} videos; this one has more")
        self._emit("done", entries=found)

    def _entries(self) -> tuple[list[str], bool]:
        settings = options(self._request, ffmpeg_folder=self._ffmpeg_folder, sleep=self._sleep)
        settings |= {"noplaylist": False, "playlist_items": f"1:{MOST_ENTRIES + 1}", "extract_flat": True}
        with Session(settings, self._validators) as session:
            info: dict[str, Any] = session.extract_info(self._request["url"], download=False) or {}
        listed = [_address(entry) for entry in info.get("entries") or [] if entry]
        found = list(dict.fromkeys(url for url in listed if url)) or [self._request["url"]]
        return found[:MOST_ENTRIES], len(found) > MOST_ENTRIES

    def text(self) -> None:
        """Emit the text at the URL, of bounded length. Raises StopError."""
        settings = options(self._request, ffmpeg_folder=self._ffmpeg_folder, sleep=self._sleep)

        def read() -> str:
            with Session(settings, self._validators) as session:
                return str(session.urlopen(self._request["url"]).read(), "utf-8-sig")

        self._emit("done", text=self._trying(read))

    def _look(self) -> dict[str, Any]:
        settings = options(self._request, ffmpeg_folder=self._ffmpeg_folder, sleep=self._sleep)
        with Session(settings, self._validators) as session:
            info: dict[str, Any] | None = session.extract_info(self._request["url"], download=False)
        return info or {}

    def _fetch(self, choice: formats.Choice, info: dict[str, Any] | None) -> tuple[dict[str, Any], Meter]:
        # Another try than the first starts from a fresh extraction: links expire, cookies are bound to a session.
        info = info or self._look()
        stem = f"{self._stem}-{choice.strategy}"
        partial_bytes = {path.name: path.stat().st_size for path in self._folder.glob(f"{stem}.*")}
        meter = Meter(max_bytes=self._request["max_bytes"], partial_bytes=partial_bytes, on_bytes=self._progress)
        settings = options(
            self._request,
            ffmpeg_folder=self._ffmpeg_folder,
            sleep=self._sleep,
            choice=choice,
            stem=stem,
            meter=meter,
        )
        with Session(settings, self._validators) as session:
            return session.process_ie_result(info, download=True), meter

    def _trying(self, action: Callable[[], T]) -> T:
        """Do `action`, again with back-off while it fails for now. Raises StopError."""
        for attempt in range(ATTEMPTS):
            try:
                return action()
            except StopError:
                raise
            except LimitBroken as error:
                raise _refused(str(error)) from error
            except Exception as error:
                verdict = self._verdict(error)
                wait_seconds = max(self._sleep(attempt), verdict.retry_after_seconds)
                last = attempt == ATTEMPTS - 1 or wait_seconds > LONGEST_BACKOFF_SECONDS
                if verdict.outcome is Outcome.REFUSED or verdict.is_of_format or last:
                    raise StopError(verdict) from error
                time.sleep(wait_seconds)
        raise AssertionError("the last attempt raises or returns")

    def _verdict(self, error: BaseException) -> Verdict:
        if self._guard.refusals:
            # Libraries wrap the guard's refusal beyond recognition; nothing else can be the reason after one.
            return Verdict(outcome=Outcome.REFUSED, message=self._guard.refusals[0])
        return judge(error)

    def _sleep(self, n: int) -> float:
        """Seconds before try n + 1 (yt-dlp's retry_sleep_functions, and ours)."""
        if self._guard.refusals:
            raise _refused(self._guard.refusals[0])
        return min(float(self._request["backoff_seconds"]) * 2.0**n, LONGEST_BACKOFF_SECONDS)

    def _progress(self, done_bytes: int, total_bytes: int | None) -> None:
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_SECONDS
            self._emit("progress", downloaded_bytes=done_bytes, total_bytes=total_bytes)

    def _clean(self) -> None:
        for path in self._folder.glob(f"{self._stem}-*"):
            path.unlink()

    def _report(
        self, choice: formats.Choice, done: Mapping[str, Any], meter: Meter, offered: list[formats.Format]
    ) -> None:
        path = Path(done["requested_downloads"][-1]["filepath"])
        self._emit(
            "done",
            path=str(path),
            title=_plain(done.get("title")),
            extension=path.suffix.lstrip("."),
            strategy=choice.strategy,
            formats_offered=formats.offered(offered),
            format_obtained=choice.format_id,
            resolution_obtained=obtained_resolution(path),
            resolution_best=formats.best_resolution(offered),
            provenance=provenance(done),
            resumed_bytes=min(meter.resumed_bytes, path.stat().st_size),
        )


def _address(entry: Mapping[str, Any]) -> str:
    """Where an entry of a playlist is found again: its own page, or the file that the page shows."""
    if entry.get("_type") in {"url", "url_transparent"}:
        return str(entry.get("url") or "")
    # Several videos of one page share its address: there the files themselves are told apart.
    best = (entry.get("formats") or [entry])[-1]
    return str(best.get("url") or entry.get("webpage_url") or "")


def refuse_unfit(info: Mapping[str, Any]) -> None:
    """Refuse playlists and live streams. Raises StopError."""
    if info.get("_type") in {"playlist", "multi_video"}:
        raise _refused("a source is one video; the URL names a playlist or a page with several")
    if info.get("is_live") or info.get("live_status") in _LIVE:
        raise _refused("live streams are refused; the URL names one")


def obtained_resolution(path: Path) -> tuple[int, int] | None:
    """Width and height from the file's header; None where it has no readable one, which the probe will judge."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            stream = next(iter(container.streams.video), None)
            return (stream.width, stream.height) if stream else None
    except av.error.FFmpegError:
        return None


def provenance(info: Mapping[str, Any]) -> dict[str, object]:
    """Where the video comes from, as far as the site tells; URLs without secrets."""
    names = ("extractor", "id", "uploader", "uploader_id", "channel", "channel_id", "upload_date", "license")
    facts: dict[str, object] = {name: _plain(info[name]) for name in names if info.get(name)}
    facts["webpage_url"] = addresses.show_url(str(info.get("webpage_url") or ""))
    facts["duration_seconds"] = info.get("duration")
    facts["sound_delay_seconds"] = (info.get("requested_downloads") or [{}])[-1].get("sound_delay_seconds")
    facts["yt_dlp_version"] = yt_dlp_version
    return {name: value for name, value in facts.items() if value}


def _plain(text: object) -> str:
    """Text that a database takes: no NUL, no lone surrogate; bounded, since a page may claim anything."""
    return str(text or "").replace("\0", "").encode("utf-8", "replace").decode()[:2000]


def _refused(message: str) -> StopError:
    return StopError(Verdict(outcome=Outcome.REFUSED, message=message))


def _ffmpeg_folder(folder: Path) -> Path:
    """A folder with a link named `ffmpeg`: yt-dlp goes by the name, and the packaged binary has another."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    link = programs / "ffmpeg"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(binary())
    return programs


def _die_with_parent(stream: TextIO) -> None:
    def wait() -> NoReturn:
        while stream.read(4096):
            pass
        os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Read the request, download, report; the last event says how it ended."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever prints, it is no event

    def emit(event: str, **values: object) -> None:
        out.write(json.dumps({"event": event, **values}, default=str) + "\n")

    request = json.loads(sys.stdin.readline())
    _die_with_parent(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    file_bytes = request["max_bytes"] + MERGE_SLACK_BYTES
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    try:
        download = Download(request, emit)
        {"video": download.run, "entries": download.entries, "text": download.text}[request["want"]]()
    except StopError as stop:
        emit(stop.verdict.outcome.value, message=stop.verdict.message)
    except OSError as error:  # the proxy's name, the scratch folder
        emit(Outcome.FAILED.value, message=f"the download could not start: {error}")


if __name__ == "__main__":
    main()
