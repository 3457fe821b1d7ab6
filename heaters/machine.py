"""What this machine lets us use. It knows nothing of ours."""

import os
from pathlib import Path

# Where Linux says how much memory the group of processes that we are in may take: version 2, then version 1.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


# What programs that are not ours get of our environment: how to find and run things, and no key, address or password.
_PLAIN = ("PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "NUMBER_OF_PROCESSORS")
_PLAIN_BEGINNINGS = (
    "LC_",
    "LD_LIBRARY_",
    "DYLD_",
    "PYTHON",
    "VIRTUAL_ENV",
    "CONDA_",
    "OMP_",
    "MALLOC_",
    "CUDA_",
    "NVIDIA_",
)


def plain_environment() -> dict[str, str]:
    """The environment for a program that reads what strangers made, or that strangers reach: nothing secret in it."""
    return {name: value for name, value in os.environ.items() if name in _PLAIN or name.startswith(_PLAIN_BEGINNINGS)}


def resident_peak_bytes(pid: int | str = "self") -> int:
    """The most memory that a live process had in RAM; 0 when it is gone.

    Not `ru_maxrss`: a child's begins at the size of the process that started it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def memory_bytes(limits: tuple[Path, ...] = _LIMITS) -> int:
    """The memory that our processes may use: the machine's, or less in a container with a limit."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in limits:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            found = min(found, int(text))
    return found


def available_bytes(limits: tuple[Path, ...] = _LIMITS) -> int:
    """The memory that a new process could have now; where nothing tells, all that there is."""
    found = memory_bytes(limits)
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found = min(found, int(line.split()[1]) * 1024)
    except OSError:
        pass
    for path in limits:
        used = path.with_name("memory.current" if path.name == "memory.max" else "memory.usage_in_bytes")
        try:
            limit, taken = path.read_text().strip(), int(used.read_text())
        except (OSError, ValueError):
            continue
        if limit.isdecimal():
            found = min(found, max(int(limit) - taken, 0))
    return found
