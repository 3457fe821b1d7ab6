"""ray-cluster.yaml and the KubeRay manifests: what Ray's own schema takes, what installs, and room for every stage.

Nothing here needs a cloud. Ray is imported inside the tests: it reads how it authenticates when it is imported.
"""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from heaters.core.pipeline import PIPELINE, POOL_LABEL, SERVE_POOL, By, Stage

ROOT = Path(__file__).resolve().parent.parent
KUBERAY = ROOT / "deployments" / "kuberay"
STAGES = [stage for stage in PIPELINE if stage.by is not By.PERSON]


def cluster() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "ray-cluster.yaml").read_text())
    return found


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((KUBERAY / name).read_text())["spec"]
    return found


def pinned_ray() -> str:
    """The version that pyproject.toml allows, without its last number."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (found,) = [match[1] for d in project["dependencies"] if (match := re.match(r"ray\[.*\]==([\d.]+)\.\*$", d))]
    return found


# ------------------------------------------------------------------------------------------------ ray up


@pytest.mark.usefixtures("ray_cluster")
def test_ray_takes_the_cluster_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(cluster())
    validate_config(prepared)
    assert prepared["head_start_ray_commands"] == cluster()["head_start_ray_commands"]
    wrong = cluster()
    wrong["available_node_types"]["gpu"]["mn_workers"] = 1
    with pytest.raises(Exception, match="mn_workers"):  # the schema is one that refuses
        validate_config(prepare_config(wrong))


def test_first_line_says_which_kind_of_file_it_is() -> None:
    first = (ROOT / "ray-cluster.yaml").read_text().splitlines()[0]
    assert "`ray up` on AWS" in first


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_stage_fits_a_node_that_batch_work_may_use(stage: Stage) -> None:
    types = [t for t in cluster()["available_node_types"].values() if t["labels"][POOL_LABEL] != SERVE_POOL]
    assert any(
        t["resources"]["CPU"] >= max(stage.cpus, 1)
        and t["resources"].get("GPU", 0) >= stage.gpus
        and t["resources"].get("memory", 0) >= stage.memory_bytes * (1 / stage.gpus if stage.gpus else 1)
        for t in types
    )


def test_head_has_no_work_and_only_batch_is_on_spot() -> None:
    types = cluster()["available_node_types"]
    head = types[cluster()["head_node_type"]]
    assert (head["resources"]["CPU"], head["resources"]["GPU"]) == (0, 0)
    on_spot = {name for name, t in types.items() if t["node_config"].get("InstanceMarketOptions")}
    assert on_spot == {name for name, t in types.items() if t["labels"][POOL_LABEL] == "batch"}
    (serve,) = [t for t in types.values() if t["labels"][POOL_LABEL] == SERVE_POOL]
    assert serve["resources"]["GPU"] >= 1
    assert all(t.get("min_workers", 0) == 0 for t in types.values())  # nothing runs that nobody asked for


def test_cluster_is_closed() -> None:
    file = cluster()
    assert "RAY_AUTH_MODE=token" in " ".join(file["setup_commands"])
    assert "/home/ubuntu/.ray/auth_token" in file["file_mounts"]
    assert "--dashboard-host=127.0.0.1" in " ".join(file["head_start_ray_commands"])
    for node in file["available_node_types"].values():
        assert node["node_config"]["SecurityGroupIds"] == ["sg-CHANGE"]  # else Ray opens SSH to everybody
        assert node["node_config"]["MetadataOptions"]["HttpTokens"] == "required"


def test_ray_is_the_version_of_the_project() -> None:
    named = re.findall(r"ray\[default,serve\]==([\d.]+)", " ".join(cluster()["setup_commands"]))
    named += re.findall(r"rayproject/ray:([\d.]+)-", (KUBERAY / "Dockerfile").read_text())
    named += [manifest("rayjob.yaml")["rayClusterSpec"]["rayVersion"]]
    named += [manifest("rayservice.yaml")["rayClusterConfig"]["rayVersion"]]
    assert len(named) == 4
    assert {version.rpartition(".")[0] for version in named} == {pinned_ray()}


def test_what_is_copied_to_a_node_installs(tmp_path: Path) -> None:
    """The wheel made of exactly the mounted files has all our packages with their data."""
    for remote, local in cluster()["file_mounts"].items():
        if remote.startswith("/home/ubuntu/heaters/"):
            source, target = ROOT / local, tmp_path / "there" / Path(remote).name
            target.parent.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy(source, target)
    copied = re.findall(r"^COPY --chown=ray (.+) /home", (KUBERAY / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == {path.name for path in (tmp_path / "there").iterdir()}
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*command, "-w", tmp_path / "wheels", tmp_path / "there"], check=True)
    (wheel,) = (tmp_path / "wheels").glob("heaters-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"jobs/process.py", "heaters/store/schema.sql", "heaters/models/starter.npz", "deployments/edge.py"} <= names
    assert {f"ui/{path.relative_to(ROOT / 'ui')}" for path in (ROOT / "ui").rglob("*.js")} <= names


# ------------------------------------------------------------------------------------------------ Kubernetes


@pytest.mark.parametrize(("name", "key"), [("rayjob.yaml", "rayClusterSpec"), ("rayservice.yaml", "rayClusterConfig")])
def test_pods_are_closed_and_the_head_has_no_work(name: str, key: str) -> None:
    spec = manifest(name)[key]
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert container["envFrom"] == [{"secretRef": {"name": "heaters"}}]
        assert "env" not in container  # settings and their secrets come from the secret alone


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_stage_fits_a_pod_of_the_job(stage: Stage) -> None:
    limits = [
        group["template"]["spec"]["containers"][0]["resources"]["limits"]
        for group in manifest("rayjob.yaml")["rayClusterSpec"]["workerGroupSpecs"]
    ]
    assert any(
        float(limit["cpu"]) >= stage.cpus
        and float(limit.get("nvidia.com/gpu", 0)) >= stage.gpus
        # Ray gives 30 % of a pod's memory to its object store.
        and int(limit["memory"].removesuffix("Gi")) * 0.7 * 2**30 >= stage.memory_bytes
        for limit in limits
    )


def test_job_of_the_manifest_exists() -> None:
    words = manifest("rayjob.yaml")["entrypoint"].split()
    assert words[:3] == ["python", "-u", "-m"]
    assert (ROOT / f"{words[3].replace('.', '/')}.py").is_file()


def test_service_serves_what_serve_yaml_says() -> None:
    served = yaml.safe_load(manifest("rayservice.yaml")["serveConfigV2"])
    assert served["applications"][0]["args"].pop("pool") == SERVE_POOL
    assert served == yaml.safe_load((ROOT / "deployments" / "serve.yaml").read_text())
