"""Sources come in once: by path, by bytes, by manifest."""

import json
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rows import one
from statements import statements
from working import Driver

from heaters.core.pipeline import STAGES
from heaters.errors import MediaError, SourceRefused, UsageError
from heaters.media.fetch import FetchLimits, fetch
from heaters.settings import Settings
from heaters.store.db import Database
from heaters.submit import expand, submit, submit_all

DOWNLOAD = STAGES["download"]


def made(path: Path, content: bytes = b"some bytes") -> str:
    path.write_bytes(content)
    return str(path)


def test_same_path_and_same_bytes_are_one_video(db: Database, tmp_path: Path) -> None:
    first = submit(db, made(tmp_path / "a.mp4"))
    assert first.is_new
    for again in (str(tmp_path / "a.mp4"), str(tmp_path / "." / "a.mp4"), made(tmp_path / "copy.mp4")):
        found = submit(db, again)
        assert (found.video_id, found.is_new, found.error) == (first.video_id, False, None)
    assert one(db, "select count(*) from videos") == 1


def test_link_is_the_file_it_names(db: Database, tmp_path: Path) -> None:
    first = submit(db, made(tmp_path / "a.mp4"))
    (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")
    assert submit(db, str(tmp_path / "link.mp4")).video_id == first.video_id


@pytest.mark.parametrize("name", ['it\'s "quoted" 100% {} [red].mp4', "🎬" * 60 + ".mp4", "a\nb.mp4"])
def test_strange_names_are_only_names(db: Database, tmp_path: Path, name: str) -> None:
    found = submit(db, made(tmp_path / name))
    assert found.is_new
    assert one(db, "select source from videos") == str(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "rule"), [("missing.mp4", "does not exist"), ("folder", "must be a file"), ("empty.mp4", "is empty")]
)
def test_refusal_names_path_and_rule(db: Database, tmp_path: Path, name: str, rule: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.mp4").touch()
    found = submit(db, str(tmp_path / name))
    assert found.video_id is None
    assert found.error is not None
    assert str(tmp_path / name) in found.error
    assert rule in found.error


def test_other_bytes_under_a_known_path_are_refused(db: Database, tmp_path: Path) -> None:
    submit(db, made(tmp_path / "a.mp4"))
    found = submit(db, made(tmp_path / "a.mp4", b"other bytes"))
    assert found.error is not None
    assert "other bytes (video 1)" in found.error


NOT_UTF_8 = b"caf\xe9.mp4"


def test_a_name_that_is_no_utf_8_keeps_its_bytes(db: Database, tmp_path: Path) -> None:
    path = made(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + NOT_UTF_8)))
    found = submit(db, path)
    assert (found.is_new, found.error) == (True, None)
    assert one(db, "select source from videos") == f"file://{tmp_path}/caf%E9.mp4"
    assert one(db, "select title from videos") == "caf\ufffd"
    assert submit(db, path).video_id == submit(db, found.source).video_id == found.video_id
    fetched = fetch(found.source, tmp_path, limits=FetchLimits(max_bytes=100, timeout_seconds=5))
    assert fetched.path.read_bytes() == b"some bytes"


def test_one_bad_name_does_not_keep_the_others(db: Database, tmp_path: Path) -> None:
    loop = tmp_path / "loop.mp4"
    loop.symlink_to(loop)
    manifest = tmp_path / "m.txt"
    manifest.write_bytes(b"missing-\xe9.mp4\n" + b"x" * 300 + b".mp4\nok.mp4\n")
    made(tmp_path / "ok.mp4")
    bad = [
        "x" * 5000 + ".txt",
        f"/{'x' * 300}.mp4",
        "a\x00b.mp4",
        os.fsdecode(b"/missing/\xff.mp4"),
        str(loop),
        "~nobody-of-that-name/a.mp4",
        "https://example.org/" + "a" * 5000,
        "https://example.org/\x00",
        "https://example.org/" + os.fsdecode(NOT_UTF_8),
    ]
    found = list(submit_all(db, expand([*bad, str(manifest), str(made(tmp_path / "b.mp4", b"others"))])))
    assert [s.error is not None for s in found] == [True] * len(bad) + [True, True, False, False]
    for answer in found:
        f"{answer.source} {answer.error}".encode()


