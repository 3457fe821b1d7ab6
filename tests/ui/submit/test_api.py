"""Submitting by the Submit tab's routes: lines looked at one by one, files sent."""

import time
from pathlib import Path
from typing import Any

import barcode
import httpx
import pytest
from client import client
from rows import one, rows
from served import Site

from heaters.errors import UsageError
from heaters.settings import Settings
from ui.submit.lines import of_manifest
from ui.submit.uploads import safe


def checked(anyone: httpx.Client, *lines: str) -> list[dict[str, Any]]:
    answer = anyone.post("/api/submit/check", json={"lines": list(lines)})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["lines"])


@pytest.fixture
def folder_site(make_site: Any, database_url: str, tmp_path: Path) -> Site:
    """A server that takes files of the test's folder, and of a bucket."""
    made: Site = make_site(database_url=database_url, ui_sources=(str(tmp_path), "s3://bucket"))
    return made


def test_each_line_is_looked_at_by_itself(folder_site: Site, tmp_path: Path) -> None:
    film = barcode.write(tmp_path / "film.mp4", 5)
    (tmp_path / "page.mp4").write_text("<!DOCTYPE html>")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "list.txt").write_text(f"{film}\n# a comment\nhttp://127.0.0.1/x\nfilm.mp4\n")
    lines = {
        "https://example.org/v?id=1": "",
        "s3://bucket/films/a film.MOV": "",
        "s3://bucket/films/": "must be a video",
        str(film): "",
        str(tmp_path / "list.txt"): "",
        "film.mp4": "begins with /",
        str(tmp_path / "page.mp4"): "web page",
        str(tmp_path / "empty.mp4"): "empty",
        str(tmp_path): "not a regular file",
        f"{tmp_path}/no/such/file.mp4": "cannot be read",
        f"{tmp_path}/../outside.mp4": "HEATERS_UI_SOURCES",
        "/etc/passwd": "HEATERS_UI_SOURCES",
        "ftp://example.org/x": "only http",
        "http://169.254.169.254/latest": "private",
        "http://[::1]/": "private",
        "file:///etc/passwd": "only http",
        "/a\0b": "not a path",
        "~root/x": "begins with /",
        "x" * 5000: "at most",
        "<script>alert(1)</script>": "begins with /",
    }
    with client(folder_site) as anyone:
        found = checked(anyone, "", "# nothing", *lines)
        assert [line["line"] for line in found] == list(lines)
        for line, rule in zip(found, lines.values(), strict=True):
            assert line["ok"] is (rule == ""), line
            assert rule in line["says"], line
        assert found[4]["count"] == 2
        assert [line["ok"] for line in checked(anyone, str(film), str(film))] == [True, False]
    assert rows(folder_site.database, "select id from videos") == []


def test_what_is_fine_is_accepted_and_the_rest_refused(folder_site: Site, tmp_path: Path) -> None:
    film = barcode.write(tmp_path / "film.mp4", 5)
    with client(folder_site) as anyone:
        lines = [str(film), "/no/such", "https://example.org/v"]
        answer = anyone.post("/api/submit/sources", json={"lines": lines}).json()["submissions"]
        assert [(s["video_id"] is not None, s["is_new"]) for s in answer] == [
            (True, True),
            (False, False),
            (True, True),
        ]
        assert "known already" in checked(anyone, str(film))[0]["says"]


def put(anyone: httpx.Client, name: str, data: Any) -> httpx.Response:
    return anyone.put(
        "/api/submit/files", params={"name": name}, content=data, headers={"content-type": "application/octet-stream"}
    )


