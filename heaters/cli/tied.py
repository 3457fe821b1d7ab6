"""Tie this process's life to its parent's, then become a `heaters` command.

    python heaters/cli/tied.py PARENT_PID COMMAND [ARGUMENT …]

`heaters up` starts its parts through this file: when it is killed, the kernel tells them to stop, and nothing stays
behind. It imports the standard library alone.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns. On systems other than Linux the parts stop only when they are told to."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):  # it died before the line above
        os._exit(1)
    os.execv(sys.executable, [sys.executable, "-u", "-m", "heaters.cli.main", *command])


if __name__ == "__main__":
    main(sys.argv[1:])
