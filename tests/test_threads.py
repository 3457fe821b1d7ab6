"""Threads of libraries: every process of ours that loads torch or numpy has them wait without spinning."""

import os
import subprocess
import sys

import pytest

from heaters.threads import LIBRARIES, be_frugal

# Each is what a process of one kind runs first: a command, a job, a replica of the endpoint, a worker of the runner.
FIRST = {
    "command": "import heaters.cli",
    "job": "import jobs.entry",
    "replica": "import deployments",
    "worker": "from heaters.runner import pools; assert not {'numpy', 'torch'} & {*sys.modules}; pools.be_frugal()",
}


@pytest.mark.parametrize("kind", FIRST)
def test_openmp_waits_passively_in_every_kind_of_process(kind: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in LIBRARIES}
    code = f"import sys; {FIRST[kind]}; import torch; torch.ones(9).sum()"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in ran.stderr
    assert "GOMP_SPINCOUNT = '0'" in ran.stderr


def test_openblas_has_one_thread_where_numpy_comes_after_us() -> None:
    pytest.importorskip("threadpoolctl")
    kept = {name: value for name, value in os.environ.items() if name not in LIBRARIES}
    code = (
        "import heaters.cli, numpy, threadpoolctl; numpy.ones((2, 2)) @ numpy.ones((2, 2));"
        "print([one['num_threads'] for one in threadpoolctl.threadpool_info() if one['internal_api'] == 'openblas'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[1]"


def test_an_operator_s_own_values_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIBRARIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    be_frugal()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
    assert os.environ["GOMP_SPINCOUNT"] == "0"
    for name in LIBRARIES:
        monkeypatch.setenv(name, os.environ[name])  # so that the end of the test takes them away
