"""A source that is an http(s) URL: starts the child that downloads, watches over it, and takes what it brings.

Holds the hard time limit: the child and all that it started are killed together. Nothing secret passes through here
on a command line, and no message leaves unredacted.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from heaters.errors import FetchError, SourceRefused
from heaters.media import addresses
from heaters.media.fetched import Fetched, FetchLimits, FetchProgress, OnProgress

CHILD = "heaters.media.web_child"


def fetch_web(url: str, folder: Path, *, limits: FetchLimits, on_progress: OnProgress | None = None) -> Fetched:
    """Download a URL into `folder`; see `fetch.fetch`. File names derive from the URL's hash, never from titles.

    Raises SourceRefused (partial files are removed) or FetchError (they are kept for the next try).
    """
    return _fetched(_ask(url, folder, limits, "video", on_progress))


def list_web(url: str, folder: Path, *, limits: FetchLimits) -> list[str]:
    """The URLs of the videos that a playlist or a page names, in order; the URL itself where it is one video.

    Raises SourceRefused or FetchError as `fetch_web` does.
    """
    return list(_ask(url, folder, limits, "entries")["entries"])


def read_web(url: str, folder: Path, *, limits: FetchLimits) -> str:
    """The text at a URL, such as a manifest. Raises SourceRefused or FetchError as `fetch_web` does."""
    return str(_ask(url, folder, limits, "text")["text"])


def _ask(
    url: str, folder: Path, limits: FetchLimits, want: str, on_progress: OnProgress | None = None
) -> Mapping[str, Any]:
    """What the child brings: its event `done`."""
    addresses.check_url(url, allow_private_hosts=limits.allow_private_hosts)
    if limits.cookies_file and not os.access(limits.cookies_file, os.R_OK):
        raise FetchError("HEATERS_COOKIES must name a readable file on every node; on this one it does not")
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"web-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    secrets = (*addresses.secrets_of(url), *addresses.secrets_of(limits.proxy_url))
    shown = addresses.show_url(url)
    last: Mapping[str, Any] = {}
    child = _Child.start({"want": want, **_request(url, folder, stem, limits)}, folder)
    with child.watched(limits.timeout_seconds):
        for event in child.events():
            if event["event"] != "progress":
                last = event
            elif on_progress:
                on_progress(FetchProgress(downloaded_bytes=event["downloaded_bytes"], total_bytes=event["total_bytes"]))
    if last.get("event") == "done":
        return last
    if last.get("event") == "refused":
        _remove(folder, stem)
        raise SourceRefused(f"{addresses.redact(last['message'], secrets)}; got {shown}")
    if child.timed_out:
        raise FetchError(f"a download may take {limits.timeout_seconds:g} s; {shown} took longer (what came is kept)")
    if last.get("event") == "failed":
        raise FetchError(f"{addresses.redact(last['message'], secrets)}; from {shown}")
    raise FetchError(
        f"the download process ended with status {child.status} and no word on {shown}: "
        f"{addresses.redact(child.last_words, secrets)}"
    )


@dataclass(slots=True)
class _Child:
    """The running child; its group is killed whenever `watched` is left."""

    process: subprocess.Popen[str]
    complaints: IO[bytes]
    timed_out: bool = False
    last_words: str = ""  # the last line of its standard error

    @classmethod
    def start(cls, request: Mapping[str, object], folder: Path) -> "_Child":
        complaints = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed by `watched`
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            start_new_session=True,  # a group of its own, to be killed as one
            env=_environment(folder),
        )
        assert process.stdin is not None
        # A child that died at once is told by its status, below.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        return cls(process, complaints)

    @contextlib.contextmanager
    def watched(self, timeout_seconds: float) -> Iterator[None]:
        timer = threading.Timer(timeout_seconds, self._time_out)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            self._kill()
            self.process.wait()
            self.last_words = self._read_complaints()
            for stream in (self.process.stdin, self.process.stdout):
                assert stream is not None
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def events(self) -> Iterator[Mapping[str, Any]]:
        """The child's events until it ends. A line that a kill cut short is none."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):
                yield json.loads(line)

    @property
    def status(self) -> int | None:
        """Its exit status once `watched` is left; the negative number of the signal that ended it."""
        return self.process.returncode

    def _read_complaints(self) -> str:
        with self.complaints:
            self.complaints.seek(0)
            text = self.complaints.read(2**20).decode("utf-8", "replace")
        lines = text.strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def _time_out(self) -> None:
        self.timed_out = True
        self._kill()

    def _kill(self) -> None:
        # The leader is waited for only after this, so the group's id cannot have been given to another.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


def _request(url: str, folder: Path, stem: str, limits: FetchLimits) -> dict[str, object]:
    return {
        "url": url,
        "folder": str(folder.absolute()),
        "stem": stem,
        "max_bytes": limits.max_bytes,
        "allow_private_hosts": limits.allow_private_hosts,
        "bytes_per_second": limits.bytes_per_second,
        "backoff_seconds": limits.backoff_seconds,
        "cookies_file": limits.cookies_file,
        "proxy_url": limits.proxy_url,
    }


def _environment(folder: Path) -> dict[str, str]:
    """All that the child gets: no credentials, no proxies, no home with configuration or plugins in it."""
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), "/usr/local/bin", os.defpath)),
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "HOME": str(folder.absolute()),
        "TMPDIR": str(folder.absolute()),
        "LANG": "C.UTF-8",
        "YTDLP_NO_PLUGINS": "1",
    }


def _fetched(done: Mapping[str, Any]) -> Fetched:
    path = Path(done["path"])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = file.tell()
    values = {name: value for name, value in done.items() if name not in {"event", "path"}}
    for name in ("resolution_obtained", "resolution_best"):
        values[name] = tuple(values[name]) if values[name] else None
    values["formats_offered"] = tuple(values["formats_offered"])
    return Fetched(path=path, sha256=digest, size_bytes=size_bytes, **values)


def _remove(folder: Path, stem: str) -> None:
    for path in folder.glob(f"{stem}*"):
        path.unlink(missing_ok=True)
