"""How much memory this process has, and whether it grows."""

import ctypes
import gc
import statistics
from dataclasses import dataclass
from pathlib import Path

GROWTH = 0.05
"""By which part memory may grow from the first third of the measurements to the last, beside the slack."""

RESIDENT_SLACK = 32 << 20
"""Bytes that the allocator of C may keep free among those in use, where it cannot give them back: from 7 to 45 MiB in
twenty dataflows, in which what was in use stayed within 0.1 MiB."""

AT_REST = 1 << 20
"""Bytes by which what is in use may differ while no dataflow runs."""


@dataclass(frozen=True)
class Memory:
    """That of this process, in bytes."""

    resident: int
    """What it alone has in memory, of every kind."""
    in_use: int
    """What is allocated from the allocator of C, where the host and its nodes have almost all of theirs."""


class Allocated(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def measured() -> Memory:
    """Its memory now, without what can be given back."""
    gc.collect()
    library = ctypes.CDLL(None)
    library.malloc_trim(0)
    library.mallinfo2.restype = Allocated
    allocated = library.mallinfo2()
    lines = Path("/proc/self/status").read_text().splitlines()
    [size] = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return Memory(int(size) << 10, allocated.uordblks + allocated.hblkhd)


def first_and_last(sizes: list[int]) -> tuple[int, int]:
    """The median of the first third, and that of the last."""
    third = max(len(sizes) // 3, 1)
    return int(statistics.median(sizes[:third])), int(statistics.median(sizes[-third:]))


def is_flat(memory: list[Memory], slack: int = AT_REST) -> bool:
    """Whether neither kind grows. `slack` is that of what is in use."""
    kinds = (
        ([one.resident for one in memory], RESIDENT_SLACK),
        ([one.in_use for one in memory], slack),
    )
    ends = [(*first_and_last(sizes), spare) for sizes, spare in kinds]
    return all(last <= first * (1 + GROWTH) + spare for first, last, spare in ends)


def growth(memory: list[Memory]) -> str:
    """How much is in use at first and at last, and how much is resident."""
    in_use = [size >> 10 for size in first_and_last([one.in_use for one in memory])]
    resident = [size >> 20 for size in first_and_last([one.resident for one in memory])]
    return f"memory in use {in_use[0]} to {in_use[1]} KiB, resident {resident[0]} to {resident[1]} MiB"
