"""Jobs, submitted to a real Ray with its dashboard and agent: found again, followed, with the exit codes promised."""

import ast
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command import Answer, Heaters
from rows import one
from shots import write_film
from waiting import wait_until

from heaters.cli.jobs import NAMES
from heaters.settings.shown import job_variables
from heaters.store.db import Database

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A cluster with an environment of its own, and the command of somebody who has only its dashboard's address."""

    heaters: Heaters
    database: Database
    folder: Path

    def job(self, *arguments: str | Path, **more: str) -> Answer:
        return self.heaters("submit-job", "--follow", *arguments, **more)


@pytest.fixture(scope="module")
def ray_folder() -> Iterator[str]:
    """A short path: sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:
        yield folder


@pytest.fixture(scope="module")
def desk(module_database_url: str, tmp_path_factory: pytest.TempPathFactory, ray_folder: str) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("jobs")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEATERS_", "RAY_"))}
    (folder / "token").write_text(uuid.uuid4().hex)
    common = {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_TMPDIR": ray_folder,  # its own: `ray.init()` of others finds the latest Ray by the usual one
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    }
    there = {"HEATERS_HOME": str(folder / "home"), "HEATERS_DATABASE_URL": module_database_url}
    started = folder / "started.json"
    cluster = subprocess.Popen(
        [sys.executable, ROOT / "tests" / "support" / "job_cluster.py", started],
        stdin=subprocess.PIPE,
        env={**common, **there},
    )
    wait_until(lambda: started.exists() or cluster.poll() is not None, "the cluster", timeout_seconds=120)
    dashboard = json.loads(started.read_text())["dashboard"]
    database = Database(module_database_url, patience_seconds=5)
    heaters = Heaters({"RAY_API_SERVER_ADDRESS": dashboard, "HEATERS_HOME": str(folder / "elsewhere")})
    heaters.environment = {
        **{name: value for name, value in common.items() if name != "RAY_ADDRESS"},
        **{name: heaters.environment[name] for name in ("RAY_API_SERVER_ADDRESS", "HEATERS_HOME")},
    }
    yield Desk(heaters=heaters, database=database, folder=folder)
    database.close()
    assert cluster.stdin is not None
    cluster.stdin.close()
    cluster.wait(timeout=60)


def test_from_a_manifest_to_vectors(desk: Desk) -> None:
    """Ingest, process, embed again, cut again, clean: each a job, each submitted as a person does."""
    write_film(desk.folder / "film.mp4", ("lion", "cat", "coffee"))
    (desk.folder / "list.txt").write_text("film.mp4\nfilm.mp4\nmissing.mp4\n")
    ingested = desk.job("ingest", desk.folder / "list.txt")
    assert ingested.code == 1, ingested.out + ingested.err
    assert "missing.mp4 does not exist" in ingested.out
    assert "summary    3 sources: 1 new, 1 known, 1 refused" in ingested.out

    processed = desk.job("process", "--auto-approve")
    assert processed.code == 0, processed.out + processed.err
    assert "summary    videos: 1 cut; clips: 3 review_approved; 0 gave up" in processed.out
    again = desk.job("process", "--auto-approve")  # the same id: started again, with nothing left to do
    assert again.code == 0, again.out + again.err
    assert "process started" in again.out
    assert again.out.count("summary") == 1  # of this run, not of the one before
    assert again.err == ""
    assert one(desk.database, "select max(attempt) from stage_runs") == 1

    embedded = desk.job("reembed", "--strategy", "single")
    assert embedded.code == 0, embedded.out + embedded.err
    assert "single: 3 clips, 0 missing" in embedded.out
    assert one(desk.database, "select count(*) from embeddings") == 6

    recut = desk.job("recut", "--threshold", "0.99", "--by", "a job")
    assert recut.code == 0, recut.out + recut.err
    assert "nothing changes" in recut.out  # all clips are decided
    assert desk.job("clean").code == 0


def test_a_running_job_is_found_and_not_started_twice(desk: Desk) -> None:
    first = desk.heaters("submit-job", "--json", "process", "--forever")
    assert first.json["started"], first.err
    number = first.json["submission_id"]
    second = desk.heaters("submit-job", "--json", "process", "--forever")
    assert (second.json["submission_id"], second.json["started"]) == (number, False)
    others = [
        desk.heaters("submit-job", "--json", "process", "--forever", "no such video").json["submission_id"],
        desk.heaters("submit-job", "--json", "process", "--forever", HEATERS_CUT_THRESHOLD="0.6").json["submission_id"],
    ]
    assert len({number, *others}) == 3
    for one_of_them in (number, *others):
        client(desk, "stop_job", one_of_them)
    for one_of_them in (number, *others):
        while client(desk, "get_job_status", one_of_them) not in ("STOPPED", "FAILED"):
            time.sleep(0.2)
    assert one(desk.database, "select count(*) from tasks where driver is not null") == 0


def client(desk: Desk, method: str, number: str) -> str:
    """Ask Ray itself, with the token of this cluster, in a process of its own: this one has another Ray's."""
    asked = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from ray.job_submission import JobSubmissionClient; "
            "print(getattr(JobSubmissionClient(), sys.argv[1])(sys.argv[2]))",
            method,
            number,
        ],
        env=desk.heaters.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip().splitlines()[-1].removeprefix("JobStatus.")


def test_exit_codes_come_through(desk: Desk) -> None:
    wrong = desk.job("process", "no such video")
    assert wrong.code == 2, wrong.out + wrong.err
    assert "there is no video no such video" in wrong.out
    (desk.folder / "bad.mp4").write_text("not a video")
    assert desk.job("ingest", desk.folder / "bad.mp4").code == 0
    failed = desk.job("process")
    assert failed.code == 1, failed.out + failed.err
    assert "gave up    download of video" in failed.out
    assert "bad.mp4" in failed.out
    assert desk.job("migrate").code == 0


def test_no_cluster_is_said(desk: Desk) -> None:
    ran = desk.heaters("submit-job", "process", RAY_API_SERVER_ADDRESS="http://127.0.0.1:1")
    assert ran.code == 2
    assert "RAY_API_SERVER_ADDRESS" in ran.err
    assert "Traceback" not in ran.err
    assert desk.heaters("submit-job", "proces").code == 2


# ------------------------------------------------------------------------------------------------ without a cluster


def test_settings_that_go_with_a_job_hold_no_secret_and_no_place() -> None:
    environment = {
        "HEATERS_MODEL": "starter",
        "HEATERS_DATABASE_URL": "postgresql://me:secret@host/db",
        "HEATERS_HOME": "/here",
        "HEATERS_COOKIES": "/secret/cookies.txt",
        "HEATERS_API_KEYS": "key",
        "HEATERS_KEYFRAMES": " ",
        "PATH": "/bin",
    }
    assert job_variables(environment) == {"HEATERS_MODEL": "starter"}


@pytest.mark.parametrize("name", NAMES)
def test_each_job_opens_with_the_line_that_submits_it(name: str) -> None:
    text = (ROOT / "jobs" / f"{name}.py").read_text()
    line = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    command = shlex.split(line)
    assert line.startswith("ray job submit ")
    assert command[command.index("--") + 1 :][:3] == ["python", "-m", f"jobs.{name}"]
    assert not any(word.startswith("--entrypoint") for word in command)  # the driver reserves nothing


def test_every_job_has_a_name() -> None:
    files = {path.stem for path in (ROOT / "jobs").glob("*.py")} - {"__init__", "entry"}
    assert files == set(NAMES)
