"""Counts what is sent to the database."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest


def statements(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many statements a piece of work sends to the database."""
    sent = 0
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, statement: Any, *more: Any, **options: Any) -> Any:
        nonlocal sent
        sent += 1
        return execute(cursor, statement, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counted)
        work()
    return sent
