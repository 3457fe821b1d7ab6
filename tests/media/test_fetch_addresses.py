"""Which addresses are refused, how URLs are shown, and the guard over a whole process."""

import subprocess
import sys
import textwrap

import pytest
import web

from heaters.errors import SourceRefused
from heaters.media.addresses import check_url, is_public, redact, secrets_of, show_url


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001", "0.0.0.0", "10.1.2.3", "172.16.0.1",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fe80::1]",
        "[fd00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "LOCALHOST.",
        "a.localhost", "db.internal", "printer.local",
    ],
)  # fmt: skip
def test_private_hosts_are_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(SourceRefused, match="HEATERS_ALLOW_PRIVATE_HOSTS"):
        check_url(f"http://{host}:8080/a.mp4", allow_private_hosts=False)
    check_url(f"http://{host}:8080/a.mp4", allow_private_hosts=True)


@pytest.mark.parametrize(
    "host", ["example.org", "8.8.8.8", "[2606:4700::1111]", "localhost.example.org", "xn--bcher-kva.de"]
)
def test_public_hosts_pass(host: str) -> None:
    check_url(f"https://{host}/watch?v=1", allow_private_hosts=False)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://", "names a host"),
        ("http:///a.mp4", "names a host"),
        ("http://host:99999/", "valid host and port"),
        ("http://[::1/", "valid host and port"),
        ("http://host/a b", "no spaces"),
        ("http://host/a\r\nCookie: x", "no spaces"),
        ("gopher://host/", "only http and https"),
    ],
)
def test_what_is_no_web_url_is_refused(url: str, rule: str) -> None:
    with pytest.raises(SourceRefused, match=rule):
        check_url(url, allow_private_hosts=True)


def test_no_address_is_no_public_address() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        is_public("example.org")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://site.example/watch?v=dQw4w9WgXcQ&list=PL1#t=3", "https://site.example/watch?v=dQw4w9WgXcQ&list=PL1"),
        ("https://user:pw@site.example:8443/a", "https://site.example:8443/a"),
        ("https://s3.example/a.mp4?X-Amz-Signature=abc&x=1", "https://s3.example/a.mp4?X-Amz-Signature=***&x=1"),
        ("https://site.example/a?q=0123456789abcdef0123", "https://site.example/a?q=***"),
        ("https://site.example/a?token=", "https://site.example/a?token=***"),
        ("http://user:pw@host:99999/a?token=1", "http://host:99999/a"),
    ],
)
def test_urls_are_shown_without_secrets(url: str, shown: str) -> None:
    assert show_url(url) == shown


def test_messages_are_redacted() -> None:
    url = "https://me:hunter2@site.example/a?sig=s3cr3tvalue"
    text = f"pool(host='site.example'): /a?sig=s3cr3tvalue failed for {url} and proxy said hunter2"
    assert redact(text, secrets_of(url)) == (
        "pool(host='site.example'): /a?sig=*** failed for https://site.example/a?sig=*** and proxy said ***"
    )


def run_guarded(code: str) -> str:
    """What a guarded process prints."""
    program = "import socket, subprocess, urllib.request\nfrom heaters.media.network_guard import NetworkGuard\n"
    script = program + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_name_that_resolves_to_a_private_address_is_refused_when_connecting() -> None:
    with web.site() as site:
        site.add("/secret", web.text("inside"))
        printed = run_guarded(f"""
            answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", {site.port}))]
            socket.getaddrinfo = lambda *_, **__: answer
            guard = NetworkGuard(allow_private_hosts=False)
            guard.install()
            try:
                urllib.request.urlopen("http://innocent.example:{site.port}/secret")
            except OSError:
                print(*guard.refusals)
        """)
        assert "HEATERS_ALLOW_PRIVATE_HOSTS" in printed
        assert "127.0.0.1" in printed
        assert site.requests == []


def test_no_other_program_is_given_a_url() -> None:
    printed = run_guarded("""
        guard = NetworkGuard(allow_private_hosts=True)
        guard.install()
        subprocess.run(["true", "file:/tmp/a.mp4"])
        try:
            subprocess.run(["true", "-i", "http://example.org/a.m3u8"])
        except OSError:
            print(*guard.refusals)
    """)
    assert "no other program may open connections" in printed
