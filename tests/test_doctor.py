"""`heaters doctor`: everything well here, and where it is not the fix stands beside it."""

from pathlib import Path

import pytest
from command import Heaters

from heaters.doctor import CHECKS, MEND, examine
from heaters.settings import Settings


def test_all_is_well_here(heaters: Heaters) -> None:
    ran = heaters("doctor", "--json")
    checks = {check["name"]: check for check in ran.json}
    assert list(checks) == [*CHECKS, "ray"]
    assert ran.code == 0, ran.out
    assert "pgvector" in checks["database"]["found"]
    count = len(list((Path(__file__).parents[1] / "heaters" / "store" / "migrations").glob("*.sql")))
    assert checks["migrations"]["found"] == f"{count} of {count} applied"
    assert "1 nodes, 2 CPUs" in checks["ray"]["found"]


def test_what_is_wrong_is_said_with_its_fix_and_hides_nothing(heaters: Heaters, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    wrong = {
        "HEATERS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "HEATERS_STORE": str(tmp_path / "file" / "store"),
        "HEATERS_MODEL": f"openclip:local-dir:{tmp_path}/none",
        "RAY_ADDRESS": "127.0.0.1:1",
    }
    ran = heaters("doctor", "--json", **wrong)
    checks = {check["name"]: check for check in ran.json}
    assert ran.code == 1
    bad = {name for name, check in checks.items() if not check["ok"]}
    assert bad == {"database", "migrations", "store", "embedder", "ray"}
    assert all(checks[name]["mend"] == MEND[name] for name in bad)
    assert "RAY_ADDRESS=127.0.0.1:1" in checks["ray"]["found"]


@pytest.mark.parametrize("missing", ["libx264", "libdav1d"])
def test_an_ffmpeg_without_a_codec_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str) -> None:
    """A stand-in for the binary: there is no ffmpeg here that lacks one."""
    from heaters.media import ffmpeg

    fake = tmp_path / "ffmpeg"
    fake.write_text(f'#!/bin/sh\n{ffmpeg.binary()} "$@" | grep -v {missing}\n')
    fake.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "binary", lambda: str(fake))
    (check,) = [c for c in examine(Settings(home=tmp_path)) if c.name == "ffmpeg"]
    assert not check.ok
    assert f"lacks {missing}" in check.found
