"""What this process holds of the operating system: what runs must not leave behind."""

import asyncio
import gc
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

IDLE = 128 << 20
"""What the host keeps of shared memory for later payloads, at most, in bytes."""

THREADS_END = 15.0
"""Seconds within which threads end that have nothing to do: ten, and some on a busy machine."""


NAMES = ("thalweg", "psm_", "sem.")
"""How names of shared memory begin that could be of this process or its scripts."""


@dataclass
class Left:
    """What of the operating system's this process holds, but for its event loop's."""

    descriptors: Counter[str]
    shared: int
    """Bytes of shared memory."""
    unmapped: int
    """Descriptors of shared memory that is not mapped."""
    children: list[str]
    sockets: list[str]
    named: set[str]
    """Names of shared memory, as we or Python would choose them: other programs come and go meanwhile."""
    threads: int

    def more_than(self, before: "Left") -> dict[str, object]:
        """What there is that was not there before. Of threads some may end."""
        strays = self.descriptors - before.descriptors + Counter(unmapped=self.unmapped)
        found = {
            "descriptors": dict(strays),
            "shared memory": self.shared if self.shared > IDLE else 0,
            "processes": sorted(set(self.children) - set(before.children)),
            "sockets": self.sockets,
            "named memory": self.named - before.named,
        }
        return {name: what for name, what in found.items() if what}


def left(folder: str) -> Left:
    """`folder` is where the sockets of dataflows are."""
    gc.collect()
    links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    # Those of one kind count as one: numbers of sockets and pipes differ.
    kinds = Counter(link.split(":")[0] for link in links if "memfd:thalweg" not in link)
    files = sum("memfd:thalweg" in link for link in links)
    maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if "memfd:thalweg" in line]
    spans = [[int(end, 16) for end in line[0].split("-")] for line in maps]
    return Left(
        descriptors=kinds,
        shared=sum(end - begin for begin, end in spans),
        unmapped=files - len(spans),
        children=children(),
        sockets=[str(path) for path in Path(folder).rglob("*.sock")],
        named={name for name in os.listdir("/dev/shm") if name.startswith(NAMES)},
        threads=threads(),
    )


def children() -> list[str]:
    """The numbers of the processes that this one has started, with those that nobody has reaped."""
    pids = []
    for path in Path("/proc/self/task").glob("*/children"):
        try:
            pids += path.read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            # The thread has ended.
            continue
    return pids


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


async def surplus_threads(before: int) -> int:
    """How many threads there are more than before, once those have ended that only wait for work."""
    deadline = time.monotonic() + THREADS_END
    while (more := threads() - before) > 0 and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    return max(more, 0)
