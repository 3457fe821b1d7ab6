"""Settings as others may see them: without secrets, or those alone that go with a job."""

from collections.abc import Mapping
from dataclasses import fields
from urllib.parse import urlsplit, urlunsplit

from heaters.core.address import redact
from heaters.settings import Settings

# How to work, as against where things are: what somebody who submits a job may choose for it.
_OF_JOBS = (
    "model", "keyframes", "embedding_strategy", "export_profile", "export_codec", "export_crf", "export_size",
    "export_rate", "proxies", "device", "detector", "stride_seconds",
    "cut_threshold", "min_clip_seconds", "max_clip_seconds", "lease_seconds", "max_source_gib",
    "dark_level", "frozen_level", "silent_dbfs", "text", "near_duplicate",
)  # fmt: skip


def job_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those variables of `environment` that go with a job to a cluster: never a secret, an address or a path."""
    variables = [f.metadata["variable"] for f in fields(Settings) if f.name in _OF_JOBS and not f.metadata["secret"]]
    return {variable: environment[variable] for variable in variables if environment.get(variable, "").strip()}


def describe(settings: Settings) -> list[dict[str, str]]:
    """Every setting with its effective value (secrets masked), for `heaters config`. Keys: variable, value, does."""
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
