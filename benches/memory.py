"""What a process and its children have in memory, and how they end."""

from __future__ import annotations

import subprocess
import time

import psutil

PERIOD = 0.5
"""Seconds between two looks: each costs the processes nothing, but this one something."""


def most_until_end(process: subprocess.Popen[bytes], longest: float) -> dict[str, float]:
    most, ends = 0.0, time.monotonic() + longest
    while True:
        try:
            process.wait(PERIOD)
            return {"memory": most}
        except subprocess.TimeoutExpired:
            if time.monotonic() > ends:
                raise
            most = max(most, shared_fairly(process.pid))


def shared_fairly(pid: int) -> float:
    """Bytes, where what several have is divided among them."""
    total = 0.0
    for member in family(pid):
        try:
            total += member.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def family(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def kill(process: subprocess.Popen[bytes]) -> None:
    for member in reversed(family(process.pid)):
        member.kill()
    process.wait()
