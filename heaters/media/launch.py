"""Limit this process, tie its life to its parent's, then become another program.

    python -I -S launch.py PARENT_PID MEMORY_BYTES PROGRAM [ARGUMENT …]

`child.run` starts every child through this file instead of a `preexec_fn`: Python code between fork and exec can
deadlock when another thread holds a lock, and Ray workers are full of threads. It imports the standard library only,
costs about 40 ms, and knows nothing of media.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, memory_bytes, *program = arguments
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # A parent that died before the line above sends no signal any more; it shows in the parent's id.
    if os.getppid() != int(parent):
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
    limit = int(memory_bytes) if ceiling == resource.RLIM_INFINITY else min(int(memory_bytes), ceiling)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
