"""heaters.toml: settings in a file, with profiles, beside the environment variables, which go before it.

store = "s3://bucket/heaters"      # HEATERS_STORE: its name in small letters, without HEATERS_
profile = "laptop"                 # unless HEATERS_PROFILE says another

[stages.detect]                    # HEATERS_STAGES
batch = 8

[profiles.laptop]                  # goes before what stands above
store = "~/media"
"""

import os
import stat
import tomllib
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heaters.errors import ConfigError

NAME = "heaters.toml"
ENVIRONMENT = "environment"
CONFIG, PROFILE, HOME = "HEATERS_CONFIG", "HEATERS_PROFILE", "HEATERS_HOME"
_OTHER_NAMES = {"ray_address": "RAY_ADDRESS"}
STAGES = "stages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The text of a variable that is set, and where: ENVIRONMENT, or a file and the part of it."""

    text: str
    origin: str


def gathered(environment: Mapping[str, str], known: Container[str]) -> dict[str, Given]:
    """Everything that is set, by variable; blank texts count as not set.

    Raises ConfigError for a file that cannot be read or that others may write, for a key of it that is in `known`
    under no name, for a value of another kind than text, number, flag or list, and for a profile that is not there.
    """
    found = _of_file(environment, known)
    set_here = {name: text.strip() for name, text in environment.items() if name in known}
    return found | {name: Given(text=text, origin=ENVIRONMENT) for name, text in set_here.items() if text}


def _of_file(environment: Mapping[str, str], known: Container[str]) -> dict[str, Given]:
    asked = environment.get(PROFILE, "").strip()
    path = _path(environment)
    if path is None:
        if asked:
            raise ConfigError(f"{PROFILE}={asked} needs a {NAME} here or in $HEATERS_HOME, or {CONFIG}; there is none")
        return {}
    whole = _read(path)
    profiles = _table(path, "profiles", whole.pop("profiles", {}))
    profile = asked or whole.pop("profile", "")
    whole.pop("profile", None)
    found = dict(_given(path, str(path), whole, known))
    if profile:
        if profile not in profiles:
            there = ", ".join(profiles) or "none"
            raise ConfigError(f"{path} has no [profiles.{profile}]; it has {there}")
        origin = f"{path} [profiles.{profile}]"
        found |= dict(_given(path, origin, _table(path, f"profiles.{profile}", profiles[profile]), known))
        found[PROFILE] = Given(text=str(profile), origin=str(path))
    return found


def _path(environment: Mapping[str, str]) -> Path | None:
    """The file: the one that is named, else the one here, else the one in the home. None: there is none."""
    if named := environment.get(CONFIG, "").strip():
        return Path(named).expanduser().absolute()
    here = Path(NAME).absolute()
    if here.is_file():
        _check_owner(here)
        return here
    home = Path(environment.get(HOME, "").strip() or "~/.heaters").expanduser().absolute() / NAME
    return home if home.is_file() else None


def _check_owner(path: Path) -> None:
    """A file in the folder where one happens to be may name commands: somebody else's is refused, as git does."""
    facts = path.stat()
    if facts.st_uid not in (0, os.getuid()) or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError(f"{path} must be yours or root's, and others may not write it; or set {CONFIG} to its path")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} must be TOML: {error}") from error


def _given(path: Path, origin: str, table: Mapping[str, Any], known: Container[str]) -> Iterator[tuple[str, Given]]:
    for key, value in table.items():
        variable = _OTHER_NAMES.get(key, f"HEATERS_{key.upper()}")
        if key != key.lower() or variable not in known or variable in (CONFIG, PROFILE):
            raise ConfigError(
                f"{path}: unknown key {key!r}; keys are the variables of `heaters config` in small letters, "
                "without HEATERS_"
            )
        text = _stages(path, value) if key == STAGES and isinstance(value, dict) else _text(path, key, value)
        if text.strip():
            yield variable, Given(text=text.strip(), origin=origin)


def _stages(path: Path, value: Mapping[str, Any]) -> str:
    """Tables of limits as the variable has them."""
    parts = []
    for stage, limits in value.items():
        table = _table(path, f"{STAGES}.{stage}", limits)
        parts += [f"{stage}.{limit}={_text(path, f'{STAGES}.{stage}.{limit}', n)}" for limit, n in table.items()]
    return ",".join(parts)


def _table(path: Path, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {name} must be a table; got {value!r}")
    return value


def _text(path: Path, key: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    raise ConfigError(f"{path}: {key} must be a text, a number, true or false, or a list of texts")
