"""One JSON line for each thing that happens, with the trace id of its source: the log that machines read.

A line: time, level, event (submitted, started, finished, failed, noticed), trace, source, stage, video, stretch; then
the attempt, the number of items and the result's figures, or the clip, the error and what becomes of it.
"""

import json
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self, TextIO

from heaters.core.address import Address, redact
from heaters.core.pipeline import Stage
from heaters.core.trace import trace_id
from heaters.errors import ConfigError
from heaters.runner.claims import Claim, Ended, Failure
from heaters.runner.origins import Origins
from heaters.stages.base import summary

STANDARD_ERROR = "-"


LOGGER = "heaters.run"
_FACTS = "heaters"  # the attribute of a record of `logging` that holds a line's facts


class JsonLines(logging.Formatter):
    """Formats the records of a journal; of other records their message is the event."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object, without a line end."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts = getattr(record, _FACTS, {})
        line = {"time": time, "level": record.levelname.lower(), "event": record.getMessage(), **facts}
        return json.dumps(line, ensure_ascii=False, default=str)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Journal:
    """Writes to the logger `heaters.run`, whose records go to a file or to standard error as JSON lines, and to
    handlers that an application has put there itself. A runner's observer; use as a context manager.
    """

    def __init__(self, target: str, origins: Origins | None = None) -> None:
        """`target` "" is neither file nor standard error. Raises ConfigError for a file that cannot be written."""
        self._origins = origins
        self._logger = logging.getLogger(LOGGER)
        self._level = self._logger.level
        self._file: TextIO | None = None
        self._handler: logging.Handler = logging.NullHandler()
        if not target:
            return
        try:
            # It tells who works on what: for its owner alone.
            if target != STANDARD_ERROR:
                self._file = open(target, "a", encoding="utf-8", opener=_private)  # noqa: SIM115
        except OSError as error:
            raise ConfigError(
                f"HEATERS_LOG must be - or a file that we may write; {target}: {error.strerror}"
            ) from error
        self._handler = logging.StreamHandler(self._file or sys.stderr)
        self._handler.setFormatter(JsonLines())
        self._logger.setLevel(logging.INFO)

    def __enter__(self) -> Self:
        self._logger.addHandler(self._handler)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._level)
        if self._file is not None:
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
        self._logger.log(logging.getLevelNamesMapping()[level.upper()], event, extra={_FACTS: facts})


def is_heard() -> bool:
    """Whether an application has handlers of its own for the journal."""
    logger = logging.getLogger(LOGGER)
    return logger.hasHandlers() and logger.isEnabledFor(logging.INFO)
