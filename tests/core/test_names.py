"""Names of files that are no UTF-8: stored as text, and found again by the same bytes."""

import os

import pytest

from heaters.core.names import is_stored_path, path_of, readable, stored_path

LATIN = os.fsdecode(b"/films/caf\xe9 100%.mp4")


@pytest.mark.parametrize("path", ["/films/a b%20c.mp4", "/films/Ein Film \u00fc.mp4", "/films/file:.mp4", "relative"])
def test_other_paths_are_stored_as_they_are(path: str) -> None:
    assert stored_path(path) == path == path_of(path)
    assert not is_stored_path(path)


def test_bytes_that_are_no_utf_8_come_back() -> None:
    stored = stored_path(LATIN)
    assert stored == "file:///films/caf%E9%20100%25.mp4"
    assert is_stored_path(stored)
    assert path_of(stored) == LATIN


def test_other_file_urls_are_none_of_ours() -> None:
    assert not is_stored_path("file:///etc/passwd")
    assert path_of("file:///etc/passwd") == "file:///etc/passwd"


def test_what_people_see_can_be_encoded() -> None:
    assert readable(LATIN + "\x00") == "/films/caf\ufffd 100%.mp4"
    readable(LATIN).encode()
