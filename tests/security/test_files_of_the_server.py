"""An operator of the page reads no file of the server, and learns not even whether one is there (issue 19, 10)."""

from pathlib import Path

import httpx
import pytest
from served import Site

SECRET = "planted-9f3a7c"


@pytest.fixture(scope="module")
def planted(folder: Path) -> list[Path]:
    """Files of every kind that holds the secret, outside the folder for sources, and links to them inside."""
    outside = folder.parent
    files = [outside / name for name in ("token", "list.txt", "list.csv", "list.jsonl", "clip.mp4", "binary")]
    for file in files:
        file.write_text(f"{SECRET}\n")
    files[-1].write_bytes(SECRET.encode() + bytes(range(256)))
    links = []
    for file in files:
        link = folder / f"link-{file.name}"
        link.symlink_to(file)
        links.append(link)
    return [*files, *links, folder / ".." / "token", Path("/proc/self/environ"), Path("/etc/passwd"), Path("/no/such")]


def test_no_line_leads_out_of_the_folder(operator: httpx.Client, planted: list[Path], guarded: Site) -> None:
    lines = [*map(str, planted), str(guarded.context.settings.users_file), "s3://bucket/film.mp4"]
    for route in ("check", "sources"):
        answer = operator.post(f"/api/submit/{route}", json={"lines": lines})
        assert answer.status_code == 200, (route, answer.text)
        assert SECRET not in answer.text
        assert "$argon2" not in answer.text
        said = [row.get("says") or row.get("error") for row in next(iter(answer.json().values()))]
        assert len(said) == len(lines)
        # The same sentence for all of them: also that a file is there is nobody's business.
        assert len({text.replace("objects in S3", "files on the server") for text in said}) == 1, said


def test_what_lies_in_the_folder_is_not_quoted(operator: httpx.Client, folder: Path) -> None:
    (folder / "notes.mp4").write_text(f"{SECRET} in words")
    (folder / "bytes.mp4").write_bytes(SECRET.encode()[:8] + bytes(range(256)))
    (folder / "bad.csv").write_text(f"{SECRET},b\n1,2\n")
    (folder / "bad.jsonl").write_text(f'{{"{SECRET}": 1\n')
    (folder / "words.txt").write_text(f"{SECRET}\n/etc/passwd\nhttps://example.org/?token={SECRET}\n")
    (folder / "latin.txt").write_bytes(f"{SECRET}".encode() + b"\xff")
    lines = [str(path) for path in sorted(folder.iterdir()) if not path.is_symlink()]
    answer = operator.post("/api/submit/check", json={"lines": lines})
    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert SECRET[:8].encode().hex(" ") not in answer.text
