"""`heaters serve`: says where it listens, what to do when it cannot, and stops cleanly when it is told to."""

import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from command import Heaters

from deployments.local import is_loopback


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.2", False), ("example.org", False)],
)  # fmt: skip
def test_which_addresses_this_machine_keeps_to_itself(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_what_cannot_be_listened_on_is_said_at_once(heaters: Heaters) -> None:
    open_to_all = heaters("serve", HEATERS_SERVE_HOST="0.0.0.0")
    assert open_to_all.code == 2
    assert "HEATERS_SERVE_HOST=0.0.0.0 can be reached from elsewhere: set HEATERS_API_KEYS" in open_to_all.err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = heaters("serve", HEATERS_SERVE_PORT=port)
    assert answer.code == 2
    assert f"HEATERS_SERVE_PORT={port}: cannot listen there" in answer.err
    assert heaters("serve", HEATERS_MODEL="openclip:nothing").code == 2


@pytest.mark.slow
def test_it_listens_answers_and_stops(heaters: Heaters) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = heaters.start("serve", HEATERS_SERVE_PORT=str(port), PYTHONUNBUFFERED="1")
    timer = threading.Timer(240, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        said = ""
        while "try: " not in said:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            said += line
        assert f"listening on http://127.0.0.1:{port}" in said
        command = said.partition("try: ")[2].strip()
        if sys.platform == "linux":
            answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
            assert answer.returncode == 127 or '"object":"list"' in answer.stdout  # 127: no curl here
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        timer.cancel()
        process.kill()
        process.communicate()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/healthz")
