"""W5: components that pass on, one behind the other; latency, and what all need."""

from __future__ import annotations

from collections.abc import Iterator

from systems import Measure, Node, dora, driver, processes

from workloads import Case, paced

TITLE = "Chains: a source, N that pass on, a sink (W5)"


def cases(quick: bool) -> Iterator[Case]:
    for length in (8,) if quick else (1, 4, 8, 64):
        pace = paced(64, quick)
        measures = {"components": driver("latency", **pace, chain=length)}
        if length <= 8:  # 64 processes of 27 MB and 20 threads are beyond what two cores run
            measures["dora-rs Rust"] = peer(length, pace)
        yield Case(f"N = {length}, 64 B, paced", measures)
    pace = paced(8 << 20, quick)
    large = driver("latency", **pace, chain=8, read="true")
    # A pool for each node: nine of 1 GB would be beyond the memory of most.
    pooled = peer(8, pace, read="true", shared_memory_pool_size="256MB")
    yield Case("N = 8, 8 MiB, paced", {"components": large, "dora-rs Rust, pools of 256 MB": pooled})
    saturated = driver("throughput", size=8, chain=8, count=200_000)
    theirs = peer(8, {"size": 8, "count": 5000 if quick else 20_000})
    yield Case("N = 8, 8 B, saturated", {"components": saturated, "dora-rs Rust": theirs})


def peer(length: int, told: dict[str, int], read: str = "false", **fields: object) -> Measure:
    queue: dict[str, object] = {"queue_size": max(1000, told["count"])}
    nodes, last = [Node("source", "source", fields=fields)], "source/out"
    for number in range(length):
        nodes.append(Node(f"pass{number}", "pass", {"in": last}, queue, fields))
        last = f"pass{number}/out"
    nodes.append(Node("sink", "sink", {"in": last}, queue))
    return processes(dora, nodes, **told, read=read, linger_ms=1000 if "rate" in told else 3000)
