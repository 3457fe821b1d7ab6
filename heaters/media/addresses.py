"""Addresses of sources: which may be fetched from. How they are shown is `core/address.py`'s.

Names are not resolved here: what a name resolves to is checked at each connection (see `network_guard`).
"""

import ipaddress
import re
import socket
import unicodedata

from heaters.core.address import redact, secrets_of, show_url, split
from heaters.errors import SourceRefused

__all__ = ["check_host", "check_url", "is_public", "redact", "secrets_of", "show_url"]

# Names that only a private network knows; also every name without a dot, such as `metadata`.
_LOCAL_NAMES = re.compile(
    r"[^.]*|(.*\.)?(localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)", re.IGNORECASE
)
# What is in use for the public internet (RFC 4291): site-local, "compatible" and local NAT64 addresses are not in it.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
# Clouds answer their own machines there, with keys: Azure, Oracle. The others' are link-local or private.
_CLOUD = frozenset(map(ipaddress.IPv4Address, ("168.63.129.16", "192.0.0.192")))
# NAT64 (RFC 6052): the last 32 bits are an IPv4 address that a gateway connects to.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


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
        if ip not in _GLOBAL_IPV6:
            return False
    elif ip in _CLOUD:
        return False
    return ip.is_global and not ip.is_multicast


def check_host(host: str) -> None:
    """Refuse a host that names a private place by itself, before any name is resolved.

    Every spelling that a resolver takes for an IPv4 address counts as one (127.1, 0x7f000001, 2130706433).
    Raises SourceRefused.
    """
    # Resolvers and proxies read full-width digits and dots, and a dot at the end, as what they stand for.
    bare = unicodedata.normalize("NFKC", host).replace("\u3002", ".").strip("[]").split("%")[0].rstrip(".")
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
    parts = split(url)
    if parts is None or re.search(r"[\s\x00-\x1f\x7f\ud800-\udfff]", url):
        raise SourceRefused(f"a URL has a valid host and port and no spaces; got {show_url(url)!r}")
    if parts.scheme not in {"http", "https"}:
        raise SourceRefused(f"only http and https URLs are fetched; got scheme {parts.scheme!r}")
    if not parts.hostname:
        raise SourceRefused(f"a URL names a host; got {show_url(url)!r}")
    if not allow_private_hosts:
        check_host(parts.hostname)
