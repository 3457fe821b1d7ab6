"""The commands on a database of clips with stills: embed, models, use, search, recall, reindex."""

import hashlib
from pathlib import Path

import pytest
from command import Answer
from PIL import Image
from psycopg.types.json import Jsonb
from rows import announce, one, rows
from spaces import add_embedded_clips, decide
from tiny_openclip import make_model
from typer.testing import CliRunner

from heaters.cli.answers import FAILED, WRONG
from heaters.cli.main import app
from heaters.core.stills import places, still_keys
from heaters.errors import HeatersError, UsageError
from heaters.store.db import Database
from heaters.store.queries import query
from heaters.store.variants import variant_number


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
    add_stills(db, tmp_path, made)
    return made


def add_stills(db: Database, tmp_path: Path, clips: list[int], strategy: str = "multi") -> None:
    """Stills of one colour for each clip, as keyframes makes them."""
    video = one(db, "select video_id from clips where id = %(id)s", {"id": clips[0]})
    digests, sizes = [], []
    for place, clip in enumerate(clips):
        files = [media_of(db, tmp_path, clip, tag, strategy) for tag in places(strategy)]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 48), COLOURS[place % len(COLOURS)]).save(file)
        digests.append(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files))
        sizes.append(Jsonb([file.stat().st_size for file in files]))
    with db.transaction() as tx:
        variant = variant_number(tx, "keyframes", strategy)
        given = {"variant": variant, "clip_ids": clips, "sha256": digests, "sizes": sizes}
        of = {"origins": ["proxy"] * len(clips), "frames": [Jsonb([0] * len(places(strategy)))] * len(clips)}
        tx.execute(query("record_stills"), given | of)
        announce(tx, "stills", video)


def media_of(db: Database, tmp_path: Path, clip: int, tag: str, strategy: str = "multi") -> Path:
    """The file of a still."""
    (row,) = rows(
        db,
        "select v.content_hash, c.start_frame, c.end_frame from clips c join videos v on v.id = c.video_id "
        "where c.id = %(id)s",
        {"id": clip},
    )
    return tmp_path / "home" / "media" / still_keys(*row.values(), strategy)[tag]


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
    done = rows(
        db,
        "select v.variant, sum(r.items)::int as n from stage_runs r join variants v on v.id = r.variant "
        "where v.stage = 'embed' group by 1 order by 1",
    )
    assert [(row["variant"], row["n"]) for row in done] == [(f"{tiny}|multi_average", 6), ("starter|multi_average", 6)]

    assert heaters("models", "use", tiny).code == 0
    listed = {row["name"]: row for row in heaters("models", "--json", HF_HUB_OFFLINE="1").json}
    assert listed["starter"]["where"] == listed[tiny]["where"] == "installed"
    assert listed["openclip:ViT-B-32/laion2b_s34b_b79k"]["where"] in ("out of reach", "cached")
    assert [space["active"] for space in listed["starter"]["spaces"] + listed[tiny]["spaces"]] == [False, True]
    picture = media_of(db, tmp_path, clips[1], "p50")
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
    assert (again.code, again.json["clips"], again.json["model"] != added.json["model"]) == (0, 6, True)
    assert heaters("models", "use", tiny).code == 0  # the new revision, on the next query
    assert len(heaters("search", "--image", picture, "--json").json) == 6
    assert heaters("embed", "--model", tiny, "--json").json == again.json  # noticed once


def test_search_options(heaters: Here, clips: list[int]) -> None:
    assert heaters("embed", "--json").code == 0
    page = heaters("search", "--random", "--seed", "3", "--k", "2", "--page", "2", "--json")
    assert len(page.json) == 2
    assert "picked by chance" in page.err
    assert heaters("search", "red", "--min-seconds", "1", "--json").json == []
    assert len(heaters("search", "red", "--state", "pending_review", "--until", "2100-01-01", "--json").json) == 6
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


def test_a_clip_without_its_stills_is_the_commands_failure(
    db: Database, heaters: Here, clips: list[int], tmp_path: Path
) -> None:
    """Exit code 1 and a count, whatever else is there; 0 once it is done."""
    file = media_of(db, tmp_path, clips[2], "p50")
    kept = file.read_bytes()
    file.write_bytes(b"no picture")
    answer = heaters("embed", "--json")
    assert (answer.code, answer.json["clips"], answer.json["missing"], answer.json["failed"]) == (1, 5, 1, 1)
    assert answer.json["drained"]
    assert "1 missing, 1 failed" in heaters("embed").out
    file.write_bytes(kept)
    assert heaters("retry").code == 0
    answer = heaters("embed", "--json")
    assert (answer.code, answer.json["clips"], answer.json["failed"]) == (0, 6, 0)


def test_failures_of_others_are_not_the_commands(db: Database, heaters: Here, clips: list[int]) -> None:
    """Of another model, and of a stage that it does not run; archived clips want no vector."""
    decide(db, clips[:1], "review_archived")
    with db.transaction() as tx:
        for stage, variant in (("embed", "other|multi_average"), ("export", "copy")):
            number = variant_number(tx, stage, variant)
            tx.execute(
                "insert into failures (video_id, variant, clip_id, driver, error_type, error) "
                "select video_id, %s, id, 'd', 'E', 'e' from clips where id = %s",
                (number, clips[1]),
            )
    answer = heaters("embed", "--json")
    assert (answer.code, answer.json["clips"], answer.json["missing"], answer.json["failed"]) == (0, 5, 0, 0)


def test_a_changed_keyframe_strategy_is_a_space_of_its_own(
    db: Database, heaters: Here, clips: list[int], tmp_path: Path
) -> None:
    assert heaters("embed", "--json").code == 0
    add_stills(db, tmp_path, clips, "multi:5")
    five = {"HEATERS_KEYFRAMES": "multi:5"}
    answer = heaters("embed", "--json", **five)
    assert (answer.code, answer.json["strategy"], answer.json["clips"]) == (0, "multi_average/multi:5", 6), answer.err
    listed = heaters("models", "--json", HF_HUB_OFFLINE="1").json
    spaces = next(row["spaces"] for row in listed if row["name"] == "starter")
    assert [(space["strategy"], space["clips"]) for space in spaces] == [
        ("multi_average", 6),
        ("multi_average/multi:5", 6),
    ]
    assert len(heaters("search", "red", "--json", **five).json) == 6
