"""What leads out of its place: addresses of clouds, links, the environment of children, names that command a terminal
(issue 19, 15).
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from heaters.cli.output import harmless
from heaters.embedded.server import program
from heaters.errors import SourceRefused
from heaters.machine import plain_environment
from heaters.media import child
from heaters.media.addresses import check_host, is_public
from heaters.media.probe import package_environment
from heaters.sources import watch
from heaters.unprivileged import account_for

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "planted",
    "AWS_SESSION_TOKEN": "planted",
    "HEATERS_DATABASE_URL": "postgresql://u:planted@h/d",
    "HEATERS_API_KEYS": "planted",
    "PGPASSWORD": "planted",
    "RAY_AUTH_TOKEN": "planted",
    "SOME_API_KEY": "planted",
}


@pytest.mark.parametrize(
    "address",
    [
        *("168.63.129.16", "192.0.0.192", "169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fec0::1"),
        *("::7f00:1", "::169.254.169.254", "::ffff:168.63.129.16", "64:ff9b:1::a9fe:a9fe", "64:ff9b::a83f:8110", "::"),
    ],
)
def test_addresses_of_machines_themselves_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_addresses_stay_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1.", "localhost.", "localhost.localdomain", "metadata", "metadata.google.internal.", "printer.lan"),
        *("\uff11\uff12\uff17.0.0.1", "127\u30020.0.1", "\uff4cocalhost", "[::ffff:a9fe:a9fe]", "2852039166"),
    ],
)
def test_names_of_machines_themselves_are_refused_where_a_proxy_resolves(host: str) -> None:
    with pytest.raises(SourceRefused):
        check_host(host)


def test_a_watched_folder_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.mp4").write_bytes(b"x")
    folder = tmp_path / "watched"
    folder.mkdir()
    (folder / "own.mp4").write_bytes(b"x")
    (folder / "same.mp4").symlink_to("own.mp4")
    (folder / "link.mp4").symlink_to(tmp_path / "outside" / "secret.mp4")
    (folder / "loop.mp4").symlink_to("loop.mp4")
    (folder / "further").symlink_to(tmp_path / "outside")
    stop, found = threading.Event(), []
    for path in watch(folder, stop, settle_seconds=0.05):
        found.append(path.name)
        if len(found) == 2:
            threading.Timer(0.3, stop.set).start()
    assert found == ["own.mp4", "same.mp4"]


def test_children_inherit_nothing_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    child.run(["env"], timeout_seconds=20, memory_bytes=2**30, on_line=said.append)
    assert any(line.startswith("PATH=") for line in said)
    assert not [line for line in said if "planted" in line]
    assert "planted" not in " ".join(package_environment().values())
    account = account_for(tmp_path, Path(sys.executable))
    assert "planted" not in account.run(["env"]).stdout


def test_what_a_child_needs_it_has() -> None:
    said = subprocess.run([sys.executable, "-c", "import heaters"], env=plain_environment(), check=False)
    assert said.returncode == 0 or "PYTHONPATH" not in os.environ


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_the_embedded_server_may_pass_through_a_home_of_root_without_a_capability(tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as open_to_all:
        Path(open_to_all).chmod(0o755)
        home = Path(open_to_all) / "home"
        (home / "postgres").mkdir(parents=True, mode=0o700)
        home.chmod(0o700)
        account = account_for(home / "postgres", Path("/bin/sh"), inside=home)
        assert not any("dac" in word for word in account.prefix)
        assert home.stat().st_mode & 0o777 == 0o710
    assert program  # the wheel's own folder may be closed: then it is read and search alone
    (tmp_path / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    prefix = " ".join(account_for(tmp_path / "closed" / "inner", Path("/bin/sh")).prefix)
    assert "override" not in prefix


def test_a_name_commands_no_terminal() -> None:
    assert (
        harmless("a\x1b]0;owned\x07b\x9b31m\u202egnp.exe\nc\td") == "a\\x1b]0;owned\\x07b\\x9b31m\\u202egnp.exe\nc\td"
    )
    assert harmless("übung 映画 🎬") == "übung 映画 🎬"
