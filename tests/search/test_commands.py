"""The commands on a database of clips with stills: embed, models, use, search, recall, reindex."""

import hashlib
from pathlib import Path

import pytest
from command import Answer
from PIL import Image
from rows import rows
from spaces import add_embedded_clips
from tiny_openclip import make_model
from typer.testing import CliRunner

from heaters.cli.answers import FAILED, WRONG
from heaters.cli.main import app
from heaters.errors import HeatersError, UsageError
from heaters.store.db import Database
from heaters.store.queries import query


class Here:
    """The command in this process, on this test's database and home: without a start of Python for each."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def __call__(self, *arguments: object, **more: str) -> Answer:
        said = CliRunner().invoke(app, [str(one) for one in arguments], env={**self.environment, **more})
        if isinstance(said.exception, HeatersError):
            code = WRONG if isinstance(said.exception, UsageError) else FAILED
            return Answer(code=code, out=said.stdout, err=said.stderr + str(said.exception))
        if said.exception is not None and not isinstance(said.exception, SystemExit):
            raise said.exception
        return Answer(code=said.exit_code, out=said.stdout, err=said.stderr)


@pytest.fixture
def heaters(tmp_path: Path, database_url: str, ray_cluster: str) -> Here:
    return Here(
        {
            "HEATERS_HOME": str(tmp_path / "home"),
            "HEATERS_DATABASE_URL": database_url,
            "RAY_ADDRESS": ray_cluster,
        }
    )


COLOURS = ["red", "green", "blue", "yellow", "white", "black"]


@pytest.fixture
def clips(db: Database, tmp_path: Path) -> list[int]:
    """Six clips of one colour each, with three stills that keyframes has made."""
    made = add_embedded_clips(db, len(COLOURS))
    media = tmp_path / "home" / "media"
    media.mkdir(parents=True)
    with db.transaction() as tx:
        tx.execute("update clips set state = 'keyframed'")
        for clip, colour in zip(made, COLOURS, strict=True):
            for tag in ("p25", "p50", "p75"):
                file = media / f"{clip}-{tag}.jpg"
                Image.new("RGB", (64, 48), colour).save(file)
                data = file.read_bytes()
                row = {"clip_id": clip, "kind": "keyframe", "strategy": "multi", "tag": tag, "key": file.name}
                sizes = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data), "metadata": {}}
                tx.execute(query("record_artifact"), row | sizes)
            tx.execute(
                "insert into stage_runs (stage, subject, subject_id, video_id, variant, attempt, status, worker, "
                "result, finished_at) values ('keyframes', 'clip', %s, 1, 'multi', 1, 'done', 'test', '{}', now())",
                (clip,),
            )
    return made


def test_a_second_model_is_filled_and_swapped_in(db: Database, heaters: Here, clips: list[int], tmp_path: Path) -> None:
    made = heaters("embed", "--json")
    assert made.code == 0, made.err
    assert (made.json["clips"], made.json["missing"], made.json["drained"]) == (6, 0, True)
    starter = made.json["model"]
    assert heaters("search", "--clip", clips[0], "--k", "3", "--json").json[0].keys() >= {
        *("clip_id", "video_id", "score", "start_seconds", "end_seconds")
    }

    tiny = f"openclip:local-dir:{make_model(tmp_path / 'tiny')}"
    refused = heaters("models", "use", tiny)
    assert refused.code == 2
    assert f"heaters embed --model {tiny}" in refused.err
    added = heaters("embed", "--model", tiny, "--json")
    assert (added.code, added.json["clips"], added.json["missing"]) == (0, 6, 0), added.err
    assert heaters("embed", "--model", tiny, "--json").json == added.json  # nothing is left to do
    runs = rows(db, "select variant, count(*) as n from stage_runs where stage = 'embed' group by variant order by 1")
    assert [(row["variant"], row["n"]) for row in runs] == [(f"{tiny}|multi_average", 6), ("starter|multi_average", 6)]

    assert heaters("models", "use", tiny).code == 0
    listed = {row["name"]: row for row in heaters("models", "--json", HF_HUB_OFFLINE="1").json}
    assert listed["starter"]["where"] == listed[tiny]["where"] == "installed"
    assert listed["openclip:ViT-B-32/laion2b_s34b_b79k"]["where"] in ("out of reach", "cached")
    assert [space["active"] for space in listed["starter"]["spaces"] + listed[tiny]["spaces"]] == [False, True]
    picture = tmp_path / "home" / "media" / f"{clips[1]}-p50.jpg"
    for more in ([], ["--model", "starter"]):
        hits = heaters("search", "--image", picture, "--minus-clip", clips[0], "--json", *more).json
        assert hits[0]["clip_id"] == clips[1]
        assert len(hits) == 5
    assert starter in heaters("db", "reindex").out

    weights = make_model(tmp_path / "other" / "tiny", seed=1) / "open_clip_model.safetensors"
    (tmp_path / "tiny" / "open_clip_model.safetensors").write_bytes(weights.read_bytes())
    stale = heaters("search", "a lion", "--json")
    assert stale.code == 2
    assert "never compared" in stale.err
    again = heaters("embed", "--model", tiny, "--json")
    assert "6 clips have vectors of an earlier revision" in again.err
    assert (again.json["clips"], again.json["model"] != added.json["model"]) == (6, True)


def test_search_options(heaters: Here, clips: list[int]) -> None:
    assert heaters("embed", "--json").code == 0
    page = heaters("search", "--random", "--seed", "3", "--k", "2", "--page", "2", "--json")
    assert len(page.json) == 2
    assert "picked by chance" in page.err
    assert heaters("search", "red", "--min-seconds", "1", "--json").json == []
    assert len(heaters("search", "red", "--state", "embedded", "--until", "2100-01-01", "--json").json) == 6
    collapsed = heaters("search", "red", "--collapse", "0.01", "--json").json
    assert sum(1 + len(hit["duplicates"]) for hit in collapsed) == 6
    for wrong, says in (
        ((), "search takes TEXT, --image, --clip or --random"),
        (("--minus", "red"), "something to look for"),
        (("red", "--page", "0"), "counted from 1"),
        (("red", "--state", "lost"), "a state is one of"),
        (("red", "--model", "nothing"), "no clip has a vector of nothing"),
    ):
        answer = heaters("search", *wrong)
        assert (answer.code, says in answer.err) == (2, True), answer.err
    recall = heaters("db", "recall", "--queries", "5", "--k", "3", "--json")
    assert (recall.code, recall.json["mean"]) == (0, 1.0), recall.err
