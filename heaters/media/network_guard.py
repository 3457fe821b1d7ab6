"""Holds a process to public addresses: installed once, for good, in the child that downloads.

It hooks Python's audit events, so it sees every connection that Python code makes, whatever library makes it and
wherever a redirect or a DNS answer has led: the address is judged at the moment of connecting.
"""

import re
import socket
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from heaters.errors import SourceRefused
from heaters.media.addresses import check_host, is_public

# What a proxy is asked for: "GET http://host/… HTTP/1.1", "CONNECT host:443 HTTP/1.1".
_PROXY_REQUEST = re.compile(rb"(?:CONNECT |[A-Z]+ https?://)(?:[^@/ ]*@)?(\[[^\]]*\]|[^:/ ]+)")
_REMOTE_ARGUMENT = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class AddressRefusedError(PermissionError):
    """A connection was refused by the guard; an OSError, so that libraries treat it as a failed connection."""


class NetworkGuard:
    """Refuses connections to addresses that are not public, and subprocesses that are given a URL.

    Behind a proxy it is the proxy that resolves names and connects: then the host of each request is judged as it is
    written, and the proxy's own address is allowed. `refusals` says what was refused, in order.
    """

    def __init__(self, *, allow_private_hosts: bool, proxy_url: str = "") -> None:
        self.refusals: list[str] = []
        self._allow_private_hosts = allow_private_hosts
        self._proxy = _resolve(proxy_url) if proxy_url else frozenset()  # (host, port), by name and by address
        self._checks: dict[str, Callable[..., None]] = {"subprocess.Popen": self._check_process}
        if not allow_private_hosts:
            self._checks |= {
                "socket.connect": self._check_connect,
                "socket.sendto": self._check_connect,
                "http.client.connect": self._check_request,
                "http.client.send": self._check_proxy_request,
            }

    def install(self) -> None:
        """Start guarding this process. An audit hook cannot be removed again."""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        check = self._checks.get(event)
        if check is not None:
            check(*arguments)

    def _check_connect(self, _socket: object, address: Any) -> None:
        host, port = address[:2] if isinstance(address, tuple) else ("", 0)
        if (host, port) in self._proxy:
            return
        try:
            allowed = is_public(host)
        except ValueError:
            allowed = False  # a name, or no internet address at all: only resolved addresses can be judged
        if not allowed:
            self._refuse(
                f"private, loopback and link-local addresses are refused unless HEATERS_ALLOW_PRIVATE_HOSTS=1; "
                f"the connection went to {host or address!r}"
            )

    def _check_request(self, _connection: object, host: str, port: object) -> None:
        if (host, port) not in self._proxy:
            self._check_host(host)

    def _check_host(self, host: str) -> None:
        try:
            check_host(host)
        except SourceRefused as error:
            self._refuse(str(error))

    def _check_proxy_request(self, _connection: object, data: object) -> None:
        if self._proxy and isinstance(data, bytes) and (match := _PROXY_REQUEST.match(data)):
            self._check_host(match.group(1).decode("latin-1"))

    def _check_process(self, executable: object, arguments: object, *_rest: object) -> None:
        # ffmpeg may merge files that are here; were it given a URL, its connections would be unseen.
        words = arguments if isinstance(arguments, list | tuple) else [arguments]
        for word in (executable, *words):
            text = word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
            if _REMOTE_ARGUMENT.search(text):
                self._refuse(f"no other program may open connections; {executable!r} was given a URL")

    def _refuse(self, rule: str) -> None:
        self.refusals.append(rule)
        raise AddressRefusedError(rule)


def _resolve(proxy_url: str) -> frozenset[tuple[str, int]]:
    parts = urlsplit(proxy_url)
    host = parts.hostname or ""
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 1080)
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return frozenset({(host, port), *((str(answer[4][0]), port) for answer in answers)})
