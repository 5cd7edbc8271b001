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
    yield Case("N = 8, 8 MiB, paced", {"components": driver("latency", **pace, chain=8, read="true")})
    saturated = driver("throughput", size=8, chain=8, count=200_000)
    yield Case("N = 8, 8 B, saturated", {"components": saturated})


def peer(length: int, pace: dict[str, int]) -> Measure:
    nodes, last = [Node("source", "source")], "source/out"
    for number in range(length):
        nodes.append(Node(f"pass{number}", "pass", {"in": last}))
        last = f"pass{number}/out"
    nodes.append(Node("sink", "sink", {"in": last}))
    return processes(dora, nodes, **pace, linger_ms=1000)
