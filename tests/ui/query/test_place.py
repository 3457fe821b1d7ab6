"""Where a listing goes on, as a text: there and back, and nothing else is taken."""

import base64
import json
from typing import Any

import pytest

from heaters.errors import UsageError
from ui.query.place import Place

PLACES = (
    Place(),
    Place(skip=48),
    Place(after_key=2**62 + 1, after_id=2**62 + 1),
    Place(after_key=21.979999542236328, after_id=7, skip=3),
    Place(bits=20, at=2**20),
)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_there_and_back(place: Place) -> None:
    assert Place.decode(place.encode()) == place


STRANGE: tuple[Any, ...] = (
    {"after_key": 1.0},
    {"after_key": 1e300, "after_id": 1},
    {"after_key": float("nan"), "after_id": 1},
    {"after_key": 1.0, "after_id": -1},
    {"after_key": 1.0, "after_id": 1.5},
    {"after_key": "1", "after_id": True},
    {"bits": 63, "at": 0},
    {"bits": 10, "at": 1025},
    {"bits": 10},
    {"skip": -1},
    {"skip": 2**40},
    {"other": 1},
    [1, 2],
    "text",
)


@pytest.mark.parametrize("values", STRANGE, ids=str)
def test_anything_else_is_refused(values: Any) -> None:
    text = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    with pytest.raises(UsageError, match="a cursor is the `next` of a page"):
        Place.decode(text)


@pytest.mark.parametrize("text", ["%%%", "ab", "x" * 1000, "é"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Place.decode(text)
