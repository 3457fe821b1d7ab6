"""Who a request comes from: sessions, the trusted proxy, and the open server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from client import PASSWORDS, client, signed_in
from served import Site, serve

from heaters.errors import ConfigError
from heaters.settings import Settings
from ui.accounts import Accounts, Role
from ui.users import is_loopback

HEADER = "X-Forwarded-User"


def test_a_session_lasts_over_a_restart_and_ends_with_signing_out(
    guarded_site: Site, make_site: Callable[..., Site]
) -> None:
    with signed_in(guarded_site, "ann") as ann:
        assert ann.get("/api/session").json() == {"name": "ann", "role": "operator", "can_sign_out": True}
        again = make_site(database_url=guarded_site.context.settings.database_url)
        cookie = {"cookie": f"heaters={ann.cookies['heaters']}"}
        with client(again) as same:
            assert same.get("/api/session", headers=cookie).json()["name"] == "ann"
        assert ann.request("DELETE", "/api/session", json={}).status_code == 200
        with client(guarded_site) as thief:
            assert thief.get("/api/session", headers=cookie).status_code == 401


def test_a_session_ends_with_a_new_password_or_without_the_user(guarded_site: Site) -> None:
    accounts = guarded_site.context.accounts
    with signed_in(guarded_site, "ann") as ann, signed_in(guarded_site, "ben") as ben:
        accounts.put("ann", Role.OPERATOR, "another long password")
        accounts.remove("ben")
        assert ann.get("/api/session").status_code == 401
        assert ben.get("/api/session").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts(guarded_site: Site) -> None:
    with client(guarded_site) as stranger:
        answer = stranger.post("/login", json={"name": "ann", "password": PASSWORDS["ann"]})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_wrong_passwords_are_refused_and_slowed_down(guarded_site: Site) -> None:
    with client(guarded_site) as guesser:
        codes = [guesser.post("/login", json={"name": "ann", "password": "wrong"}).status_code for _ in range(7)]
        assert codes[:5] == [401] * 5
        assert codes[-1] == 429
        answer = guesser.post("/login", json={"name": "ann", "password": PASSWORDS["ann"]})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1


def test_strange_names_sign_nobody_in(guarded_site: Site) -> None:
    for name in ("nobody", "", "ann'--", "<img src=x>", "ann\x00", "../ann"):
        with client(guarded_site) as stranger:
            answer = stranger.post("/login", json={"name": name, "password": PASSWORDS["ann"]})
            assert answer.status_code in (401, 429), name


def test_the_header_counts_only_from_the_proxy(make_site: Callable[..., Site], database_url: str) -> None:
    site = make_site(database_url=database_url, ui_proxy="127.0.0.2")
    with client(site, address="127.0.0.2") as proxy, client(site) as stranger:
        assert proxy.get("/api/session", headers={HEADER: "eve"}).json() == {
            "name": "eve",
            "role": "reviewer",
            "can_sign_out": False,
        }
        assert proxy.get("/api/session").status_code == 401
        assert proxy.get("/api/session", headers={HEADER: "a/b:c"}).status_code == 401
        assert stranger.get("/api/session", headers={HEADER: "eve"}).status_code == 401


def test_reviewers_do_not_operate(guarded_site: Site) -> None:
    with signed_in(guarded_site, "ben") as ben:
        assert ben.get("/api/status/board").status_code == 200
        for path in ("/api/status/retry", "/api/submit/check", "/api/submit/sources"):
            assert ben.post(path, json={"lines": []} if "submit" in path else {}).status_code == 403
        body = {"content-type": "application/octet-stream"}
        assert ben.put("/api/submit/files?name=a.mp4", content=b"x", headers=body).status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org"])
def test_a_server_open_to_others_needs_users(tmp_path: Path, database_url: str, host: str) -> None:
    settings = Settings(home=tmp_path, database_url=database_url, ui_host=host)
    with pytest.raises(ConfigError, match="heaters users add"), serve(settings):
        pass


def test_losing_the_users_closes_a_server_that_others_can_reach(
    make_site: Callable[..., Site], database_url: str, tmp_path: Path
) -> None:
    Accounts(tmp_path / "home" / "users").put("ann", Role.OPERATOR, PASSWORDS["ann"])
    site = make_site(database_url=database_url, ui_host="0.0.0.0")
    (tmp_path / "home" / "users").unlink()
    with client(site) as stranger:
        assert stranger.get("/api/session").status_code == 401


LOOPBACK = {"127.0.0.1": True, "::1": True, "localhost": True, "10.0.0.1": False, "example.org": False}


@pytest.mark.parametrize(("host", "expected"), LOOPBACK.items())
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
