"""What became of a process of the tests that died, and of each failure as soon as it is known.

pytest shows failures at the end of a run, which takes tens of minutes: where it is cut off, they would not be seen. The
standard error of xdist's processes is read by nobody, so a crash inside a library would leave no trace.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key


def _traces(run: str, process: str) -> Path:
    return Path(tempfile.gettempdir()) / f"heaters-tests-{run}-{process}.txt"


@pytest.hookimpl(trylast=True)  # after the plugin that opens the file
def pytest_configure(config: pytest.Config) -> None:
    """In a process of xdist: stack traces of crashes and hangs go to a file that the controller knows."""
    own: dict[str, Any] | None = getattr(config, "workerinput", None)
    if own is None or fault_handler_stderr_fd_key not in config.stash:
        return
    with _traces(own["testrunuid"], own["workerid"]).open("w") as file:
        os.dup2(file.fileno(), config.stash[fault_handler_stderr_fd_key])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """In the controller: tell what a process left behind when it died."""
    path = _traces(node.workerinput["testrunuid"], node.workerinput["workerid"])
    text = path.read_text(errors="replace") if path.exists() else ""
    path.unlink(missing_ok=True)
    if error:
        _say(node.config, f"{node.gateway.id} died: {error}\n{text or 'It left no stack trace: it was killed.'}")


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In the controller: show a failure at once."""
    node = getattr(report, "node", None)  # of xdist
    if report.failed and node is not None:
        _say(node.config, f"{report.nodeid} ({report.when})\n{report.longreprtext}")


def _say(config: pytest.Config, text: str) -> None:
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    terminal.write_line(f"\n{text}")