def test_a_file_is_taken_once(empty_site: Site, tmp_path: Path) -> None:
    data = barcode.write(tmp_path / "film.mp4", 5).read_bytes()
    with client(empty_site) as anyone:
        first = put(anyone, "../../my film.mp4", data).json()
        assert (first["is_new"], first["source"]) == (True, "my film.mp4")
        source = Path(one(empty_site.database, "select source from videos"))
        uploads = empty_site.context.settings.uploads_folder
        assert source.read_bytes() == data
        assert source.is_relative_to(uploads)
        again = put(anyone, "other.mp4", iter([data[:100], data[100:]])).json()  # chunked: no length is said before
        assert (again["is_new"], again["video_id"]) == (False, first["video_id"])
        assert [path for path in uploads.rglob("*") if path.is_file()] == [source]
        one(empty_site.database, "update videos set source_key = 'x' returning id")
        put(anyone, "third.mp4", b"x")  # what the store holds goes with the next upload
        assert not source.exists()


def test_a_file_too_large_leaves_nothing(make_site: Any, database_url: str) -> None:
    site = make_site(database_url=database_url, max_source_gib=0.001)
    with client(site) as anyone:
        too_much = bytes(2**20 + 2**17)
        assert put(anyone, "a.mp4", too_much).status_code == 413
        assert put(anyone, "a.mp4", iter([too_much])).status_code == 413
        assert put(anyone, "a.mp4", b"").status_code == 413
    settings: Settings = site.context.settings
    assert [path for path in settings.uploads_folder.rglob("*") if path.is_file()] == []


def test_names_of_files_are_made_harmless() -> None:
    for given, kept in {
        "../../etc/passwd": "passwd",
        "C:\\films\\a.mp4": "a.mp4",
        "": "upload",
        "..": "upload",
        "a\0\n;rm -rf.mp4": "a___rm -rf.mp4",
        "<img src=x>.mp4": "_img src=x_.mp4",
        "übung é.mkv": "übung é.mkv",
    }.items():
        assert safe(given) == kept
    assert len(safe("ü" * 500 + ".mp4").encode()) < 200


def test_a_manifest_from_somebody_s_disk() -> None:
    assert of_manifest("list.txt", "https://a.example/1\n\n# no\nfilm.mp4") == ["https://a.example/1", "film.mp4"]
    assert of_manifest("list.csv", "url,title\nhttps://a.example/1,x") == ["https://a.example/1"]
    assert of_manifest("list.jsonl", '{"source": "https://a.example/1"}') == ["https://a.example/1"]
    assert of_manifest("list.txt", "\ufefffilm.mp4\r\nb.mp4") == ["film.mp4", "b.mp4"]
    with pytest.raises(UsageError, match=r"list\.jsonl, line 2: must be JSON"):
        of_manifest("list.jsonl", '"a"\nb')
    with pytest.raises(UsageError, match=r"list\.txt cannot be read"):
        of_manifest("list.txt", "a\0b")


@pytest.mark.parametrize("line", ["a\n", "\n\n", "https://a.example/1\n"])
def test_a_manifest_of_millions_of_lines_is_answered_at_once(line: str) -> None:
    begun = time.process_time()
    text = line * (6_000_000 // len(line))
    if line.strip():
        with pytest.raises(UsageError, match="at most 5,000 lines"):
            of_manifest("list.txt", text)
    else:
        assert of_manifest("list.txt", text) == []
    assert time.process_time() - begun < 5  # it was 23 s


def test_an_upload_that_was_refused_for_good_goes(empty_site: Site, tmp_path: Path) -> None:
    with client(empty_site) as anyone:
        answer = put(anyone, "broken.mp4", b"no film at all").json()
        source = Path(one(empty_site.database, "select source from videos"))
        put(anyone, "other.mp4", b"nor is this")
        assert source.exists()  # nobody has looked at it yet
        one(
            empty_site.database,
            "with v as (insert into variants (stage, variant) values ('download', '') returning id) "
            "insert into failures (video_id, variant, driver, error_type, error) "
            "select %(v)s, id, 'd', 'MediaError', 'e' from v returning id",
            {"v": answer["video_id"]},
        )
        put(anyone, "third.mp4", b"a third")
        assert not source.exists()
