"""W7: one source read by eight sinks, and eight sources read by one; saturated."""

from __future__ import annotations

from collections.abc import Iterator

from systems import Measure, Node, dora, driver, processes

from workloads import Case

TITLE = "Fan-out to 8 and fan-in of 8, 64 KiB, saturated (W7)"
SIZE, WIDE = 64 << 10, 8


def cases(quick: bool) -> Iterator[Case]:
    count, theirs = (10_000, 500) if quick else (40_000, 2000)
    for name, sources, sinks in (("1 → 8", 1, WIDE), ("8 → 1", WIDE, 1)):
        shape = {"size": SIZE, "sources": sources, "sinks": sinks}
        yield Case(
            name,
            {
                "components, read": driver("throughput", **shape, count=count // sources // 4, read="true"),
                "components, not read": driver("throughput", **shape, count=count // sources),
                "dora-rs Rust, read": peer(sources, sinks, theirs, "true"),
                "dora-rs Rust, not read": peer(sources, sinks, theirs, "false"),
            },
        )


def peer(sources: int, sinks: int, count: int, read: str) -> Measure:
    reads = {f"in{number}": f"source{number}/out" for number in range(sources)}
    nodes = [Node(f"source{number}", "source") for number in range(sources)]
    nodes += [Node(f"sink{number}", "sink", reads, {"queue_size": count}) for number in range(sinks)]
    return processes(dora, nodes, size=SIZE, count=count // sources, read=read, linger_ms=3000)
