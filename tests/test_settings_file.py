"""heaters.toml: profiles, the environment before it, and where each value came from."""

from pathlib import Path

import pytest

from heaters.errors import ConfigError
from heaters.settings import load, loaded
from heaters.settings.shown import describe, job_variables

WHOLE = """
profile = "laptop"
model = "openclip:ViT-B-32/openai"
max_source_gib = 5
text = true
ui_sources = ["/videos", "s3://bucket/in"]
ray_address = "auto"
[stages.detect]
batch = 8
[stages.export]
calls = 2
[profiles.laptop]
max_source_gib = 1.5
[profiles.cluster]
store = "s3://bucket/heaters"
stages.detect.batch = 16
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A heaters.toml in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "heaters.toml"
    path.write_text(WHOLE)
    return path


def test_every_kind_of_value_is_read(file: Path) -> None:
    settings = load({})
    assert settings.model == "openclip:ViT-B-32/openai"
    assert (settings.text, settings.ray_address) == (True, "auto")
    assert settings.ui_sources == ("/videos", "s3://bucket/in")
    assert settings.stages == "detect.batch=8,export.calls=2"
    assert settings.max_source_gib == 1.5  # the profile goes before what stands above


def test_the_environment_goes_first_and_every_value_says_where_it_came_from(file: Path) -> None:
    environment = {"HEATERS_PROFILE": "cluster", "HEATERS_TEXT": "0", "HEATERS_MODEL": " "}
    settings, origins = loaded(environment)
    assert (settings.store, settings.text, settings.max_source_gib) == ("s3://bucket/heaters", False, 5)
    assert settings.model == "openclip:ViT-B-32/openai"  # a blank variable is none
    shown = {row["variable"]: row["origin"] for row in describe(settings, origins)}
    assert shown["HEATERS_STORE"] == f"{file} [profiles.cluster]"
    assert shown["HEATERS_STAGES"] == f"{file} [profiles.cluster]"
    assert (shown["HEATERS_TEXT"], shown["HEATERS_PROFILE"]) == ("environment", "environment")
    assert (shown["HEATERS_MODEL"], shown["HEATERS_DEVICE"]) == (str(file), "default")


def test_a_job_gets_what_the_file_says_of_how_to_work(file: Path) -> None:
    sent = job_variables({"HEATERS_DEVICE": "cpu", "HEATERS_DATABASE_URL": "postgresql://x/y"})
    assert sent["HEATERS_MODEL"] == "openclip:ViT-B-32/openai"
    assert sent["HEATERS_STAGES"] == "detect.batch=8,export.calls=2"
    assert sent["HEATERS_DEVICE"] == "cpu"
    assert not {"HEATERS_DATABASE_URL", "RAY_ADDRESS", "HEATERS_UI_SOURCES"} & sent.keys()


def test_the_file_of_the_home_and_a_named_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "heaters.toml").write_text('device = "cpu"\n')
    (tmp_path / "other.toml").write_text('device = "cuda"\n')
    home = {"HEATERS_HOME": str(tmp_path / "home")}
    assert load(home).device == "cpu"
    assert load({**home, "HEATERS_CONFIG": "other.toml"}).device == "cuda"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("modle = 'starter'", "unknown key 'modle'"),
        ("HEATERS_MODEL = 'starter'", "unknown key 'HEATERS_MODEL'"),
        ("config = 'x'", "unknown key 'config'"),
        ("model = ", "must be TOML"),
        ("ui_sources = [1]", "ui_sources must be a text, a number"),
        ("profiles = 1", "profiles must be a table"),
        ("profile = 'none'", r"has no \[profiles.none\]; it has none"),
        ("stages.detect = 8", "stages.detect must be a table"),
        ("stages.detect.batch = 0", "HEATERS_STAGES must have a whole number"),
        ("cut_threshold = 2", r"HEATERS_CUT_THRESHOLD must be between .* got '2' in .*heaters\.toml"),
    ],
)
def test_a_file_fails_for_what_breaks_a_rule(file: Path, text: str, rule: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=rule) as caught:
        load({})
    assert str(file) in str(caught.value)


def test_a_file_of_somebody_else_is_refused(file: Path) -> None:
    file.chmod(0o666)
    with pytest.raises(ConfigError, match="others may not write it; or set HEATERS_CONFIG"):
        load({})
    assert load({"HEATERS_CONFIG": str(file)}).text


def test_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        load({"HEATERS_CONFIG": "none.toml"})
    with pytest.raises(ConfigError, match=r"HEATERS_PROFILE=x needs a heaters\.toml"):
        load({"HEATERS_PROFILE": "x", "HEATERS_HOME": str(tmp_path)})


def test_the_path_of_a_webhook_is_a_secret() -> None:
    shown = {
        row["variable"]: row["value"]
        for row in describe(load({"HEATERS_WEBHOOK": "https://hooks.example/services/T0/SECRET"}))
    }
    assert shown["HEATERS_WEBHOOK"] == "https://hooks.example/***"
