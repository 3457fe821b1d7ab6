"""Settings as others may see them: without secrets, or those alone that go with a job."""

from collections.abc import Mapping
from dataclasses import fields
from urllib.parse import urlsplit, urlunsplit

from heaters.core.address import redact
from heaters.settings import Settings
from heaters.settings.file import gathered

DEFAULT = "default"
# How to work, as against where things are: what somebody who submits a job may choose for it.
_OF_JOBS = (
    "model", "keyframes", "embedding_strategy", "export_profile", "export_codec", "export_crf", "export_size",
    "export_rate", "proxies", "device", "detector", "stride_seconds",
    "cut_threshold", "min_clip_seconds", "max_clip_seconds", "lease_seconds", "max_source_gib",
    "dark_level", "frozen_level", "silent_dbfs", "text", "near_duplicate", "stages",
)  # fmt: skip


def job_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those variables of `environment`, or of heaters.toml, that go with a job to a cluster: never a secret, an address
    or a path.
    """
    found = gathered(environment, [f.metadata["variable"] for f in fields(Settings)])
    variables = [f.metadata["variable"] for f in fields(Settings) if f.name in _OF_JOBS and not f.metadata["secret"]]
    return {variable: found[variable].text for variable in variables if variable in found}


def describe(settings: Settings, origins: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """Every setting with its effective value (secrets masked), for `heaters config`. Keys: variable, value, origin,
    does; `origin` is where the value came from by `origins`, else "default".
    """
    rows = []
    for spec in fields(Settings):
        value = getattr(settings, spec.name)
        shown = ("1" if value else "0") if isinstance(value, bool) else str(value)
        if isinstance(value, tuple):
            shown = ",".join(value)
        rows.append(
            {
                "variable": spec.metadata["variable"],
                "value": _mask(shown) if spec.metadata["secret"] else redact(shown),
                "origin": (origins or {}).get(spec.metadata["variable"], DEFAULT),
                "does": spec.metadata["does"],
            }
        )
    return rows


def _mask(value: str) -> str:
    """Hide a secret: all of it, or of a URL the password and, but for a database's name, the path."""
    if not value:
        return ""
    parts = urlsplit(value)
    if not parts.hostname:
        return "***"
    host = parts.hostname + (f":{parts.port}" if parts.port else "")
    user = f"{parts.username}:***@" if parts.username else ""
    is_database = parts.scheme.startswith("postgres")
    path = parts.path if is_database or parts.path in ("", "/") else "/***"
    return urlunsplit((parts.scheme, user + host, path, "", ""))
