"""W8: between a component and a script that awaits, one way and the other."""

from __future__ import annotations

from collections.abc import Iterator

from systems import ROOT, Measure, Node, dora, dora_script, hosted, processes, thalweg

from workloads import Case, paced, sizes
from workloads.pairs import LINGER, RATES_OF_SCRIPTS

TITLE = "Component → Python process, and Python process → component (W8)"
GUESTS = ROOT / "guests/target/components"


def cases(quick: bool) -> Iterator[Case]:
    for name, size in sizes(quick).items():
        pace = paced(size, quick)
        yield Case(f"{name}, paced", measures(pace, pace, 1))
        ours, theirs = ({"size": size, "count": count} for count in RATES_OF_SCRIPTS[size])
        yield Case(f"{name}, saturated", measures(ours, theirs, 3))


def measures(ours: dict[str, int], theirs: dict[str, int], linger: float) -> dict[str, Measure]:
    return {
        "component → Python": to_script(**ours),
        "dora-rs Rust → Python": peer({}, dora_script(), theirs, linger_ms=round(1000 * linger)),
        "Python → component": from_script(**ours),
        "dora-rs Python → Rust": peer(dora_script(), {}, theirs, linger=linger),
    }


def to_script(size: int, count: int, rate: int = 0) -> Measure:
    guest = "paces" if rate else "floods"
    inputs: dict[str, object] = {"inputs": {"t": {"timer": f"{1_000_000 // rate}us"}}} if rate else {}
    source = component(guest, size=size, count=count) | inputs
    nodes = [Node("source", "source", fields=source), Node("sink", "sink", {"in": "source/out"})]
    return processes(thalweg, nodes, size=size, count=count, rate=rate, how="awaiting", linger=LINGER)


def from_script(size: int, count: int, rate: int = 0) -> Measure:
    sink = component("measures", delays=rate > 0, read=size >= 1 << 20) | {"outputs": ["found"]}
    nodes = [
        Node("source", "source"),
        Node("sink", "sink", {"in": "source/out"}, fields=sink),
        Node("found", "found", {"in": "sink/found"}, fields={"embedded": True, "outputs": []}),
    ]
    # Nobody stays to be looked at: `measures` takes the end for the time of the last message.
    return processes(hosted, nodes, size=size, count=count, rate=rate, how="awaiting")


def component(guest: str, **parameters: object) -> dict[str, object]:
    return {"component": str(GUESTS / f"{guest}.wasm"), "parameters": parameters}


def peer(source: dict[str, object], sink: dict[str, object], told: dict[str, int], **linger: float) -> Measure:
    nodes = [Node("source", "source", fields=source), Node("sink", "sink", {"in": "source/out"}, {"queue_size": told["count"]}, sink)]
    read = "true" if told["size"] >= 1 << 20 else "false"
    return processes(dora, nodes, **told, how="awaiting", read=read, **linger)
