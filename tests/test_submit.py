"""Sources come in once: by path, by bytes, by manifest."""

import json
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rows import one

from heaters.errors import UsageError
from heaters.store.db import Database
from heaters.submit import expand, submit, submit_all


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


def test_a_long_manifest_takes_seconds_and_no_memory(db: Database, tmp_path: Path) -> None:
    manifest = tmp_path / "long.txt"
    manifest.write_text("".join(f"https://example.org/films/{number:07d}/master.mp4\n" for number in range(100_000)))
    begun = time.monotonic()
    tracemalloc.start()
    assert sum(s.is_new for s in submit_all(db, expand([str(manifest)]))) == 100_000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.monotonic() - begun < 60  # about 5 s on two quiet cores; one by one it is minutes
    assert peak_bytes < 20 * 2**20
    print(f"{time.monotonic() - begun:.1f} s, peak {peak_bytes / 2**20:.1f} MiB")