def test_a_file_that_was_moved_goes_on_at_its_new_place(db: Database, tmp_path: Path) -> None:
    first = submit(db, made(tmp_path / "a.mp4"))
    driver = Driver(db, Settings(home=tmp_path))
    (tmp_path / "a.mp4").rename(tmp_path / "b.mp4")
    driver.finish(DOWNLOAD, driver.claim(DOWNLOAD), lambda item: SourceRefused(f"{item.source} does not exist"))
    assert one(db, "select next_attempt_at is null from failures"), "given up"
    again = submit(db, str(tmp_path / "b.mp4"))
    assert (again.video_id, again.is_new, again.error) == (first.video_id, False, None)
    assert one(db, "select source from videos") == str(tmp_path / "b.mp4")
    (claim,) = driver.claim(DOWNLOAD)
    (item,) = driver.items(DOWNLOAD, [claim])[claim]
    assert item.source == str(tmp_path / "b.mp4")


def test_a_path_whose_first_file_died_stands_for_the_file_that_is_there(db: Database, tmp_path: Path) -> None:
    first = submit(db, made(tmp_path / "a.mp4", b"cut short"))
    driver = Driver(db, Settings(home=tmp_path))
    driver.finish(DOWNLOAD, driver.claim(DOWNLOAD), lambda _: MediaError("no video"))
    again = submit(db, made(tmp_path / "a.mp4", b"whole"))
    assert (again.video_id, again.error) == (first.video_id, None)
    assert len(driver.claim(DOWNLOAD)) == 1


def test_manifests_of_every_form(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("# a comment\n\nhttps://example.org/a.mp4\nb.mp4\n")
    (tmp_path / "m.csv").write_text("name,url\nx,https://example.org/c.mp4\n")
    (tmp_path / "m.jsonl").write_text(json.dumps({"path": "/d.mp4"}) + "\n" + json.dumps("https://example.org/e.mp4"))
    manifests = [str(tmp_path / name) for name in ("m.txt", "m.csv", "m.jsonl")]
    assert list(expand([*manifests, "f.mp4"])) == [
        "https://example.org/a.mp4",
        str(tmp_path / "b.mp4"),
        "https://example.org/c.mp4",
        "/d.mp4",
        "https://example.org/e.mp4",
        "f.mp4",
    ]


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("m.jsonl", '{"path": 3}', "line 1: must be a string or an object"),
        ("m.jsonl", '"a"\n{broken', "line 2: must be JSON"),
        ("m.csv", "name,file\nx,y\n", "a column named source, url or path"),
        ("m.txt", b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_bad_manifest_names_file_line_and_rule(tmp_path: Path, name: str, content: str | bytes, rule: str) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match="m\\.") as caught:
        list(expand([str(path)]))
    assert rule in str(caught.value)


def test_many_at_once_keep_their_order_and_the_rules(db: Database, tmp_path: Path) -> None:
    sources = [
        "https://example.org/a.mp4",
        made(tmp_path / "a.mp4"),
        "https://example.org/a.mp4",
        str(tmp_path / "missing.mp4"),
        made(tmp_path / "copy.mp4"),
        "https://example.org/b.mp4",
    ]
    found = list(submit_all(db, sources))
    assert [(s.video_id, s.is_new, s.error is not None) for s in found] == [
        (1, True, False),
        (2, True, False),
        (1, False, False),
        (None, False, True),
        (2, False, False),
        (found[-1].video_id, True, False),
    ]
    assert [s.source for s in found] == sources
    assert [s.video_id for s in submit_all(db, sources)] == [s.video_id for s in found]
    assert one(db, "select count(*) from videos") == 3


def test_two_who_submit_the_same_in_opposite_order_both_get_answers(db: Database) -> None:
    sources = [f"https://example.org/{number}.mp4" for number in range(3000)]
    with ThreadPoolExecutor(2) as threads:
        there, back = threads.map(lambda some: list(submit_all(db, some)), (sources, sources[::-1]))
    assert [s.video_id for s in there] == [s.video_id for s in reversed(back)]
    assert one(db, "select count(*) from videos") == 3000


def test_a_long_manifest_takes_few_statements_and_no_memory(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 100_000
    manifest = tmp_path / "long.txt"
    manifest.write_text("".join(f"https://example.org/films/{number:07d}/master.mp4\n" for number in range(count)))
    found: list[int] = []
    tracemalloc.start()
    sent = statements(lambda: found.append(sum(s.is_new for s in submit_all(db, expand([str(manifest)])))), monkeypatch)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [count]
    assert sent < count / 100
    assert peak_bytes < 20 * 2**20
