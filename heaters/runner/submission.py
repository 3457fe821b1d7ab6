"""Our jobs at Ray's Jobs API. The same work has the same submission id, so it never runs twice at once."""

import asyncio
import hashlib
import json
import logging
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heaters.errors import ConfigError, HeatersError, UsageError

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as Ray knows it. `started`: this submission began it; else it was running already.

    `printed`: so many characters of its log are of earlier runs, for Ray appends to the file of the same id.
    """

    submission_id: str
    status: str
    started: bool
    printed: int = 0


def submission_id(name: str, arguments: Sequence[str], variables: Mapping[str, str]) -> str:
    """The id of a job: its name, and a hash of what it is told."""
    told = json.dumps([list(arguments), sorted(variables.items())])
    return f"heaters-{name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


class Jobs:
    """The Jobs API of the cluster that RAY_API_SERVER_ADDRESS or RAY_ADDRESS names, or of the Ray on this machine.

    Raises ConfigError when it cannot be reached.
    """

    def __init__(self) -> None:
        from ray.job_submission import JobSubmissionClient

        try:
            self._client = JobSubmissionClient()
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise ConfigError(
                "RAY_API_SERVER_ADDRESS (http://HEAD:8265) or RAY_ADDRESS must name a cluster with a dashboard: "
                f"{_first_line(error)}"
            ) from error
        # It tells each end of a connection.
        logging.getLogger("ray.dashboard.modules.job.sdk").setLevel(logging.WARNING)

    def submit(self, name: str, arguments: Sequence[str], variables: Mapping[str, str]) -> Job:
        """Start `jobs/<name>.py`, or find it running with the same arguments and variables.

        One that has ended is started again: jobs go on where they were. Its driver reserves no CPU and no GPU.
        """
        number = submission_id(name, arguments, variables)
        status = self.status(number)
        if status is not None and not status.is_terminal():
            return Job(submission_id=number, status=str(status), started=False)
        printed = self._printed(number) if status is not None else 0
        try:
            if status is not None:
                self._client.delete_job(number)
            self._client.submit_job(
                entrypoint=shlex.join(["python", "-u", "-m", f"jobs.{name}", *arguments]),
                submission_id=number,
                runtime_env={"env_vars": dict(variables)},
                metadata={"heaters": name, "arguments": shlex.join(arguments)},
                entrypoint_num_cpus=0,
                entrypoint_num_gpus=0,
            )
        except RuntimeError as error:
            status = self.status(number)
            if status is None or status.is_terminal():
                raise HeatersError(f"Ray did not take the job {number}: {_first_line(error)}") from error
            return Job(submission_id=number, status=str(status), started=False)  # somebody else was faster
        return Job(submission_id=number, status="PENDING", started=True, printed=printed)

    def status(self, number: str) -> Any | None:
        """Ray's JobStatus; None for a job that it does not know."""
        try:
            return self._client.get_job_status(number)
        except RuntimeError as error:
            if "404" in str(error) or "does not exist" in str(error):
                return None
            raise HeatersError(f"Ray does not tell of the job {number}: {_first_line(error)}") from error

    def follow(self, job: Job, say: Callable[[str], object]) -> int:
        """Pass on what this run of the job prints until it has ended; returns its exit code."""
        asyncio.run(self._tail(job, say))
        while not (status := self._known(job.submission_id)).is_terminal():
            time.sleep(POLL_SECONDS)
        details = self._client.get_job_info(job.submission_id)
        if details.driver_exit_code is None and str(status) != "SUCCEEDED":
            say(details.message or f"the job ended as {status}\n")
        code = details.driver_exit_code
        return int(code) if code is not None else int(str(status) != "SUCCEEDED")

    def _printed(self, number: str) -> int:
        try:
            return len(self._client.get_job_logs(number))
        except RuntimeError:
            return 0  # the node that ran it may be gone, and its log with it

    def _known(self, number: str) -> Any:
        status = self.status(number)
        if status is None:
            raise UsageError(f"Ray knows no job {number}")
        return status

    async def _tail(self, job: Job, say: Callable[[str], object]) -> None:
        earlier = job.printed
        async for text in self._client.tail_job_logs(job.submission_id):
            if new := text[earlier:]:
                say(new)
            earlier = max(0, earlier - len(text))


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).strip().splitlines() if line.strip()), type(error).__name__)
