"""Addresses as people may see them: without passwords, tokens and signatures."""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit, urlunsplit

from heaters.core.names import is_stored_path, readable

# Query values up to this long, of letters, digits, '_' and '-', under a harmless name, are taken for ids (?v=…),
# not secrets.
_LONGEST_ID = 16
_SECRET_NAME = re.compile(
    r"token|key|sig|auth|pass|pwd|secret|session|sid|cred|jwt|hash|code|expire|policy|ticket|x-amz|^st$|^e$",
    re.IGNORECASE,
)
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")
_QUERY = re.compile(r"\?[^\s'\"<>()]+=[^\s'\"<>()]*")


class Address:
    """A URL that cannot be printed whole by mistake: its text, in a message, a table or as JSON, is the shown form.

    `whole` is for whoever connects to it. It equals its text, so that look-ups find it.
    """

    __slots__ = ("whole",)

    def __init__(self, whole: str) -> None:
        self.whole = whole

    def __str__(self) -> str:
        return readable(show_url(self.whole))

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return self.whole == (other.whole if isinstance(other, Address) else other)

    def __hash__(self) -> int:
        return hash(self.whole)


def shielded(source: str | Address) -> str | Address:
    """A source: a URL as an address, a path as it is."""
    return Address(source) if isinstance(source, str) and is_url(source) else source


def whole(source: str | Address) -> str:
    """A source for whoever fetches it, or for a key."""
    return source.whole if isinstance(source, Address) else source


def is_url(source: str) -> bool:
    """Whether `source` is written as a URL of any scheme; everything else is a path, as people write or store it."""
    return not is_stored_path(source) and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", source) is not None


def split(url: str) -> SplitResult | None:
    """The parts of a URL; None where it cannot be read."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError where it is no number in range
    except ValueError:
        return None
    return parts


def show_url(url: str) -> str:
    """The URL without user, password, fragment and secret query values: fit for a message, a log or a result."""
    parts = split(url)
    if parts is None:
        return re.split(r"[?#]", re.sub(r"//[^/@]*@", "//", url))[0]
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='') if _is_harmless(name, value) else '***'}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def _is_harmless(name: str, value: str) -> bool:
    short = len(value) <= _LONGEST_ID and re.fullmatch(r"[\w-]*", value) is not None
    return short and not _SECRET_NAME.search(name)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with every URL in it shown as by `show_url`, every other query string masked, and `secrets` replaced."""
    for secret in sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _URL.sub(lambda match: show_url(match.group()), text)
    return _QUERY.sub(lambda match: show_url(match.group()), text)


def secrets_of(url: str) -> tuple[str, ...]:
    """The parts of a URL that must never be shown: user, password, and the query values that `show_url` masks."""
    parts = split(url)
    if parts is None:
        return ()
    values = [value for name, value in parse_qsl(parts.query) if not _is_harmless(name, value)]
    return tuple(value for value in (parts.username, parts.password, *values) if value)
