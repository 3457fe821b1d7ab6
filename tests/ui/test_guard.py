"""Every route, whoever made it, stands behind the same guard."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
from client import client, signed_in
from served import Site
from starlette.routing import Mount

from ui.app import create_app

# What anybody may have: signing in, being told that the server is alive, and what the login page is made of.
OPEN = re.compile(r"/login|/healthz|/ui/shell/[a-z]+\.(css|js|svg)|/static/fonts/.+\.woff2")
TRAVERSALS = ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//etc/passwd")
PLACES = ("/ui/", "/media/pictures/", "/media/videos/", "/media/clips/", "/static/", "/assets/")


def all_routes(routes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of every route of the application, those of mounted ones (Gradio's) too."""
    for route in routes:
        if isinstance(route, Mount):
            yield from all_routes(route.routes, prefix + route.path)
        elif included := getattr(route, "original_router", None):
            yield from all_routes(included.routes, prefix)
        else:
            for method in getattr(route, "methods", None) or {"GET"}:
                yield method, prefix + re.sub(r"\{[^}]*\}", "1", route.path)


def ask(person: httpx.Client, method: str, path: str) -> httpx.Response:
    body = {} if method in ("GET", "HEAD", "OPTIONS") else {"json": {}}
    return person.request(method, path, **body)


def test_anonymous_access_to_every_route_is_refused(guarded_site: Site) -> None:
    routes = sorted(set(all_routes(create_app(guarded_site.context).routes)))
    assert len([path for _, path in routes if path.startswith(("/api/", "/media/"))]) > 20
    with client(guarded_site) as stranger:
        answers = {(method, path): ask(stranger, method, path).status_code for method, path in routes}
    let_in = {route: code for route, code in answers.items() if code != 401 and not OPEN.fullmatch(route[1])}
    assert not let_in


def test_a_page_leads_strangers_to_the_login_and_back(guarded_site: Site) -> None:
    with client(guarded_site) as stranger:
        answer = stranger.get("/?tab=query&q=a b", headers={"accept": "text/html"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=/%3Ftab%3Dquery%26q%3Da%2520b"
        page = stranger.get(answer.headers["location"])
        assert page.status_code == 200
        assert "password" in page.text
    with signed_in(guarded_site, "ben") as ben:
        assert ben.get(answer.headers["location"]).headers["location"] == "/?tab=query&q=a%20b"


def test_the_login_leads_nowhere_else(guarded_site: Site) -> None:
    with signed_in(guarded_site, "ben") as ben:
        for elsewhere in ("https://evil.example", "//evil.example/x", "/\\evil.example", "javascript:1"):
            assert ben.get("/login", params={"next": elsewhere}).headers["location"] == "/"


FOREIGN: tuple[dict[str, str], ...] = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"content-type": "text/plain"},
    {"content-type": "application/x-www-form-urlencoded"},
    {"content-type": "multipart/form-data; boundary=x"},
    {"content-type": ""},
)


def test_other_sites_cannot_change_anything(guarded_site: Site) -> None:
    own = {"origin": guarded_site.url, "content-type": "application/json"}
    with signed_in(guarded_site, "ann") as ann:
        for foreign in FOREIGN:
            answer = ann.post("/api/status/retry", content=b"{}", headers={**own, **foreign})
            assert answer.status_code == 403, foreign
        assert ann.post("/api/status/retry", json={}).status_code == 200


def test_a_server_open_to_this_machine_knows_no_other_name(empty_site: Site) -> None:
    with client(empty_site) as anyone:
        assert anyone.get("/api/session").json()["role"] == "operator"
        answer = anyone.get("/api/session", headers={"host": "evil.example"})
        assert answer.status_code == 421


def test_what_a_page_may_do_is_limited(empty_site: Site) -> None:
    with client(empty_site) as anyone:
        first, second = anyone.get("/"), anyone.get("/")
    policy = first.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    policies = [answer.headers["content-security-policy"] for answer in (first, second)]
    nonces = [re.findall(r"'nonce-([\w-]+)'", text)[0] for text in policies]
    assert nonces[0] != nonces[1]
    assert first.text.count(f'nonce="{nonces[0]}"') == first.text.count("<script")
    assert first.headers["x-content-type-options"] == "nosniff"


def test_gradio_s_other_doors_are_shut(empty_site: Site) -> None:
    doors = (
        "/?page=2",
        "/?deep_link=../x",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=http://127.0.0.1:1/",
        "/gradio_api/info",
        "/monitoring",
    )
    with client(empty_site) as anyone:
        assert {anyone.get(path).status_code for path in doors} == {404}


def test_no_path_leads_out(empty_site: Site) -> None:
    with client(empty_site) as anyone:
        answers = {place + way: anyone.get(place + way) for place in PLACES for way in TRAVERSALS}
    assert not {path for path, answer in answers.items() if answer.status_code < 400 or "root:" in answer.text}


def test_errors_of_ours_have_one_shape(empty_site: Site) -> None:
    with client(empty_site) as anyone:
        wrong = {"/media/videos/1/proxy": 404, "/api/query/clips?page=0": 400, "/api/query/clips?video=x": 422}
        for path, code in wrong.items():
            answer = anyone.get(path)
            assert answer.status_code == code
            assert set(answer.json()["error"]) == {"type", "message"}
