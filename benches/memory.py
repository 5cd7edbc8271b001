"""What a process and its children have in memory, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

PERIOD = 0.5
"""Seconds between two looks."""


def most_until_end(process: subprocess.Popen[bytes], longest: float) -> dict[str, float]:
    most, ends = 0.0, time.monotonic() + longest
    while True:
        try:
            process.wait(PERIOD)
            return {"memory": most}
        except subprocess.TimeoutExpired:
            if time.monotonic() > ends:
                raise
            most = max(most, sum(shared_fairly(pid) for pid in family(process.pid)))


def shared_fairly(pid: int) -> int:
    """Bytes, where what several have is divided among them."""
    # One that ended has none.
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return 0


def family(pid: int) -> list[int]:
    """A process and all that it started, and that those did."""
    members = [pid]
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                members += family(int(child))
    return members


def kill(process: subprocess.Popen[bytes]) -> None:
    for pid in reversed(family(process.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
