"""A local Ray as a command starts it: no autoscaler, no dashboard, and it ends with the command."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

CODE = """
import json, os, sys
from pathlib import Path
import psutil
from heaters.runner import cluster
from heaters.settings import Settings

found = cluster.connect(Settings(home=Path(sys.argv[1])))
import ray
answer = ray.get(ray.remote(lambda: os.getpid()).remote())
home = psutil.Process()
all_of_us = [home, *home.children(recursive=True)]
ports = [c.laddr.ip for one in all_of_us for c in one.net_connections() if c.status == "LISTEN"]
token = (Path(sys.argv[1]) / "ray" / "auth_token").read_text()
folder = Path(ray._private.worker._global_node.get_session_dir_path())
closed = [path.stat().st_mode & 0o777 for path in (Path(sys.argv[1]), folder.parent.parent)]
tree = [[one.pid, " ".join(one.cmdline())] for one in psutil.Process().children(recursive=True)]
print(json.dumps({"cpus": found.cpus, "owned": found.owned, "grows": found.grows, "worker": answer, "tree": tree,
                  "ports": ports, "closed": closed, "token": len(token)}))
"""


def test_a_local_ray_has_what_it_needs_and_ends_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "ray").mkdir(mode=0o700)
    (tmp_path / "ray" / "auth_token").touch(0o600)  # whoever made it was killed before it was written
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as folder:
        ran = subprocess.run(
            [sys.executable, "-c", CODE, str(tmp_path)],
            env={**kept, "TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        said = json.loads(ran.stdout.splitlines()[-1])
        assert (said["owned"], said["grows"]) == (True, False)
        assert said["cpus"] >= 1
        # Nobody else reaches it: neither from other machines, nor through its files.
        assert said["ports"]
        assert {ip.removeprefix("::ffff:") for ip in said["ports"]} == {"127.0.0.1"}
        assert said["closed"] == [0o700, 0o700]
        assert said["token"] == 64
        commands = [command for _, command in said["tree"]]
        assert any("raylet" in command for command in commands)
        assert not [c for c in commands if "monitor.py" in c and "log_monitor" not in c]
        assert not [c for c in commands if "dashboard/dashboard.py" in c]
        until = time.monotonic() + 20
        while (left := [pid for pid, _ in said["tree"] if psutil.pid_exists(pid)]) and time.monotonic() < until:
            time.sleep(0.2)
        assert not left
