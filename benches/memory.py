"""What a process and its children have in memory."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PERIOD = 0.2
"""Seconds between two looks whether it is time."""


def of_all(process: subprocess.Popen[bytes], longest: float, quiet: Callable[[], bool]) -> dict[str, float]:
    """Waits for its end. Looks at the memory once, when it is `quiet`: that costs milliseconds a process."""
    found, ends = dict[str, float](), time.monotonic() + longest
    while True:
        try:
            process.wait(PERIOD)
            return found
        except subprocess.TimeoutExpired:
            if time.monotonic() > ends:
                raise TimeoutError(f"not over after {longest:g} s") from None
            if not found and quiet():
                found = {"memory": sum(shared_fairly(pid) for pid in family(process.pid))}


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
