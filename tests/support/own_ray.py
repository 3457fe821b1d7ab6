"""A Ray of its own for scripts of tests/support, in another process: Ray reads how it authenticates when imported."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]


def answers_of(script: str, database_url: str, file: Path, *, timeout_seconds: float, **environment: str) -> Any:
    """What `support/SCRIPT DATABASE_URL FILE` wrote to the file, as JSON. Fails with its output where it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEATERS_", "RAY_"))}
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:  # short: sockets lie in it
        own = {
            "PYTHONPATH": f"{ROOT}:{SUPPORT}",
            "RAY_TMPDIR": folder,
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",
            "RAY_health_check_period_ms": "1000",  # a dead node is seen after five, which are three seconds each else
            "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        }
        ran = subprocess.run(
            [sys.executable, SUPPORT / script, database_url, file],
            env={**kept, **own, **environment},
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
        )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
    return json.loads(file.read_text())
