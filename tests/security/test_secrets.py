"""What is secret in an address stands in no output: a password and a token are planted, and all is searched for them
(issue 19, 11).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import barcode
import httpx
import pytest
import web
from command import Heaters
from served import serve

from heaters.settings import Settings

PASSWORD, TOKEN = "planted-password-7f1c", "planted-token-3e9b77aa"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A film behind an address with a password and a token."""
    data = barcode.write(tmp_path / "film.mp4", 50).read_bytes()
    with web.site() as site:
        place = urlsplit(site.add("/film.mp4", web.file(data)))
        yield f"http://somebody:{PASSWORD}@{place.netloc}/film.mp4?token={TOKEN}&v=1"


@pytest.mark.timeout(900)  # a dozen commands, one after the other
def test_no_output_tells_them(heaters: Heaters, url: str, tmp_path: Path, database_url: str) -> None:
    log = tmp_path / "log.jsonl"
    heaters.environment |= {
        "HEATERS_LOG": str(log),
        "HEATERS_ALLOW_PRIVATE_HOSTS": "1",
        "HEATERS_S3_ENDPOINT": f"http://key:{PASSWORD}@127.0.0.1:1",
        "HEATERS_PROXIES": "demand",
    }
    refused = url.replace("http://", "ftp://")
    out = tmp_path / "dataset"
    missing = url.replace("film.mp4", "missing.mp4")
    said = ""
    for command in (
        ("submit", url, refused, "--json"),
        ("submit", url, refused),
        ("run", "--auto-approve"),
        ("run", url, missing, "--json"),
        ("status",),
        ("status", "--json"),
        ("status", missing, "--json"),
        ("status", "http://nobody.example/?token=" + TOKEN),
        ("cuts", url, "--json"),
        ("clips", url, "--json"),
        ("clips", url),
        ("cuts", url, "--format", "otio"),
        ("export-dataset", out, "--json"),
        ("config",),
        ("config", "--json"),
        ("doctor", "--json"),
        ("db", "status"),
    ):
        answer = heaters(*command)
        said += f"{command[0]} {answer.code}\n{answer.out}{answer.err}"
    assert '"state": "cut"' in said, said
    written = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert any(b"film.mp4" in data for data in written.values())
    assert log.stat().st_mode & 0o777 == 0o600
    for secret in (PASSWORD, TOKEN):
        assert secret not in said, said[said.index(secret) - 300 : said.index(secret) + 100]
        assert secret not in log.read_text()
        assert not [path for path, data in written.items() if secret.encode() in data]
    with serve(Settings(home=tmp_path / "home", database_url=database_url)) as site:
        video = json.loads(heaters("status", "--json").out)["videos"][-1]["id"]
        for path in (
            "/api/status/board", "/api/status/videos", "/api/review/videos", "/api/query/videos",
            f"/api/status/videos/{video}", f"/api/status/videos/{video}/runs",
        ):  # fmt: skip
            answer = httpx.get(site.url + path, timeout=30)
            assert answer.status_code == 200, (path, answer.text)
            assert TOKEN not in answer.text
            assert PASSWORD not in answer.text


def test_a_wrong_setting_is_not_quoted_whole(heaters: Heaters) -> None:
    wrong = {
        "HEATERS_ENDPOINT": f"ftp://u:{PASSWORD}@host/?token={TOKEN}",
        "HEATERS_DATABASE_URL": f"mysql://u:{PASSWORD}@host/db",
        "HEATERS_STORE": f"http://u:{PASSWORD}@host/db",
        "RAY_ADDRESS": f"ray://u:{PASSWORD}@127.0.0.1:1",
        "HEATERS_UI_SOURCES": f"https://u:{PASSWORD}@host/",
    }
    for name, value in wrong.items():
        answer = heaters("run" if name == "RAY_ADDRESS" else "status", "/no/such", **{name: value})
        assert answer.code in (1, 2)
        assert PASSWORD not in answer.out + answer.err
        assert TOKEN not in answer.out + answer.err


def test_logs_are_their_owner_s(tmp_path: Path) -> None:
    from deployments.log import open_log

    open_log(tmp_path / "serve.jsonl")
    assert (tmp_path / "serve.jsonl").stat().st_mode & 0o777 == 0o600
    open_log()
