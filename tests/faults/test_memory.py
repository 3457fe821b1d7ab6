"""A node whose memory runs out: what took it fails with that reason, everything else is done (support/hunger.py)."""

from pathlib import Path
from typing import Any

import pytest
from own_ray import answers_of

pytestmark = [pytest.mark.faults, pytest.mark.alone, pytest.mark.timeout(300)]


def test_out_of_memory_costs_one_row(database_url: str, tmp_path: Path) -> None:
    found = answers_of("hunger.py", database_url, tmp_path / "answers.json", timeout_seconds=240)

    def runs(who: str, stage: str) -> list[dict[str, Any]]:
        video = found["videos"][who]
        return [run for run in found["runs"] if (run["video_id"], run["stage"]) == (video, stage)]

    for kind, stage in (("a task", "prepare"), ("an actor", "detect")):
        tries = runs(f"always in {kind}", stage)
        assert [run["status"] for run in tries] == ["lost"] * (found["most_lost"] - 1) + ["failed"]
        assert all("ran out of memory" in run["error"] for run in tries), [run["error"] for run in tries]
        tries = runs(f"once in {kind}", stage)
        assert tries[-1]["status"] == "done", tries
        assert any("ran out of memory" in run["error"] for run in tries[:-1]), tries
    # Two never end, and one of them stops at prepare.
    done = [(run["stage"], run["video_id"]) for run in found["runs"] if run["status"] == "done"]
    assert len(done) == len(set(done)) == 2 * len(found["videos"]) - 3
