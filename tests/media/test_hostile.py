"""Files made to hang, exhaust or crash: refused with a reason, or worth what they truly hold; always within limits."""

import struct
from dataclasses import replace
from pathlib import Path

import barcode
import numpy as np
import pytest
from hostile_files import HOSTILE, box, edit_list_loop, resized
from sources import B_FRAMES, b_frames

from heaters.errors import MediaError, PermanentError
from heaters.media import examine, probe
from heaters.media.prepare import prepare

MOST_FRAMES = 25  # of the honest file that each was made of
LIMITS = {"threads": 1, "timeout_seconds": 30.0, "memory_bytes": 3 * 2**30}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_an_error_or_gives_its_own_frames(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, phrase = HOSTILE[name]
    path = factory(tmp_path)
    assert path.stat().st_size < 2_000_000
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 30.0)
    if phrase:
        with pytest.raises(PermanentError, match=phrase):
            probe.probe(path)
        return
    made = prepare(path, tmp_path, probe.probe(path), **LIMITS)  # type: ignore[arg-type]
    assert 1 <= made.frame_count <= MOST_FRAMES
    assert made.analysis.stat().st_size == 3888 * made.frame_count
    assert np.all(np.diff(np.load(made.pts)) > 0)


@pytest.mark.timeout(120)
def test_frames_without_end_are_stopped_while_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a loop get past the probe: no file holds more frames than bytes."""
    monkeypatch.setattr(examine, "MOST_SHOWINGS", 10**9)
    path = edit_list_loop(tmp_path)
    facts = examine.examine(path)
    # As if the same loop had been written in fewer bytes.
    with pytest.raises(MediaError, match=r"loop.mp4 has 2000 bytes and gave \d+ frames so far"):
        prepare(path, tmp_path, replace(facts, size_bytes=2000), **LIMITS)  # type: ignore[arg-type]


def test_an_edit_list_that_shows_a_stretch_twice_is_honest(tmp_path: Path) -> None:
    honest = b_frames(tmp_path).read_bytes()
    entry = struct.pack(">IiHH", 1000, 0, 1, 0)
    (tmp_path / "twice.mp4").write_bytes(
        resized(honest, b"elst", box(b"elst", struct.pack(">II", 0, 2) + entry + entry))
    )
    assert examine.examine(tmp_path / "twice.mp4").codec == "h264"


@pytest.mark.parametrize("flags", ["frag_keyframe", "frag_keyframe+empty_moov", "frag_every_frame"])
def test_a_film_in_fragments_is_honest(flags: str, tmp_path: Path) -> None:
    """Its index at the beginning counts few frames or none; the others come later."""
    options = {**B_FRAMES, "g": "2"}
    path = barcode.write(tmp_path / "parts.mp4", 60, options=options, container_options={"movflags": flags})
    made = prepare(path, tmp_path, examine.examine(path), **LIMITS)  # type: ignore[arg-type]
    assert made.frame_count == 60
