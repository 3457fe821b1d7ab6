"""All settings, read from the environment once, at the entry point. Nothing else reads `os.environ`.

Settings hold only *where things are* and what an operator must choose; tunables are constants beside their kernel.
With nothing set, everything is embedded under `HEATERS_HOME`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from heaters.core.address import redact
from heaters.errors import ConfigError
from heaters.settings import parse
from heaters.settings.exports import EXPORT_CODECS, EXPORT_FIELDS, EXPORT_HDR, EXPORT_PROFILES, KEEP, export_variant
from heaters.settings.file import ENVIRONMENT, gathered
from heaters.settings.links import is_address_of_service, unknown_variables
from heaters.settings.operations import Operations
from heaters.settings.parse import setting as _setting

FACTS_VERSION = "1"  # of the way in which clips are measured
LEVELS = (16.0, 0.04, -50.0)  # dark, frozen, silent: docs/datasets.md has what was measured around them
EMBEDDING_STRATEGIES = ("multi_average", "single")
PROXIES = ("auto", "always", "demand")
READERS = ("pyav", "decord", "torchcodec")
DETECTORS = ("transnetv2", "stride", "adaptive", "content")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Operations):
    """The effective settings. Build with `load`; change with `dataclasses.replace`."""

    model: str = _setting(
        "HEATERS_MODEL", "starter", str, "embedding model: starter, openclip:NAME/PRETRAINED or openclip:local-dir:PATH"
    )
    keyframes: str = _setting(
        "HEATERS_KEYFRAMES",
        "multi",
        parse.keyframes,
        "stills per clip: multi (25/50/75 %), multi:N (N of them, evenly) or midpoint",
    )
    embedding_strategy: str = _setting(
        "HEATERS_EMBEDDING",
        "multi_average",
        parse.choice(*EMBEDDING_STRATEGIES),
        "one vector from all stills, or from the middle one",
    )
    export_profile: str = _setting(
        "HEATERS_EXPORT",
        "copy",
        parse.choice(*EXPORT_PROFILES),
        "approved clips: packets of the master (copy), encoded anew (encode), packets of the proxy (proxy), or none",
    )
    export_codec: str = _setting("HEATERS_EXPORT_CODEC", "h264", parse.choice(*EXPORT_CODECS), "encode: the codec")
    export_crf: float = _setting(
        "HEATERS_EXPORT_CRF", 0.0, parse.number(0, 63), "encode: less is better; 0: 18 (h264), 22 (hevc), 28 (av1)"
    )
    export_size: str = _setting(
        "HEATERS_EXPORT_SIZE", "", parse.size, "encode: WIDTHxHEIGHT that the picture must fit; empty: as it is"
    )
    export_rate: str = _setting(
        "HEATERS_EXPORT_RATE", "", parse.rate, "encode: frames a second, 25 or 30000/1001; empty: the clip's own frames"
    )
    export_hdr: str = _setting(
        "HEATERS_EXPORT_HDR", KEEP, parse.choice(*EXPORT_HDR), "copy, encode: HDR as it is, or as BT.709"
    )
    export_fields: str = _setting(
        "HEATERS_EXPORT_FIELDS", KEEP, parse.choice(*EXPORT_FIELDS), "copy, encode: fields kept, or whole pictures"
    )
    proxies: str = _setting(
        "HEATERS_PROXIES",
        "auto",
        parse.choice(*PROXIES),
        "review proxies: made at once (always), when somebody opens the video (demand), or at once where people decide "
        "(auto)",
    )
    device: str = _setting("HEATERS_DEVICE", "auto", parse.choice("auto", "cpu", "cuda"), "where models run")
    reader: str = _setting(
        "HEATERS_READER", "pyav", parse.choice(*READERS), "the library that reads single frames for stills"
    )
    detector: str = _setting(
        "HEATERS_DETECTOR",
        "transnetv2",
        parse.choice(*DETECTORS),
        "the cut detector: transnetv2, stride (fixed length), adaptive or content (PySceneDetect)",
    )
    stride_seconds: float = _setting(
        "HEATERS_STRIDE_SECONDS", 10.0, parse.number(0.1, 86400), "length of the clips that the detector stride makes"
    )
    cut_threshold: float = _setting(
        "HEATERS_CUT_THRESHOLD", 0.5, parse.number(0.01, 0.99), "a frame above this probability is a transition"
    )
    min_clip_seconds: float = _setting(
        "HEATERS_MIN_CLIP_SECONDS", 0.0, parse.number(0, 3600), "shorter shots are merged into a neighbour"
    )
    max_clip_seconds: float = _setting(
        "HEATERS_MAX_CLIP_SECONDS",
        0.0,
        parse.number(0, 86400),
        "longer shots are split at their most likely frame; 0: never",
    )
    lease_seconds: float = _setting(
        "HEATERS_LEASE_SECONDS", 60.0, parse.number(1, 3600), "how long a silent worker keeps its items"
    )
    max_source_gib: float = _setting(
        "HEATERS_MAX_SOURCE_GIB", 100.0, parse.number(0.001, 10000), "sources larger than this are refused"
    )
    most_damage: float = _setting(
        "HEATERS_MOST_DAMAGE", 0.5, parse.number(0, 1), "share of damaged frames above which a film is refused"
    )
    dark_level: float = _setting(
        "HEATERS_DARK_LEVEL", LEVELS[0], parse.number(0, 255), "facts: black is no brighter than this, of 255"
    )
    frozen_level: float = _setting(
        "HEATERS_FROZEN_LEVEL", LEVELS[1], parse.number(0, 255), "facts: frozen changes by less than this, of 255"
    )
    silent_dbfs: float = _setting(
        "HEATERS_SILENT_DBFS", LEVELS[2], parse.number(-100, 0), "facts: silent is below this, decibels of full scale"
    )
    text: bool = _setting("HEATERS_TEXT", False, parse.boolean, "facts: the share of text too (needs heaters[text])")
    near_duplicate: float = _setting("HEATERS_NEAR_DUPLICATE", 0.95, parse.number(0.01, 1), "alike from this cosine on")
    host_downloads: int = _setting(
        "HEATERS_HOST_DOWNLOADS", 2, parse.whole(1, 1000), "downloads from one host at a time, on all nodes together"
    )
    host_spacing_seconds: float = _setting(
        "HEATERS_HOST_SPACING_SECONDS", 1.0, parse.number(0, 3600), "seconds between starts of downloads from one host"
    )
    download_mib_per_second: float = _setting(
        "HEATERS_DOWNLOAD_MIB_PER_SECOND", 0.0, parse.number(0, 1e5), "bandwidth of one download; 0: no bound"
    )
    allow_private_hosts: bool = _setting(
        "HEATERS_ALLOW_PRIVATE_HOSTS", False, parse.boolean, "fetch from loopback and private addresses"
    )
    endpoint: str = _setting(
        "HEATERS_ENDPOINT", "", parse.endpoint, "a Serve endpoint whose model embeds queries; empty: in this process"
    )
    endpoint_key: str = _setting("HEATERS_ENDPOINT_KEY", "", str, "bearer key for the endpoint", secret=True)
    cookies_file: str = _setting("HEATERS_COOKIES", "", str, "cookies.txt for downloads", secret=True)
    ui_host: str = _setting("HEATERS_UI_HOST", "127.0.0.1", str, "the address that `heaters ui` listens on")
    ui_port: int = _setting("HEATERS_UI_PORT", 7860, parse.port(0), "its port")
    ui_users: str = _setting(
        "HEATERS_UI_USERS", "", str, "file of users, made by `heaters users`; empty: $HEATERS_HOME/users"
    )
    ui_open: bool = _setting("HEATERS_UI_OPEN", False, parse.boolean, "let everybody in, also from other machines")
    ui_proxy: str = _setting(
        "HEATERS_UI_PROXY", "", str, "addresses or networks of the proxy that signs people in; empty: none is trusted"
    )
    ui_proxy_header: str = _setting(
        "HEATERS_UI_PROXY_HEADER", "X-Forwarded-User", str, "the header in which that proxy names the person"
    )
    ui_uploads: str = _setting(
        "HEATERS_UI_UPLOADS",
        "",
        str,
        "folder for files sent through the UI; on a cluster one that all nodes see; empty: $HEATERS_HOME/uploads",
    )
    ui_sources: tuple[str, ...] = _setting(
        "HEATERS_UI_SOURCES",
        (),
        parse.places,
        "folders, and s3:// prefixes, whose files the UI takes by path, apart by commas; empty: none",
    )
    ui_media: str = _setting(
        "HEATERS_UI_MEDIA",
        "relay",
        parse.choice("relay", "redirect"),
        "videos in S3 come through the UI, or straight by presigned URL",
    )
    proxy_url: str = _setting("HEATERS_PROXY", "", str, "proxy for downloads", secret=True)
    serve_host: str = _setting("HEATERS_SERVE_HOST", "127.0.0.1", str, "address that `heaters serve` listens on")
    serve_port: int = _setting("HEATERS_SERVE_PORT", 8000, parse.port(1), "port that `heaters serve` listens on")
    api_keys: tuple[str, ...] = _setting(
        "HEATERS_API_KEYS",
        (),
        parse.api_keys,
        "bearer keys that open the endpoint, apart by commas; without any it serves this machine alone",
        secret=True,
    )
    api_keys_file: str = _setting("HEATERS_API_KEYS_FILE", "", str, "a file with further such keys, one a line")

    @property
    def makes_proxies(self) -> bool:
        """Whether the stage `prepare` makes review proxies: files may be copied from them, too."""
        if self.export_profile == "proxy":
            return True
        return self.proxies == "always" or (self.proxies == "auto" and self.export_profile != "none")

    @property
    def users_file(self) -> Path:
        """The file of those who may use the UI; it need not be there."""
        return Path(self.ui_users).expanduser().absolute() if self.ui_users else self.home / "users"

    @property
    def uploads_folder(self) -> Path:
        """Where files sent through the UI wait for the pipeline."""
        return Path(self.ui_uploads).expanduser().absolute() if self.ui_uploads else self.home / "uploads"

    @property
    def space_strategy(self) -> str:
        """The strategy of the space that vectors go to. An average depends on which stills there are: of others than
        the usual three it is a strategy of its own. The middle one is the same for all.
        """
        usual = self.embedding_strategy == "single" or self.keyframes == "multi"
        return self.embedding_strategy if usual else f"{self.embedding_strategy}/{self.keyframes}"

    def variant(self, name: str) -> str:
        """The value a pipeline row's `variant` names: what a stage's output depends on."""
        levels = (self.dark_level, self.frozen_level, self.silent_dbfs)
        changed = [f"{level:g}" for level in levels if levels != LEVELS]
        return {
            "": "",
            "keyframes": self.keyframes,
            "facts": "-".join([FACTS_VERSION, *changed, *["text"] * self.text]),
            "embedding": f"{self.model}|{self.space_strategy}",
            "export": export_variant(self),
        }[name]

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
    """Read and validate the environment, and heaters.toml for what is not set there.

    Raises ConfigError, naming the variable and the rule, for a bad value and for an unknown HEATERS_ variable; naming
    the file, too, for what stands there.
    """
    return loaded(environment)[0]


def loaded(environment: Mapping[str, str] | None = None) -> tuple[Settings, dict[str, str]]:
    """As `load`, and by variable where each value that is not the default came from."""
    env = os.environ if environment is None else environment
    known = {cast(str, f.metadata["variable"]): f for f in fields(Settings)}
    unknown = unknown_variables(env, known)
    if unknown:
        raise ConfigError(f"unknown variable {unknown[0]}; `heaters config` lists the ones there are")
    found = gathered(env, known)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for variable, given in found.items():
        spec = known[variable]
        if is_address_of_service(variable, given.text):
            continue
        try:
            values[spec.name] = spec.metadata["parse"](given.text)
        except ValueError as error:
            shown = "***" if spec.metadata["secret"] else repr(redact(given.text))
            where = "" if given.origin == ENVIRONMENT else f" in {given.origin}"
            raise ConfigError(f"{variable} {error}; got {shown}{where}") from None
        origins[variable] = given.origin
    return Settings(**values), origins
