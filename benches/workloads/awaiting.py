"""W4: scripts that await: `async for`, and `recv_async` of dora-rs."""

from __future__ import annotations

from collections.abc import Iterator

from systems import one_process, processes

from workloads import Case, paced, sizes
from workloads.pairs import LINGER, RATES_OF_SCRIPTS, own, pair, peer

TITLE = "Python → Python, awaiting (W4)"


def cases(quick: bool) -> Iterator[Case]:
    for name, size in sizes(quick).items():
        pace, how = paced(size, quick), "awaiting"
        yield Case(
            f"{name}, paced",
            {
                "Thalweg, between processes": own(**pace, how=how),
                "Thalweg, one process": processes(one_process, pair(pace["count"]), **pace, linger=LINGER),
                "dora-rs": peer(**pace, how=how),
            },
        )
        ours, theirs = RATES_OF_SCRIPTS[size]
        yield Case(
            f"{name}, saturated",
            {
                "Thalweg, between processes": own(ours, size=size, how=how),
                "Thalweg, one process": processes(one_process, pair(ours), size=size, count=ours, linger=LINGER),
                "dora-rs": peer(theirs, size=size, how=how),
            },
        )
