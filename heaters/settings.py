"""All settings, read from the environment once, at the entry point. Nothing else reads `os.environ`.

Settings hold only *where things are* and what an operator must choose; tunables are constants beside their kernel.
With nothing set, everything is embedded under `HEATERS_HOME`.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from heaters.errors import ConfigError

MULTI_STILLS = range(3, 26, 2)  # how many "multi:N" may ask for: odd, so that one is the middle
EMBEDDING_STRATEGIES = ("multi_average", "single")
EXPORT_PROFILES = ("source", "proxy")


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("must be a number") from None
        if not low <= value <= high:
            raise ValueError(f"must be between {low:g} and {high:g}")
        return value

    return parse


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in {"0", "1", "false", "true", "no", "yes"}:
        raise ValueError("must be 0 or 1")
    return word in {"1", "true", "yes"}


def _home(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _database_url(text: str) -> str:
    if text and not re.match(r"postgres(ql)?://", text):
        raise ValueError("must be a postgresql:// URL")
    return text


def _store(text: str) -> str:
    if text.startswith("s3://"):
        if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", text):
            raise ValueError("must name a bucket: s3://bucket or s3://bucket/prefix")
        return text.rstrip("/")
    if "://" in text:
        raise ValueError("must be s3://bucket/prefix or a local directory")
    return str(Path(text).expanduser().absolute()) if text else ""


def _keyframes(text: str) -> str:
    """multi, midpoint, or multi:N; multi:3 is what multi is."""
    if text in ("multi", "multi:3"):
        return "multi"
    name, _, count = text.partition(":")
    if text != "midpoint" and (name != "multi" or not count.isascii() or not count.isdecimal()
                               or int(count) not in MULTI_STILLS):  # fmt: skip
        raise ValueError(f"must be one of multi, midpoint, multi:N with an odd N from 3 to {MULTI_STILLS[-1]}")
    return f"multi:{int(count)}" if count else text


def _endpoint(text: str) -> str:
    if text and not re.match(r"https?://[^/?#]+", text):
        raise ValueError("must be an http:// or https:// URL")
    return text.rstrip("/")


def _setting(variable: str, default: Any, parse: Callable[[str], Any], does: str, *, secret: bool = False) -> Any:
    metadata = {"variable": variable, "parse": parse, "does": does, "secret": secret}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The effective settings. Build with `load`; change with `dataclasses.replace`."""

    home: Path = _setting(
        "HEATERS_HOME",
        Path("~/.heaters").expanduser(),
        _home,
        "the one folder that embedded data, caches and media live in",
    )
    database_url: str = _setting(
        "HEATERS_DATABASE_URL", "", _database_url, "PostgreSQL with pgvector; empty: the embedded one", secret=True
    )
    store: str = _setting(
        "HEATERS_STORE", "", _store, "s3://bucket/prefix or a directory for media; empty: $HEATERS_HOME/media"
    )
    s3_endpoint: str = _setting("HEATERS_S3_ENDPOINT", "", str, "another S3 endpoint than AWS's")
    ray_address: str = _setting("RAY_ADDRESS", "", str, "the Ray cluster; empty: a local one for this command")
    model: str = _setting(
        "HEATERS_MODEL",
        "starter",
        str,
        "embedding model: starter, openclip:NAME/PRETRAINED or openclip:local-dir:PATH",
    )
    keyframes: str = _setting(
        "HEATERS_KEYFRAMES",
        "multi",
        _keyframes,
        "stills per clip: multi (25/50/75 %), multi:N (N of them, evenly) or midpoint",
    )
    embedding_strategy: str = _setting(
        "HEATERS_EMBEDDING",
        "multi_average",
        _choice(*EMBEDDING_STRATEGIES),
        "one vector from all stills, or from the middle one",
    )
    export_profile: str = _setting(
        "HEATERS_EXPORT", "source", _choice(*EXPORT_PROFILES), "clips from the master (source) or the proxy (proxy)"
    )
    device: str = _setting("HEATERS_DEVICE", "auto", _choice("auto", "cpu", "cuda"), "where models run")
    detector: str = _setting("HEATERS_DETECTOR", "transnetv2", _choice("transnetv2"), "the cut detector")
    cut_threshold: float = _setting(
        "HEATERS_CUT_THRESHOLD", 0.5, _number(0.01, 0.99), "a frame above this probability is a transition"
    )
    min_clip_seconds: float = _setting(
        "HEATERS_MIN_CLIP_SECONDS", 0.0, _number(0, 3600), "shorter shots are merged into a neighbour"
    )
    max_clip_seconds: float = _setting(
        "HEATERS_MAX_CLIP_SECONDS",
        0.0,
        _number(0, 86400),
        "longer shots are split at their most likely frame; 0: never",
    )
    lease_seconds: float = _setting(
        "HEATERS_LEASE_SECONDS", 60.0, _number(1, 3600), "how long a silent worker keeps its items"
    )
    max_source_gib: float = _setting(
        "HEATERS_MAX_SOURCE_GIB", 100.0, _number(0.001, 10000), "sources larger than this are refused"
    )
    allow_private_hosts: bool = _setting(
        "HEATERS_ALLOW_PRIVATE_HOSTS", False, _boolean, "fetch from loopback and private addresses"
    )
    endpoint: str = _setting(
        "HEATERS_ENDPOINT", "", _endpoint, "a Serve endpoint whose model embeds queries; empty: in this process"
    )
    endpoint_key: str = _setting("HEATERS_ENDPOINT_KEY", "", str, "bearer key for the endpoint", secret=True)
    cookies_file: str = _setting("HEATERS_COOKIES", "", str, "cookies.txt for downloads", secret=True)
    proxy_url: str = _setting("HEATERS_PROXY", "", str, "proxy for downloads", secret=True)

    @property
    def store_location(self) -> str:
        """Where media go: an s3:// URL or an absolute directory."""
        return self.store or str(self.home / "media")

    @property
    def scratch(self) -> Path:
        """Temporary files of running stages; anything in it may be deleted when nothing runs."""
        return self.home / "scratch"

    @property
    def cache(self) -> Path:
        """The node-local cache of store objects."""
        return self.home / "cache"

    def variant(self, name: str) -> str:
        """The value a pipeline row's `variant` names: what a stage's output depends on."""
        # An average depends on which stills there are; the middle one is the same for all.
        more = "" if self.embedding_strategy == "single" or self.keyframes == "multi" else f"|{self.keyframes}"
        embedding = f"{self.model}|{self.embedding_strategy}{more}"
        return {"": "", "keyframes": self.keyframes, "embedding": embedding}[name]

    def __post_init__(self) -> None:
        if self.embedding_strategy == "multi_average" and self.keyframes == "midpoint":
            raise ConfigError(
                "HEATERS_EMBEDDING=multi_average needs HEATERS_KEYFRAMES=multi; got HEATERS_KEYFRAMES=midpoint "
                "(set HEATERS_EMBEDDING=single)"
            )
        if 0 < self.max_clip_seconds < 2 * self.min_clip_seconds:
            raise ConfigError(
                "HEATERS_MAX_CLIP_SECONDS must be 0 or at least twice HEATERS_MIN_CLIP_SECONDS; "
                f"got {self.max_clip_seconds:g} and {self.min_clip_seconds:g}"
            )


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and validate the environment.

    Raises ConfigError, naming the variable and the rule, for a bad value and for an unknown HEATERS_ variable.
    """
    env = os.environ if environment is None else environment
    known = {cast(str, f.metadata["variable"]): f for f in fields(Settings)}
    unknown = sorted(name for name in env if name.startswith("HEATERS_") and name not in known and name not in _OTHERS)
    if unknown:
        raise ConfigError(f"unknown variable {unknown[0]}; `heaters config` lists the ones there are")
    values: dict[str, Any] = {}
    for variable, spec in known.items():
        text = env.get(variable, "").strip()
        if not text:
            continue
        try:
            values[spec.name] = spec.metadata["parse"](text)
        except ValueError as error:
            shown = "***" if spec.metadata["secret"] else repr(text)
            raise ConfigError(f"{variable} {error}; got {shown}") from None
    return Settings(**values)


# Read by the tests' own set-up, not by the product.
_OTHERS = frozenset({"HEATERS_REQUIRE", "HEATERS_TEST_DATABASE_URL"})


def describe(settings: Settings) -> list[dict[str, str]]:
    """Every setting with its effective value (secrets masked), for `heaters config`. Keys: variable, value, does."""
    rows = []
    for spec in fields(Settings):
        value = getattr(settings, spec.name)
        shown = ("1" if value else "0") if isinstance(value, bool) else str(value)
        rows.append(
            {
                "variable": spec.metadata["variable"],
                "value": _mask(shown) if spec.metadata["secret"] else shown,
                "does": spec.metadata["does"],
            }
        )
    return rows


def _mask(value: str) -> str:
    """Hide a secret: all of it, or only the password of a URL."""
    if not value:
        return ""
    parts = urlsplit(value)
    if not parts.hostname:
        return "***"
    host = parts.hostname + (f":{parts.port}" if parts.port else "")
    user = f"{parts.username}:***@" if parts.username else ""
    return urlunsplit((parts.scheme, user + host, parts.path, "", ""))
