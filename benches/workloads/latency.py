"""W1: one way, paced, from before the send to after the receipt."""

from __future__ import annotations

from collections.abc import Iterator

from systems import Measure, Node, dora, driver, processes

from workloads import Case, paced, sizes

TITLE = "One-way latency, paced (W1)"


def cases(quick: bool) -> Iterator[Case]:
    for name, size in sizes(quick).items():
        pace = paced(size, quick)
        # From 1 MiB on both read what comes: a payload that nobody looks at costs nothing here.
        read = "true" if size >= 1 << 20 else "false"
        measures = {
            "component → component": driver("latency", **pace, read=read),
            "native → component": driver("latency", **pace, read=read, **{"from": "native"}),
            "component → native": driver("latency", **pace, to="native"),
            "dora-rs Rust → Rust": peer(pace, read),
        }
        if size >= 1 << 20:
            measures["dora-rs Rust → Rust, pool of 1 GB"] = peer(pace, read, shared_memory_pool_size="1GB")
        yield Case(name, measures)


def peer(pace: dict[str, int], read: str, **source: object) -> Measure:
    nodes = [Node("source", "source", fields=source), Node("sink", "sink", {"in": "source/out"})]
    return processes(dora, nodes, **pace, read=read, linger_ms=1000)
