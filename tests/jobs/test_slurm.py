"""The sbatch example, as far as one machine goes: scontrol and srun are stand-ins, Ray and the job are real."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rows import one
from shots import write_film
from waiting import wait_for_stage, wait_until

from heaters.store.db import Database

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deployments" / "slurm" / "heaters.sbatch"

# Two "nodes", both this machine; srun runs its command here. `scontrol requeue` leaves a mark.
SCONTROL = (
    '#!/bin/sh\n[ "$1" = requeue ] && touch "$MARKS/requeued-$2"\n[ "$1" = show ] && printf "localhost\\nother\\n"\n'
)
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift 2; done
echo "$@" > "$MARKS/srun"
exec "$@"
"""


@pytest.fixture
def node() -> Iterator[Path]:
    """The nodes' own folder; its path is short, for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="slurm", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def environment(tmp_path: Path, node: Path, database_url: str) -> dict[str, str]:
    if os.name != "posix" or shutil.which("bash") is None:
        pytest.skip("needs bash")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("scontrol", SCONTROL), ("srun", SRUN)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEATERS_", "RAY_"))}
    return {
        **kept,
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "MARKS": str(tmp_path),
        "USER": "somebody",
        "HEATERS_HOME": str(tmp_path / "home"),
        "HEATERS_DATABASE_URL": database_url,
        "RAY_worker_niceness": "0",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURM_CPUS_PER_TASK": "1",
        "SLURM_TMPDIR": str(node),
    }


def submitted(environment: dict[str, str], *paths: Path) -> None:
    command = [sys.executable, "-m", "heaters.cli.main", "submit", *map(str, paths)]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)


def left_over(folder: Path) -> list[str]:
    """Processes of a Ray whose folder is this one."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in found if str(folder / "ray-") in line]


@pytest.mark.slow
def test_the_job_starts_ray_on_its_nodes_and_ends_with_nothing_left(
    environment: dict[str, str], tmp_path: Path, node: Path, db: Database
) -> None:
    write_film(tmp_path / "film.mp4", ("lion", "cat"))
    submitted(environment, tmp_path / "film.mp4")
    job = ["bash", str(SCRIPT), "--auto-approve"]
    ran = subprocess.run(job, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert ran.returncode == 0, ran.stderr
    assert one(db, "select state::text from videos") == "cut"
    assert one(db, "select count(*) from exports") > 0
    assert (tmp_path / "srun").read_text().startswith("ray start --num-cpus 1 --block --address 127.0.0.1:")
    assert not list(tmp_path.glob("requeued-*"))
    wait_until(lambda: not left_over(node), "Ray to be gone", 30)


@pytest.mark.slow
def test_before_its_time_is_over_the_job_gives_back_its_work_and_is_queued_again(
    environment: dict[str, str], tmp_path: Path, node: Path, db: Database
) -> None:
    write_film(tmp_path / "film.mp4", ("lion", "cat"))
    submitted(environment, tmp_path / "film.mp4")
    job = ["bash", str(SCRIPT), "--auto-approve", "--forever"]
    process = subprocess.Popen(
        job, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert wait_for_stage(db, "prepare", process, 200)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=110)
    assert time.monotonic() - begun < 110
    assert (tmp_path / f"requeued-{os.getpid()}").exists(), err
    assert one(db, "select count(*) from tasks where driver is not null") == 0
    wait_until(lambda: not left_over(node), "Ray to be gone", 30)
