"""`heaters up` and `heaters users`, as a person runs them."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from command import Heaters
from processes import descendants
from waiting import wait_until

from heaters.cli import up
from heaters.errors import HeatersError
from ui.accounts import Accounts

READY = ("run   running on", "ui    the UI is at", "serve listening on")  # what the parts say once they work


def test_one_ctrl_c_ends_everything(heaters: Heaters, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    # As on one machine with nothing set: the parts have Rays of their own.
    process = heaters.start("up", "--serve", HEATERS_UI_PORT="0", HEATERS_SERVE_PORT=port, RAY_ADDRESS="")
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(iter(process.stdout.readline, "")), daemon=True)
    reader.start()
    try:
        wait_until(lambda: all(any(words in line for line in said) for words in READY), "all parts", 120)
        address = re.findall(r"http://\S+", next(line for line in said if "the UI is at" in line))[0]
        assert httpx.get(f"{address}healthz").json() == {"ok": True}
        asked = httpx.post(f"http://127.0.0.1:{port}/v1/embeddings", json={"input": "a lion"}, timeout=60)
        assert len(asked.json()["data"][0]["embedding"]) == 512
        parts = [pid for pid, _ in descendants(process.pid)]
        assert len(parts) >= 3
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    assert code == 0
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in parts), "all parts to end", 10)


def test_a_part_with_wrong_settings_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "TICK_SECONDS", 0.01)
    said: list[str] = []
    with pytest.raises(HeatersError, match="cannot run"):
        up.supervise([up.Part("wrong", ["ui", "--port", "x"], said.append)], said.append)
    assert any("--port" in line for line in said)


def test_a_part_that_ends_is_started_again() -> None:
    said: list[str] = []
    part = up.Part("short", ["--version"], said.append)
    wait_until(lambda: part.tend() is not None or sum("heaters 0" in line for line in said) >= 2, "two starts")
    assert any("starts again in 1 s" in line for line in said)
    part.tell(signal.SIGKILL)


def users(home: Path, *arguments: str, typed: str = "") -> int:
    """Run `heaters users`; its exit code."""
    command = [sys.executable, "-m", "heaters.cli.main", "users", *arguments]
    environment = {**os.environ, "HEATERS_HOME": str(home)}
    return subprocess.run(command, input=typed, text=True, env=environment, capture_output=True, check=False).returncode


def test_users_by_command(tmp_path: Path) -> None:
    assert users(tmp_path, "add", "ann", "--role", "operator", typed="correct horse battery\n") == 0
    assert users(tmp_path, "add", "ben", typed="short\n") == 2
    assert users(tmp_path, "add", "ben", "--role", "owner", typed="x\n") == 2
    found = Accounts(tmp_path / "users").verify("ann", "correct horse battery")
    assert found is not None
    assert found.user.is_operator
    assert users(tmp_path, "remove", "ann") == 0
    assert users(tmp_path, "remove", "ann") == 2
