"""One JSON line a request, on standard error or in a file. No body, no query, no key: what was asked stays private."""

import logging
import os
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import orjson

NAME = "heaters.serve"
_FILE_BYTES = 50 * 2**20


class JsonLines(logging.Formatter):
    """The record's `fields`, or for other records their message, as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without its end."""
        line: dict[str, Any] = {"time": _utc(record.created), "level": record.levelname.lower()}
        line |= getattr(record, "fields", None) or {"message": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


class _OwnFile(RotatingFileHandler):
    """A log that its owner alone reads."""

    def _open(self) -> Any:
        return open(self.baseFilename, self.mode, opener=lambda path, flags: os.open(path, flags, 0o600))


def open_log(file: Path | None = None) -> logging.Logger:
    """The endpoint's logger, writing to `file` or standard error. Asked again it replaces where it writes."""
    logger = logging.getLogger(NAME)
    handler = logging.StreamHandler(sys.stderr) if file is None else _OwnFile(file, maxBytes=_FILE_BYTES, backupCount=3)
    handler.setFormatter(JsonLines())
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger
