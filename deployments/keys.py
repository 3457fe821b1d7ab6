"""Bearer keys: who may ask. Keys are kept and logged as digests only."""

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from deployments.problems import Problem
from heaters.errors import ConfigError
from heaters.settings import Settings, parse

ANYONE = "anyone"
_FINGERPRINT_CHARACTERS = 8


class Keys:
    """The keys that open the endpoint; none at all opens it to everyone."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def holder(self, authorization: str | None) -> str:
        """The fingerprint of the key in an Authorization header. Raises Problem 401.

        Every key is compared, each in constant time, so that the time taken tells nothing of any.
        """
        if not self._digests:
            return ANYONE
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise Problem(401, "a key is needed: Authorization: Bearer KEY", code="missing_api_key")
        digest = hashlib.sha256(given.strip().encode("utf-8", "surrogateescape")).digest()
        if not sum(hmac.compare_digest(digest, known) for known in self._digests):
            raise Problem(401, "this key is not known here")
        return digest.hex()[:_FINGERPRINT_CHARACTERS]


def keys_of(settings: Settings) -> Keys:
    """The keys of HEATERS_API_KEYS and HEATERS_API_KEYS_FILE together. Raises ConfigError; no message quotes a key."""
    found = list(settings.api_keys)
    if settings.api_keys_file:
        try:
            text = Path(settings.api_keys_file).read_text(encoding="utf-8")
            kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
            found += parse.api_keys("\n".join(kept))
        except (OSError, ValueError) as error:
            raise ConfigError(f"HEATERS_API_KEYS_FILE={settings.api_keys_file}: {error}") from None
        if not found:
            raise ConfigError(f"HEATERS_API_KEYS_FILE={settings.api_keys_file} holds no key")
    return Keys(found)
