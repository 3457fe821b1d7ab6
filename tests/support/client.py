"""A browser's way of asking, without a browser: its own Origin, JSON bodies, cookies kept."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from served import Site

PASSWORDS = {"ann": "correct horse battery", "ben": "staple and so on"}  # ann is an operator, ben a reviewer


def client(site: Site, *, address: str | None = None) -> httpx.Client:
    """A client of the site; nobody yet. `address`: from which address of loopback it asks."""
    transport = httpx.HTTPTransport(local_address=address) if address else None
    return httpx.Client(base_url=site.url, headers={"origin": site.url}, transport=transport, timeout=30)


@contextmanager
def signed_in(site: Site, name: str) -> Iterator[httpx.Client]:
    """A client that has signed in with the password of PASSWORDS."""
    with client(site) as made:
        answer = made.post("/login", json={"name": name, "password": PASSWORDS[name]})
        assert answer.status_code == 200, answer.text
        yield made
