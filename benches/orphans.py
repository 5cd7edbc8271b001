"""What a measured program may leave behind where it fails or is interrupted: processes, and shared memory of dora-rs."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memory import family

PR_SET_CHILD_SUBREAPER = 36
SEGMENTS = Path("/dev/shm")


def adopt() -> None:
    """From now on a process whose parent ends is a child of this one, so that it can be found."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("this kernel lets no process adopt others")


@contextmanager
def none_left() -> Iterator[None]:
    """Nothing that began within is there afterwards."""
    before = segments()
    try:
        yield
    finally:
        end_all()
        for segment in segments() - before:
            segment.unlink(missing_ok=True)


def segments() -> set[Path]:
    return set(SEGMENTS.glob("*.zenoh"))


def end_all() -> None:
    """Ends all that this process started, and what those did, and waits until they are gone."""
    # One may start another right before its own end.
    while children := family(os.getpid())[1:]:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.wait():
                pass
