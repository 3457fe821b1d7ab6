"""Settings are read once, validated, and say which variable broke which rule."""

from pathlib import Path

import pytest

from heaters.errors import ConfigError
from heaters.settings import load
from heaters.settings.shown import describe


def test_nothing_set_means_everything_embedded() -> None:
    settings = load({})
    assert settings.database_url == settings.ray_address == settings.store == ""
    assert settings.store_location == str(settings.home / "media")


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("HEATERS_DATABASE_URL", "mysql://x", "postgresql:// URL"),
        ("HEATERS_STORE", "s3://", "s3://bucket"),
        ("HEATERS_STORE", "gs://bucket", "s3://bucket/prefix or a local directory"),
        ("HEATERS_KEYFRAMES", "all", "one of multi, midpoint"),
        ("HEATERS_DETECTOR", "guess", "one of transnetv2, stride, adaptive, content"),
        ("HEATERS_STRIDE_SECONDS", "0", "between 0.1 and 86400"),
        ("HEATERS_CUT_THRESHOLD", "2", "between 0.01 and 0.99"),
        ("HEATERS_CUT_THRESHOLD", "half", "a number"),
        ("HEATERS_ALLOW_PRIVATE_HOSTS", "perhaps", "0 or 1"),
        ("HEATERS_THRESHOLD", "0.5", "unknown variable"),
    ],
)
def test_bad_value_names_variable_and_rule(variable: str, value: str, rule: str) -> None:
    with pytest.raises(ConfigError, match=variable) as caught:
        load({variable: value})
    assert rule in str(caught.value)


def test_bad_secret_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"HEATERS_DATABASE_URL": "mysql://user:hunter2@host"})
    assert "hunter2" not in str(caught.value)


def test_impossible_pair_is_refused() -> None:
    with pytest.raises(ConfigError, match="HEATERS_EMBEDDING=multi_average needs HEATERS_KEYFRAMES=multi"):
        load({"HEATERS_KEYFRAMES": "midpoint"})


def test_description_masks_secrets() -> None:
    settings = load({"HEATERS_DATABASE_URL": "postgresql://me:hunter2@db:5433/x", "HEATERS_COOKIES": "/secret/cookies"})
    shown = {row["variable"]: row["value"] for row in describe(settings)}
    assert shown["HEATERS_DATABASE_URL"] == "postgresql://me:***@db:5433/x"
    assert shown["HEATERS_COOKIES"] == "***"
    assert shown["HEATERS_HOME"] == str(Path("~/.heaters").expanduser())


@pytest.mark.parametrize(
    ("environment", "made"),
    [
        ({}, True),
        ({"HEATERS_EXPORT": "none"}, False),
        ({"HEATERS_PROXIES": "demand"}, False),
        ({"HEATERS_PROXIES": "always", "HEATERS_EXPORT": "none"}, True),
        ({"HEATERS_PROXIES": "demand", "HEATERS_EXPORT": "proxy"}, True),
    ],
)
def test_proxies_are_made_where_somebody_watches_or_copies_from_them(environment: dict[str, str], made: bool) -> None:
    assert load(environment).makes_proxies is made


def test_service_links_of_kubernetes_are_none_of_our_variables() -> None:
    links = {
        "HEATERS_SERVE_SERVICE_HOST": "10.0.0.7",
        "HEATERS_SERVE_SERVICE_PORT": "8000",
        "HEATERS_SERVE_SERVICE_PORT_HTTP": "8000",
        "HEATERS_SERVE_PORT_8000_TCP": "tcp://10.0.0.7:8000",
        "HEATERS_SERVE_PORT_8000_TCP_PROTO": "tcp",
        "HEATERS_SERVE_PORT_8000_TCP_ADDR": "fd00::7",
        "HEATERS_RAY_HEAD_SVC_PORT": "tcp://10.0.0.7:6379",
        # The service `heaters-serve` takes the name of a setting of ours.
        "HEATERS_SERVE_PORT": "tcp://10.0.0.7:8000",
        "HEATERS_UI_PORT": "tcp://10.0.0.7:7860",
    }
    assert load(links) == load({})
    with pytest.raises(ConfigError, match="HEATERS_PORTT"):
        load({"HEATERS_PORTT": "1"})
    with pytest.raises(ConfigError, match="HEATERS_SERVE_PORT must be a port"):
        load({"HEATERS_SERVE_PORT": "http"})
