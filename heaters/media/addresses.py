"""Addresses of sources: which may be fetched from, and how they are shown without their secrets.

Names are not resolved here: what a name resolves to is checked at each connection (see `network_guard`).
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit, urlunsplit

from heaters.errors import SourceRefused

_LOCAL_NAMES = re.compile(r"(.*\.)?(localhost|local|internal|home\.arpa)\.?", re.IGNORECASE)
# NAT64 (RFC 6052): the last 32 bits are an IPv4 address that a gateway connects to.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# Query values up to this long, of letters, digits, '_' and '-', under a harmless name, are taken for ids (?v=…),
# not secrets.
_LONGEST_ID = 16
_SECRET_NAME = re.compile(
    r"token|key|sig|auth|pass|pwd|secret|session|sid|cred|jwt|hash|code|expire|policy|ticket|x-amz|^st$|^e$",
    re.IGNORECASE,
)
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")
_QUERY = re.compile(r"\?[^\s'\"<>()]+=[^\s'\"<>()]*")


def is_public(address: str) -> bool:
    """Whether an IP address, as text, is one of the public internet: not private, loopback, link-local or reserved.

    An IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64) counts as itself. Raises ValueError for no address.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def check_host(host: str) -> None:
    """Refuse a host that names a private place by itself, before any name is resolved.

    Every spelling that a resolver takes for an IPv4 address counts as one (127.1, 0x7f000001, 2130706433).
    Raises SourceRefused.
    """
    bare = host.strip("[]").split("%")[0]
    if ":" not in bare:
        try:
            bare = socket.inet_ntoa(socket.inet_aton(bare))
        except OSError:
            if _LOCAL_NAMES.fullmatch(bare):
                raise SourceRefused(_private_rule(host)) from None
            return
    try:
        public = is_public(bare)
    except ValueError:
        raise SourceRefused(f"the host of a URL is a name or an IP address; got {host!r}") from None
    if not public:
        raise SourceRefused(_private_rule(host))


def _private_rule(host: str) -> str:
    return (
        "private, loopback and link-local addresses are refused unless HEATERS_ALLOW_PRIVATE_HOSTS=1; "
        f"got host {host!r}"
    )


def check_url(url: str, *, allow_private_hosts: bool) -> None:
    """Refuse what is no http(s) URL of an allowed host. Raises SourceRefused."""
    parts = _split(url)
    if parts is None or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise SourceRefused(f"a URL has a valid host and port and no spaces; got {show_url(url)!r}")
    if parts.scheme not in {"http", "https"}:
        raise SourceRefused(f"only http and https URLs are fetched; got scheme {parts.scheme!r}")
    if not parts.hostname:
        raise SourceRefused(f"a URL names a host; got {show_url(url)!r}")
    if not allow_private_hosts:
        check_host(parts.hostname)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError where it is no number in range
    except ValueError:
        return None
    return parts


def show_url(url: str) -> str:
    """The URL without user, password, fragment and secret query values: fit for a message, a log or a result."""
    parts = _split(url)
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
    parts = _split(url)
    if parts is None:
        return ()
    values = [value for name, value in parse_qsl(parts.query) if not _is_harmless(name, value)]
    return tuple(value for value in (parts.username, parts.password, *values) if value)
