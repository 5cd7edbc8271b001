"""W2: as many as pass, and what is lost."""

from __future__ import annotations

from collections.abc import Iterator

from systems import Measure, Node, dora, driver, processes

from workloads import Case, sizes

TITLE = "Saturated throughput and losses (W2)"
COUNTS = {8: (4_000_000, 100_000), 4 << 10: (1_000_000, 50_000), 64 << 10: (100_000, 10_000), 1 << 20: (10_000, 1000), 8 << 20: (1000, 100)}
"""Messages of this system and of the other, by size: about a second, and some."""


def cases(quick: bool) -> Iterator[Case]:
    for name, size in sizes(quick).items():
        ours, theirs = (count // (4 if quick else 1) for count in COUNTS[size])
        measures = {
            "component → component": driver("throughput", size=size, count=ours),
            "component → component, read": driver("throughput", size=size, count=ours, read="true"),
            "dora-rs Rust → Rust": peer(size, theirs, {}),
            "dora-rs Rust → Rust, `backpressure`": peer(size, theirs, {"queue_size": 100, "queue_policy": "backpressure"}),
        }
        if size == 8:
            measures["the machine: a word from core to core"] = driver("line")
        if size >= 64 << 10:
            measures["dora-rs Rust → Rust, pool of 1 GB"] = peer(size, theirs, {}, shared_memory_pool_size="1GB")
        yield Case(name, measures)


def peer(size: int, count: int, queue: dict[str, object], **source: object) -> Measure:
    queue = {"queue_size": count} | queue
    nodes = [Node("source", "source", fields=source), Node("sink", "sink", {"in": "source/out"}, queue)]
    return processes(dora, nodes, size=size, count=count, read="true", linger_ms=3000)
