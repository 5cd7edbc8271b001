"""W8: between a component and a script that awaits."""

from __future__ import annotations

from collections.abc import Iterator

from systems import ROOT, Measure, Node, dora, dora_script, processes, thalweg

from workloads import Case, paced, sizes
from workloads.pairs import RATES_OF_SCRIPTS

TITLE = "Component → Python process (W8)"
GUESTS = ROOT / "guests/target/components"


def cases(quick: bool) -> Iterator[Case]:
    for name, size in sizes(quick).items():
        pace = paced(size, quick)
        yield Case(f"{name}, paced", {"Thalweg": own("paces", **pace), "dora-rs Rust → Python": peer(**pace, linger_ms=1000)})
        ours, theirs = RATES_OF_SCRIPTS[size]
        yield Case(
            f"{name}, saturated",
            {"Thalweg": own("floods", size=size, count=ours), "dora-rs Rust → Python": peer(size=size, count=theirs, linger_ms=3000)},
        )


def own(guest: str, size: int, count: int, rate: int = 0) -> Measure:
    inputs: dict[str, object] = {"inputs": {"t": {"timer": f"{1_000_000 // rate}us"}}} if rate else {}
    source: dict[str, object] = {"component": str(GUESTS / f"{guest}.wasm"), "parameters": {"size": size, "count": count}}
    nodes = [Node("source", "source", fields=source | inputs), Node("sink", "sink", {"in": "source/out"})]
    return processes(thalweg, nodes, size=size, count=count, rate=rate, how="awaiting")


def peer(**told: object) -> Measure:
    queue: dict[str, object] = {"queue_size": told["count"]}
    sink = Node("sink", "sink", {"in": "source/out"}, queue, dora_script())
    return processes(dora, [Node("source", "source"), sink], **told, how="awaiting")
