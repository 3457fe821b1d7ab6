"""Keys come from a setting and a file, are never weak, and no message quotes one."""

from dataclasses import replace
from pathlib import Path

import pytest

from deployments.keys import ANYONE, Keys, keys_of
from deployments.problems import Problem
from heaters.errors import ConfigError
from heaters.settings import Settings, load
from heaters.settings.shown import describe

ONE, TWO = "one-key-of-sixteen-letters", "two-key-of-sixteen-letters"


def test_both_places_count(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"# of the crawler\n{TWO}\n\n")
    settings = load({"HEATERS_API_KEYS": f" {ONE} ,", "HEATERS_API_KEYS_FILE": str(tmp_path / "keys")})
    keys = keys_of(settings)
    names = {keys.holder(f"Bearer {key}") for key in (ONE, TWO)}
    assert len(names) == 2
    assert not any(key[:6] in name for key in (ONE, TWO) for name in names)
    with pytest.raises(Problem, match="not known"):
        keys.holder("Bearer three-key-of-sixteen")


def test_without_any_everyone_may_ask() -> None:
    assert not keys_of(Settings())
    assert Keys().holder(None) == ANYONE


@pytest.mark.parametrize("text", ["short", f"{ONE},short", "ä" * 20, "x" * 201])
def test_weak_keys_are_refused_without_quoting_them(text: str) -> None:
    with pytest.raises(ConfigError, match="HEATERS_API_KEYS must be keys of 16 to 200") as caught:
        load({"HEATERS_API_KEYS": text})
    assert text not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "# nothing\n", "short\n"])
def test_a_file_must_hold_keys(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match="HEATERS_API_KEYS_FILE"):
        keys_of(replace(Settings(), api_keys_file=str(path)))


def test_they_are_masked_where_settings_are_shown() -> None:
    shown = {row["variable"]: row["value"] for row in describe(load({"HEATERS_API_KEYS": ONE}))}
    assert shown["HEATERS_API_KEYS"] == "***"
