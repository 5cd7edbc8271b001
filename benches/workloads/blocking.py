"""W3: scripts that block, each a process."""

from __future__ import annotations

from collections.abc import Iterator

from workloads import Case, paced, sizes
from workloads.pairs import RATES_OF_SCRIPTS, own, peer

TITLE = "Python → Python, blocking (W3)"


def cases(quick: bool) -> Iterator[Case]:
    for name, size in sizes(quick).items():
        pace = paced(size, quick)
        yield Case(f"{name}, paced", {"Thalweg": own(**pace), "dora-rs": peer(**pace)})
        ours, theirs = RATES_OF_SCRIPTS[size]
        yield Case(f"{name}, saturated", {"Thalweg": own(ours, size=size), "dora-rs": peer(theirs, size=size)})
