"""Signing in and out. How a password is kept is `accounts`' business, how a session is remembered `sessions`'."""

import threading
import time
from urllib.parse import urlsplit

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ui import assets
from ui.accounts import Accounts
from ui.sessions import LIFETIME_SECONDS, Sessions
from ui.users import COOKIE, CurrentUser, Identity

# After so many wrong passwords from an address, for one name or any, each further one waits twice as long as the last.
FREE_ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 300.0
MOST_REMEMBERED = 10_000


class Credentials(BaseModel):
    """What the login page sends."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class Attempts:
    """Slows guessing down. In memory: a restart forgives, which a guesser cannot cause."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._failed: dict[str, tuple[int, float]] = {}

    def wait_seconds(self, *keys: str) -> float:
        """How long whoever has these keys must wait before the next attempt counts."""
        now = time.monotonic()
        with self._guard:
            return max(self._wait(key, now) for key in keys)

    def failed(self, *keys: str) -> None:
        """A wrong password."""
        with self._guard:
            if len(self._failed) > MOST_REMEMBERED:
                self._failed.clear()
            for key in keys:
                count, _ = self._failed.get(key, (0, 0.0))
                self._failed[key] = (count + 1, time.monotonic())

    def succeeded(self, *keys: str) -> None:
        """The right one: what was wrong before is forgotten."""
        with self._guard:
            for key in keys:
                self._failed.pop(key, None)

    def _wait(self, key: str, now: float) -> float:
        count, last = self._failed.get(key, (0, 0.0))
        if count < FREE_ATTEMPTS:
            return 0.0
        pause: float = min(2.0 ** (count - FREE_ATTEMPTS), LONGEST_WAIT_SECONDS)
        return max(0.0, last + pause - now)


def router(accounts: Accounts, sessions: Sessions, identity: Identity) -> APIRouter:
    """/login, /api/session: the page, signing in and out, who one is."""
    routes = APIRouter()
    attempts = Attempts()

    @routes.get("/login", response_class=HTMLResponse)
    def page(request: Request) -> Response:
        """The login page; home for those who are signed in already."""
        if request.state.user is not None:
            return RedirectResponse(own_path(request.query_params.get("next", "/")), status_code=303)
        return HTMLResponse(assets.text("shell/login.html"))

    @routes.post("/login")
    def sign_in(given: Credentials, request: Request) -> Response:
        """Check a password and begin a session."""
        address = request.client.host if request.client else ""
        # Not the name alone: whoever knows it would lock its owner out.
        keys = (f"{given.name} from {address}", f"address {address}")
        wait_seconds = attempts.wait_seconds(*keys)
        if wait_seconds > 0:
            headers = {"retry-after": str(int(wait_seconds) + 1)}
            raise HTTPException(429, f"too many attempts; try again in {wait_seconds:.0f} s", headers)
        attempts.failed(*keys)  # before the check, which takes long: many at once would all be free
        account = accounts.verify(given.name, given.password)
        if account is None:
            raise HTTPException(401, "name or password is wrong")
        attempts.succeeded(*keys)
        answer = JSONResponse({"name": account.user.name, "role": account.user.role})
        answer.set_cookie(
            COOKIE,
            sessions.begin(account),
            max_age=LIFETIME_SECONDS,
            httponly=True,
            samesite="lax",
            secure=identity.is_secure(request),
        )
        return answer

    @routes.get("/api/session")
    def who(person: CurrentUser, request: Request) -> dict[str, object]:
        """Who is signed in, and whether they can sign out."""
        return {"name": person.name, "role": person.role, "can_sign_out": COOKIE in request.cookies}

    @routes.delete("/api/session")
    def sign_out(_: CurrentUser, request: Request) -> Response:
        """End the session."""
        if token := request.cookies.get(COOKIE):
            sessions.end(token)
        answer = JSONResponse({"signed_out": True})
        answer.delete_cookie(COOKIE)
        return answer

    return routes


def own_path(text: str) -> str:
    """A path on this server to go on to; the front page for anything that leads elsewhere."""
    parts = urlsplit(text)
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith("/") and not text.startswith("//")
    return text if is_own and "\\" not in text and text.isprintable() else "/"
