"""What a measured program may leave behind where it fails or is interrupted: processes, and shared memory of dora-rs."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path

from memory import family

PR_SET_CHILD_SUBREAPER = 36
SHARED_MEMORY = Path("/dev/shm")


def adopt() -> None:
    """From now on a process whose parent ends is a child of this one, and `end_all` finds it."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("this kernel lets no process adopt others")


def end_all() -> int:
    """Ends all that this process started, and what those did, and waits for them; gives how many there were."""
    ended = 0
    # One that is about to start another may do so before its own end.
    while children := family(os.getpid())[1:]:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        ended += reaped()
    return ended


def reaped() -> int:
    """How many children there were, when the last of these has ended."""
    count = 0
    with suppress(ChildProcessError):
        while os.wait():
            count += 1
    return count


def shared_memory() -> set[Path]:
    """Segments that are there now."""
    return set(SHARED_MEMORY.glob("*"))
