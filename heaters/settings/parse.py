"""What the text of a variable may be, and the value it stands for. Each raises ValueError with the rule alone."""

import re
import shlex
from collections.abc import Callable
from dataclasses import field
from fractions import Fraction
from pathlib import Path
from typing import Any

from heaters.core.limits import parsed as parsed_limits
from heaters.errors import RuleError

MULTI_STILLS = range(3, 26, 2)  # how many "multi:N" may ask for: odd, so that one is the middle


def setting(variable: str, default: Any, to_value: Callable[[str], Any], does: str, *, secret: bool = False) -> Any:
    """A field of the settings: the variable it is read from, what its text may be, what it sets."""
    metadata = {"variable": variable, "parse": to_value, "does": does, "secret": secret}
    return field(default=default, metadata=metadata)


def choice(*allowed: str) -> Callable[[str], str]:
    """One of some words."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """A number in [low, high]."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("must be a number") from None
        if not low <= value <= high:
            raise ValueError(f"must be between {low:g} and {high:g}")
        return value

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number in [low, high]."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number, {low} to {high}")
        return int(text)

    return parse


def cold(*classes: str) -> Callable[[str], str]:
    """A storage class and the days until objects move there."""

    def parse(text: str) -> str:
        name, colon, days = text.partition(":")
        # S3 itself takes nothing into the two classes of infrequent access before 30 days.
        least = 30 if name in ("STANDARD_IA", "ONEZONE_IA") else 0
        if name not in classes or not colon or not days.isdecimal() or not least <= int(days) <= 36500:
            raise ValueError(f"must be CLASS:DAYS, one of {', '.join(classes)}; 30 days at least for the IA classes")
        return text

    return parse


def port(low: int) -> Callable[[str], int]:
    """A TCP port from `low` on."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= 65535:
            raise ValueError(f"must be a port, {low} to 65535" + ("" if low else " (0: any that is free)"))
        return int(text)

    return parse


def boolean(text: str) -> bool:
    """0 or 1, in words too."""
    word = text.lower()
    if word not in {"0", "1", "false", "true", "no", "yes"}:
        raise ValueError("must be 0 or 1")
    return word in {"1", "true", "yes"}


def home_folder(text: str) -> Path:
    """An absolute folder."""
    return Path(text).expanduser().absolute()


def database_url(text: str) -> str:
    """A libpq URL, or nothing."""
    if text and not re.match(r"postgres(ql)?://", text):
        raise ValueError("must be a postgresql:// URL")
    return text


def store_location(text: str) -> str:
    """A bucket with an optional prefix, or an absolute folder."""
    if text.startswith("s3://"):
        if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", text):
            raise ValueError("must name a bucket: s3://bucket or s3://bucket/prefix")
        return text.rstrip("/")
    if "://" in text:
        raise ValueError("must be s3://bucket/prefix or a local directory")
    return str(Path(text).expanduser().absolute()) if text else ""


def places(text: str) -> tuple[str, ...]:
    """Absolute folders and prefixes of buckets, links in folders resolved."""
    found = []
    for one in (word.strip() for word in text.split(",")):
        if one.startswith("s3://"):
            found.append(store_location(one))
        elif one and not one.startswith(("/", "~")):
            raise ValueError("must be absolute folders or s3://bucket/prefix each, apart by commas")
        elif one:
            found.append(str(Path(one).expanduser().resolve()))
    return tuple(found)


def api_keys(text: str) -> tuple[str, ...]:
    """Keys as tokens of RFC 6750, long enough not to be guessed. The message never quotes one."""
    keys = tuple(key for key in re.split(r"[,\s]+", text) if key)
    if not all(re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,200}", key) for key in keys):
        raise ValueError("must be keys of 16 to 200 letters, digits or ._~+/=- each, apart by commas")
    return keys


def keyframes(text: str) -> str:
    """multi, midpoint, or multi:N; multi:3 is what multi is."""
    if text in ("multi", "multi:3"):
        return "multi"
    name, _, count = text.partition(":")
    is_count = count.isascii() and count.isdecimal() and int(count) in MULTI_STILLS
    if text != "midpoint" and (name != "multi" or not is_count):
        raise ValueError(f"must be one of multi, midpoint, multi:N with an odd N from 3 to {MULTI_STILLS[-1]}")
    return f"multi:{int(count)}" if count else text


def size(text: str) -> str:
    """WIDTHxHEIGHT, both even, or nothing."""
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if text and (found is None or int(found[1]) % 2 or int(found[2]) % 2):
        raise ValueError("must be WIDTHxHEIGHT, both even, such as 1280x720")
    return text


def rate(text: str) -> str:
    """Frames a second, a whole number or a fraction of two, or nothing."""
    if text and (not re.fullmatch(r"[1-9]\d{0,5}(/[1-9]\d{0,5})?", text) or not 1 <= Fraction(text) <= 1000):
        raise ValueError("must be frames a second, 1 to 1000, such as 25 or 30000/1001")
    return text


def endpoint(text: str) -> str:
    """The URL of an endpoint without its last slash, or nothing."""
    return url(text).rstrip("/")


def url(text: str) -> str:
    """An http or https URL, or nothing."""
    if text and not re.match(r"https?://[^/?#]+", text):
        raise ValueError("must be an http:// or https:// URL")
    return text


def stages(text: str) -> str:
    """Limits of stages (core/limits.py), or nothing."""
    try:
        parsed_limits(text)
    except RuleError as error:
        raise ValueError(str(error)) from None
    return text


def command(text: str) -> str:
    """A command with its arguments, quoted as for a shell, or nothing."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"must be a command with its arguments, quoted as for a shell: {error}") from None
    if text and not words:
        raise ValueError("must be a command with its arguments")
    return text
