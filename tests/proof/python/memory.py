"""How much memory this process has, and whether it grows."""

import ctypes
import gc
import statistics
from pathlib import Path

GROWTH = 0.05
"""By which part memory may grow from the first third of the measurements to the last, beside the slack."""

SLACK = 32 << 20
"""Bytes by which one measurement may differ from the next: a few of the largest payloads that the allocator has not
given back. In sixty dataflows it went up and down between 18 and 43 MiB."""


def resident() -> int:
    """Bytes of memory that this process alone has, without what the allocator keeps for later."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    lines = Path("/proc/self/status").read_text().splitlines()
    [size] = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return int(size) << 10


def first_and_last(measured: list[int]) -> tuple[int, int]:
    """The median of the first third, and that of the last."""
    third = max(len(measured) // 3, 1)
    return int(statistics.median(measured[:third])), int(statistics.median(measured[-third:]))


def is_flat(measured: list[int]) -> bool:
    first, last = first_and_last(measured)
    return last <= first * (1 + GROWTH) + SLACK


def growth(measured: list[int]) -> str:
    first, last = first_and_last(measured)
    return f"memory {100 * (last - first) / first:+.1f} %"
