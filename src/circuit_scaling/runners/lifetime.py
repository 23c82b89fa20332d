"""Worker processes end with the process that started them, even where that is killed."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have this process killed when its parent ends; on Linux only, elsewhere nothing is done.

    A worker that goes on after its run was killed would scan beside the run that takes its place.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
