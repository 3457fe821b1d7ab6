"""How many threads numerical libraries start, and how they wait: decided here for all our processes.

It imports no library: each reads its variables when it is loaded, so `be_frugal` comes before that.
"""

import os

# Threads of OpenMP (torch) spin where they wait for each other. As soon as another process wants one of the CPUs, some
# spin for one that does not run: the detector took more than five times the CPU seconds beside one busy process.
# numpy's products are small here, and OpenBLAS' threads cost more than they give: of one sentence's vector 5 times the
# wall and 25 times the CPU seconds beside a busy process. benchmarks/threads.py measures both.
LIBRARIES = {
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",  # of GNU's OpenMP, which the policy alone leaves at some spinning
    "KMP_BLOCKTIME": "0",  # of LLVM's and Intel's OpenMP
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",  # PySceneDetect's detectors look at 48×27 pixels
}


def be_frugal() -> None:
    """Set what is not set already, for this process and those that it starts; before numpy or torch is loaded."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
