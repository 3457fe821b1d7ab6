"""One JSON line for each thing that happens, with the trace id of its source: the log that machines read.

A line: time, level, event (submitted, started, finished, failed, noticed), trace, source, stage, video, stretch; then
the attempt, the number of items and the result's figures, or the clip, the error and what becomes of it.
"""

import json
import os
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self

from heaters.core.address import Address, redact
from heaters.core.pipeline import Stage
from heaters.core.trace import trace_id
from heaters.errors import ConfigError
from heaters.runner.claims import Claim, Ended, Failure
from heaters.runner.origins import Origins
from heaters.stages.base import summary

STANDARD_ERROR = "-"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Journal:
    """Appends to a file, or to standard error. A runner's observer; use as a context manager."""

    def __init__(self, target: str, origins: Origins | None = None) -> None:
        """Raises ConfigError for a file that cannot be written."""
        self._origins = origins
        self._lock = threading.Lock()  # the heartbeat notices things from its own thread
        try:
            to_file = target != STANDARD_ERROR
            # It tells who works on what: for its owner alone.
            self._file = open(target, "a", encoding="utf-8", opener=_private) if to_file else sys.stderr  # noqa: SIM115
        except OSError as error:
            raise ConfigError(
                f"HEATERS_LOG must be - or a file that we may write; {target}: {error.strerror}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not sys.stderr:
            self._file.close()

    def submitted(self, source: str | Address, video_id: int | None, *, is_new: bool, error: str | None) -> None:
        """A source came in, or was refused."""
        facts = {"trace": trace_id(source), "source": source, "video": video_id, "new": is_new, "error": error}
        self._write("error" if error else "info", "submitted", facts)

    def started(self, stage: Stage, claims: Sequence[Claim], items: int) -> None:
        """Claims went to Ray, as one call."""
        for claim in claims:
            self._write("info", "started", {**self._claim(stage, claim), "batch": items})

    def finished(self, stage: Stage, ended: Ended) -> None:
        """A claim ended and is recorded; what failed in it has lines of its own."""
        results = [result for _, result in ended.done]
        if results:
            facts = {"items": len(ended.items), "failed": len(ended.failed), "result": summary(results)}
            self._write("info", "finished", {**self._claim(stage, ended.claim), **facts})

    def failed(self, stage: Stage, failure: Failure) -> None:
        """A video or clip failed; it is dead or will be tried again."""
        facts = {
            "clip": failure.clip_id or None,
            "failures": failure.failures,
            "error_type": failure.error_type,
            "error": failure.error,
            "dead": failure.dead,
            "retry_in_seconds": None if failure.dead else round(failure.delay_seconds, 1),
        }
        line = {**self._video(stage, failure.video_id), **facts}
        self._write("error" if failure.dead else "warning", "failed", line)

    def noticed(self, text: str) -> None:
        """Something worth a line."""
        self._write("warning", "noticed", {"message": redact(text)})

    def _claim(self, stage: Stage, claim: Claim) -> dict[str, Any]:
        return {**self._video(stage, claim.video_id), "stretch": claim.stretch, "attempt": claim.attempt}

    def _video(self, stage: Stage, video_id: int) -> dict[str, Any]:
        source = self._origins[video_id] if self._origins else f"video {video_id}"
        return {"trace": trace_id(source), "source": source, "stage": stage.name, "video": video_id}

    def _write(self, level: str, event: str, facts: dict[str, Any]) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "level": level, "event": event, **facts}, ensure_ascii=False, default=str)
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
