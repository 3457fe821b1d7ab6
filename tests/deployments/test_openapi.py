"""The document that is checked in is the one the routes make, and what they answer fits it."""

import json
import runpy
from pathlib import Path

import pytest
from endpoint import endpoint
from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def checked_in() -> dict:
    return json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))


def test_it_is_current(checked_in: dict) -> None:
    generate = runpy.run_path(str(ROOT / "docs/generate.py"))
    assert json.loads(generate["openapi"]()) == checked_in, "`python docs/generate.py` writes it"
    assert TestClient(endpoint(), base_url="http://localhost").get("/openapi.json").json() == checked_in


def test_every_refusal_is_declared_with_the_one_shape(checked_in: dict) -> None:
    for path, operations in checked_in["paths"].items():
        for operation in operations.values():
            assert {"401", "503"} <= operation["responses"].keys(), path
            assert "422" not in operation["responses"]
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/Error"}
