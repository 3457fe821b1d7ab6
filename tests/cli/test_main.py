"""The command as a whole: its verbs, and that each imports little but what it uses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import Heaters
from spaces import add_embedded_clips, add_vectors
from typer.testing import CliRunner

from heaters.cli.main import VERBS, app
from heaters.models.embedder import load_embedder, model_identity
from heaters.store.db import Database


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_help(verb: str) -> None:
    said = CliRunner().invoke(app, [verb, "--help"])
    assert said.exit_code == 0, said.output
    assert f"heaters {verb}" in said.output
    assert "Show this message" in said.output


def test_the_help_lists_every_verb_with_what_it_does() -> None:
    lines = {
        line.split()[0]: line.split()[1:] for line in CliRunner().invoke(app, ["--help"]).output.splitlines() if line
    }
    assert all(lines[verb] for verb in VERBS)


def test_what_is_no_verb_is_wrong_usage() -> None:
    said = CliRunner().invoke(app, ["sing"])
    assert said.exit_code == 2
    assert "No such command 'sing'" in said.output


def test_a_search_by_words_loads_neither_torch_nor_ray_nor_a_decoder(
    tmp_path: Path, database_url: str, db: Database
) -> None:
    clips = add_embedded_clips(db, 2)
    identity, _ = model_identity("starter", tmp_path)
    texts = load_embedder("starter", cache=tmp_path, device="cpu", towers="text").embed_texts(["a lion", "a ship"])
    add_vectors(db, clips, texts, model=identity)
    heaters = Heaters({"HEATERS_HOME": str(tmp_path / "home"), "HEATERS_DATABASE_URL": database_url})
    unused = ("torch", "ray", "av", "PIL", "cv2", "timm", "open_clip", "transformers", "fastapi")
    code = f"import sys; sys.modules.update(dict.fromkeys({unused})); from heaters.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "search", "a ship", "--json"],
        env=heaters.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [hit["clip_id"] for hit in json.loads(done.stdout)] == clips[::-1]
