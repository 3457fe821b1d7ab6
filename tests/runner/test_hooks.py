"""Hooks: a webhook and a command are told of what gave up and of the end of a run, and never fail it."""

import json
from pathlib import Path

import pytest
from collector import collecting
from command import Heaters
from rows import add_video
from shots import write_film

from heaters.core.pipeline import STAGES
from heaters.runner import hooks as module
from heaters.runner.claims import Failure
from heaters.runner.hooks import Hooks
from heaters.runner.origins import Origins
from heaters.settings import Settings
from heaters.store.db import Database

DOWNLOAD = STAGES["download"]


def failure(video: int, *, dead: bool) -> Failure:
    text = {"error_type": "FetchError", "error": "gone"}
    return Failure(video_id=video, clip_id=0, **text, failures=5, max_failures=5, dead=dead, delay_seconds=0.0)


def hooks(db: Database, webhook: str = "", command: str = "") -> tuple[Hooks, list[str]]:
    said: list[str] = []
    settings = Settings(webhook=webhook, hook=command)
    made = Hooks(settings, driver="d", origins=Origins(db), is_drained=lambda: True, on_trouble=said.append)
    return made, said


def test_what_gives_up_is_told_together_and_the_end_last(db: Database, tmp_path: Path) -> None:
    videos = [add_video(db, str(n)) for n in range(60)]
    told = tmp_path / "told"
    script = tmp_path / "hook.sh"
    script.write_text(f'#!/bin/sh\ncat >> {told}; echo >> {told}; echo "$1" >> {told}.words\n')
    script.chmod(0o700)
    with collecting() as webhook:
        made, said = hooks(db, f"{webhook.url}/hook", f"{script} 'two words'")
        with made:
            made.failed(DOWNLOAD, failure(videos[0], dead=False))
            for video in videos:
                made.failed(DOWNLOAD, failure(video, dead=True))
    bodies = [json.loads(body) for _, body in webhook.bodies]
    assert [body["event"] for body in bodies] == ["gave_up", "run_ended"]
    assert (bodies[0]["count"], len(bodies[0]["items"])) == (60, 50)
    assert bodies[0]["items"][0] == {
        **{"stage": "download", "video": videos[0], "source": "/videos/0", "clip": None},
        **{"error_type": "FetchError", "error": "gone"},
    }
    last = {name: bodies[1][name] for name in ("driver", "drained", "error", "gave_up")}
    assert last == {"driver": "d", "drained": True, "error": None, "gave_up": 60}
    assert [json.loads(line) for line in told.read_text().splitlines()] == bodies
    assert (tmp_path / "told.words").read_text() == "two words\n" * 2
    assert said == []


def test_a_hook_that_fails_is_a_notice(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    with collecting() as webhook:
        webhook.status = 500
        made, said = hooks(db, f"{webhook.url}/SECRET", "sh -c 'echo no room >&2; exit 7'")
        with pytest.raises(OSError, match="disk"), made:
            raise OSError("the disk is away")
    assert len(webhook.bodies) == 3
    assert json.loads(webhook.bodies[0][1])["error"] == "OSError: the disk is away"
    assert said == [
        "HEATERS_WEBHOOK was not told of run_ended, tried 3 times: OSError: it answered 500",
        "HEATERS_HOOK was not told of run_ended, tried 3 times: OSError: sh ended with code 7: no room",
    ]


@pytest.mark.slow
def test_a_run_tells_its_webhook(heaters: Heaters, tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", ("lion", "cat"))
    (tmp_path / "bad.mp4").write_text("not a video")
    with collecting() as webhook:
        ran = heaters("run", tmp_path / "film.mp4", tmp_path / "bad.mp4", "--auto-approve", HEATERS_WEBHOOK=webhook.url)
    assert ran.code == 1
    bodies = [json.loads(body) for _, body in webhook.bodies]
    gave_up = [item for body in bodies if body["event"] == "gave_up" for item in body["items"]]
    assert [(item["source"], item["error_type"]) for item in gave_up] == [(str(tmp_path / "bad.mp4"), "MediaError")]
    end = bodies[-1]
    assert (end["event"], end["drained"], end["videos"], end["gave_up"]) == ("run_ended", True, 2, 1)
    assert (end["done"]["detect"], end["done"]["download"]) == (1, 1)
