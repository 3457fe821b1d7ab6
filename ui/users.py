"""Who a request comes from. `user` is the one check that every own route and Gradio itself stand behind.

Three ways, in this order: the header of a trusted proxy, a session from the login page, and, only where there are
no users and the server listens on loopback (or was told to do without), everybody is the person who started it.
"""

import getpass
import ipaddress
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from heaters.errors import ConfigError
from heaters.settings import Settings
from ui.accounts import Accounts, Role, User
from ui.sessions import Sessions

__all__ = ["CurrentUser", "Identity", "Operator", "Role", "User", "is_loopback", "operator", "user"]

COOKIE = "heaters"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Identity:
    """Tells who a request comes from."""

    def __init__(self, accounts: Accounts, sessions: Sessions, settings: Settings) -> None:
        """Raises ConfigError for a proxy that is no address, and where nobody at all could be told from another."""
        self._accounts = accounts
        self._sessions = sessions
        self._header = settings.ui_proxy_header
        self._proxies = networks(settings.ui_proxy)
        self._is_loopback = is_loopback(settings.ui_host) and not settings.ui_open
        self._may_be_open = self._is_loopback or settings.ui_open
        if not (self._may_be_open or self._proxies or accounts.current()):
            raise ConfigError(
                f"HEATERS_UI_HOST={settings.ui_host} is open to others and there are no users: `heaters users add "
                f"NAME` makes some in {accounts.path}; or name a proxy that signs people in (HEATERS_UI_PROXY); "
                "or set HEATERS_UI_OPEN=1 to let everybody in"
            )

    @property
    def is_open(self) -> bool:
        """Whether everybody is let in. A server that once had users, or a proxy, closes instead when they go."""
        return self._may_be_open and not self._proxies and not self._accounts.current()

    @property
    def is_open_to_this_machine(self) -> bool:
        """Whether everybody is let in because only this machine can ask."""
        return self._is_loopback and self.is_open

    def of(self, request: HTTPConnection) -> User | None:
        """The user, or None for somebody who is not signed in. May ask the database."""
        if self._is_proxy(request):
            name = request.headers.get(self._header, "").strip()
            return self._named(name) if name else None
        if token := request.cookies.get(COOKIE):
            session = self._sessions.find(token)
            account = self._accounts.current().get(session.name) if session else None
            if session and account and session.fits(account):
                return account.user
        return User(name=_login_name(), role=Role.OPERATOR) if self.is_open else None

    def host(self, request: HTTPConnection) -> str:
        """The host and port that the browser asked, also through the trusted proxy."""
        own = request.headers.get("host", "")
        return request.headers.get("x-forwarded-host", own) if self._is_proxy(request) else own

    def is_secure(self, request: HTTPConnection) -> bool:
        """Whether the browser speaks TLS, as far as we or the trusted proxy can tell."""
        if self._is_proxy(request):
            return request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        return request.url.scheme == "https"

    def _is_proxy(self, request: HTTPConnection) -> bool:
        if not self._proxies or request.client is None:
            return False
        try:
            address = ipaddress.ip_address(request.client.host)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)

    def _named(self, name: str) -> User | None:
        account = self._accounts.current().get(name)
        if account:
            return account.user
        try:
            return User(name=name, role=Role.REVIEWER)
        except ConfigError:
            return None


def user(request: HTTPConnection) -> User:
    """The user of a request, as the guard found them. Raises 401 for nobody."""
    found = getattr(request.state, "user", None)
    if not isinstance(found, User):
        raise HTTPException(401, "sign in first")
    return found


CurrentUser = Annotated[User, Depends(user)]


def operator(person: CurrentUser) -> User:
    """The user when they are an operator. Raises 403 for others."""
    if not person.is_operator:
        raise HTTPException(403, f"{person.name} is a reviewer; this needs an operator")
    return person


Operator = Annotated[User, Depends(operator)]


def networks(text: str) -> Sequence[Network]:
    """The addresses and networks of a comma list. Raises ConfigError for anything else."""
    try:
        return [ipaddress.ip_network(word.strip()) for word in text.split(",") if word.strip()]
    except ValueError as error:
        raise ConfigError(f"HEATERS_UI_PROXY must be addresses or networks, separated by commas: {error}") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server at `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "reviewer"
