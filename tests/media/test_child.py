"""Children that cannot outlive, out-eat or hang their parent."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from heaters.errors import ChildDied, MediaError, StageTimeout
from heaters.media import child
from heaters.media.child import TAIL_LINES, Finished, run

GIB = 2**30


def python(code: str, **how: object) -> Finished:
    options: dict[str, object] = {"timeout_seconds": 30, "memory_bytes": 2 * GIB, **how}
    return run([sys.executable, "-I", "-S", "-c", code], **options)  # type: ignore[arg-type]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def dies(pid: int) -> bool:
    for _ in range(100):
        if not is_alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_run_returns_status_tail_and_costs() -> None:
    code = "import sys, time; b = bytearray(60_000_000); time.sleep(0.3); print('x', file=sys.stderr); sys.exit(3)"
    finished = python(code)
    assert finished.returncode == 3
    assert finished.stderr_tail == "x"
    assert 0.3 <= finished.wall_seconds < 10
    assert 0 < finished.cpu_seconds < 5
    assert 60e6 < finished.peak_bytes < 200e6


def test_peak_is_the_childs_own_and_not_the_parents() -> None:
    ballast = bytearray(400_000_000)
    finished = python("import time; time.sleep(0.3)")
    assert len(ballast) > 300e6 > finished.peak_bytes > 0


def test_lines_arrive_one_by_one_while_the_child_runs() -> None:
    arrivals: list[tuple[str, float]] = []
    code = "import time; print('a', flush=True); time.sleep(0.4); print('ä\\r', flush=True); print('end', end='')"
    finished = python(code, on_line=lambda line: arrivals.append((line, time.monotonic())))
    assert finished.returncode == 0
    assert [line for line, _ in arrivals] == ["a", "ä", "end"]
    assert arrivals[1][1] - arrivals[0][1] > 0.3


def test_floods_of_both_pipes_neither_block_nor_grow() -> None:
    lines = 0

    def count(line: str) -> None:
        nonlocal lines
        lines += 1

    code = "import sys\nfor i in range(200000): print(i); print('error', i, file=sys.stderr)"
    finished = python(code, on_line=count)
    assert lines == 200_000
    assert finished.stderr_tail.splitlines()[-1] == "error 199999"
    assert len(finished.stderr_tail.splitlines()) == TAIL_LINES


def test_a_line_without_end_is_cut() -> None:
    finished = python("import sys; sys.stderr.write('x' * 5_000_000)")
    assert len(finished.stderr_tail) < 5_000_000


def test_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"echo $$ > {pids}; sleep 60 & echo $! >> {pids}; echo waiting >&2; wait"
    started = time.monotonic()
    with pytest.raises(StageTimeout, match=r"longer than 0\.5 s\nwaiting"):
        run(["/bin/sh", "-c", script], timeout_seconds=0.5, memory_bytes=GIB)
    assert time.monotonic() - started < 5
    assert all(dies(int(pid)) for pid in pids.read_text().split())


def test_a_grandchild_left_behind_is_killed_and_does_not_hold_us_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    started = time.monotonic()
    run(["/bin/sh", "-c", f"sleep 60 & echo $! > {pid}"], timeout_seconds=30, memory_bytes=GIB)
    assert time.monotonic() - started < 5
    assert dies(int(pid.read_text()))


def test_memory_exhaustion_is_a_media_error_with_the_limit() -> None:
    with pytest.raises(MediaError, match=r"more memory than its limit of 300 MiB(.|\n)*MemoryError"):
        python("b = bytearray(2 * 10**9)", memory_bytes=300 * 2**20)


def test_memory_that_the_machine_has_not_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "available_bytes", lambda: 200 * 2**20)
    with pytest.raises(ChildDied, match=r"no more memory from this machine(.|\n)*MemoryError"):
        python("b = bytearray(2 * 10**9)", memory_bytes=300 * 2**20)


def test_no_room_for_a_thread_is_no_fault_of_the_file() -> None:
    with pytest.raises(ChildDied, match=r"exit status 1(.|\n)*can't start new thread"):
        python('raise RuntimeError("can\'t start new thread")')


def test_a_crash_says_what_is_known_and_may_be_retried() -> None:
    code = (
        "import os, signal, sys; print('last words', file=sys.stderr, flush=True); os.kill(os.getpid(), signal.SIGSEGV)"
    )
    with pytest.raises(ChildDied, match=r"without a reason \(SIGSEGV, .*resident.*\)\nlast words") as caught:
        python(code)
    assert caught.value.retryable


def test_a_kill_from_outside_may_be_retried() -> None:
    with pytest.raises(ChildDied, match="SIGKILL") as caught:
        python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert caught.value.retryable


def test_no_core_file_and_an_own_session() -> None:
    lines: list[str] = []
    code = "import os, resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0], os.getsid(0) == os.getpid())"
    python(code, on_line=lines.append)
    assert lines == ["0 True"]
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY  # ours is as it was


def test_what_on_line_raises_ends_the_child(tmp_path: Path) -> None:
    pids: list[int] = []

    def stop(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        python("import os, time; print(os.getpid(), flush=True); time.sleep(60)", on_line=stop)
    assert not is_alive(pids[0])


def test_a_missing_program_fails() -> None:
    finished = run(["/no/such/program"], timeout_seconds=5, memory_bytes=GIB)
    assert finished.returncode != 0
    assert "No such file" in finished.stderr_tail


def test_many_threads_at_once() -> None:
    results: list[int] = []

    def work() -> None:
        for _ in range(3):
            results.append(python("print(sum(range(1000)))").returncode)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 18


PARENT = """
import sys, threading
from heaters.media.child import run
code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
def work():
    run([sys.executable, "-I", "-S", "-c", code], timeout_seconds=60, memory_bytes=2**30,
        on_line=lambda line: print(line, flush=True))
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")
def test_the_child_dies_with_its_parent_even_by_sigkill() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        assert is_alive(child)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert dies(child)


@pytest.mark.faults
def test_a_launcher_whose_parent_is_gone_already_starts_nothing(tmp_path: Path) -> None:
    launcher = Path(__file__).parents[2] / "heaters" / "media" / "launch.py"
    marker = tmp_path / "marker"
    wrong_parent = "1" if os.getpid() != 1 else "2"
    argv = [sys.executable, "-I", "-S", str(launcher), wrong_parent, str(GIB), "/bin/touch", str(marker)]
    assert subprocess.run(argv, check=False).returncode == 1
    assert not marker.exists()
