"""The production file is one that Serve takes, has no key that Serve would silently ignore, and agrees with the code.

Ray is imported in the tests alone: it reads how it authenticates when it is imported, after `ray_cluster` has said so.
"""

import copy
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

import deployments
from deployments.limits import Limits
from heaters.errors import ConfigError
from heaters.settings import Settings

PATH = Path(deployments.__file__).with_name("serve.yaml")

pytestmark = pytest.mark.usefixtures("ray_cluster")


def production() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return found


def unknown_keys(value: Any, schema: type[BaseModel], path: str = "") -> Iterator[str]:
    """Keys of nested models that their schema does not have: Serve's own validation passes over them."""
    for name, inner in value.items():
        field = schema.model_fields.get(name)
        if field is None:
            yield f"{path}{name}"
            continue
        model = next((m for m in _models(field.annotation)), None)
        if model is not None:
            for number, item in enumerate(inner if isinstance(inner, list) else [inner]):
                if isinstance(item, dict):
                    at = f"{path}{name}[{number}]." if isinstance(inner, list) else f"{path}{name}."
                    yield from unknown_keys(item, model, at)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def test_serve_takes_it_and_ignores_nothing_of_it() -> None:
    from ray.serve.schema import ServeDeploySchema

    ServeDeploySchema.model_validate(production())
    assert list(unknown_keys(production(), ServeDeploySchema)) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y.update(http_option={}),
        lambda y: y["http_options"].update(request_timeout=1),
        lambda y: y["applications"][0].update(routeprefix="/"),
        lambda y: y["applications"][0]["deployments"][0].update(max_ongoing_request=1),
        lambda y: y["applications"][0]["deployments"][1]["autoscaling_config"].update(min_replica=1),
        lambda y: y["logging_config"].update(enable_acces_log=True),
    ],
)
def test_a_misspelt_key_is_found(change: Any) -> None:
    from ray.serve.schema import ServeDeploySchema

    changed = copy.deepcopy(production())
    change(changed)
    assert len(list(unknown_keys(changed, ServeDeploySchema))) == 1


def test_its_deployments_are_those_of_the_code() -> None:
    from deployments import serving

    application = production()["applications"][0]
    assert application["import_path"] == f"{serving.__name__}:{serving.build.__name__}"
    limits = Limits(**application["args"])
    bound = serving.application(Settings(), limits=limits)
    names = {bound._bound_deployment.name} | {
        argument._bound_deployment.name
        for argument in bound._bound_deployment.init_args
        if hasattr(argument, "_bound_deployment")
    }
    stated = {one["name"]: one for one in application["deployments"]}
    assert set(stated) == names == {"ingress", "text", "image"}
    assert stated["ingress"]["max_ongoing_requests"] >= limits.in_flight
    assert production()["http_options"]["request_timeout_s"] > limits.request_seconds


def test_production_needs_keys_and_known_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from deployments import serving

    monkeypatch.delenv("HEATERS_API_KEYS", raising=False)
    with pytest.raises(ConfigError, match="HEATERS_API_KEYS"):
        serving.build({})
    with pytest.raises(ConfigError, match="there is none named in_fligth"):
        serving.build({"in_fligth": 3})
    with pytest.raises(ConfigError, match="in_flight must be a number above 0"):
        Limits(in_flight=0)
