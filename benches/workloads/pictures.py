"""W9: pictures that a script sends, whose edges a component finds, and that a script takes. dora-rs has no such
component to be held against."""

from __future__ import annotations

from collections.abc import Iterator

from systems import SCRIPTS, Measure, Node, processes, thalweg

from workloads import Case
from workloads.mixed import GUESTS

TITLE = "Edges of pictures: Python → component → Python (W9)"


def cases(quick: bool) -> Iterator[Case]:
    yield Case("512 × 512 RGB", {"Thalweg": own(50 if quick else 300)})


def own(count: int) -> Measure:
    edges: dict[str, object] = {"component": str(GUESTS / "edges.wasm"), "outputs": ["edges"]}
    pictures: dict[str, object] = {"python": str(SCRIPTS / "making_pictures.py"), "env": {"COUNT": str(count)}}
    nodes = [
        Node("pictures", "source", fields=pictures),
        Node("edges", "edges", {"picture": "pictures/out"}, fields=edges),
        Node("sink", "sink", {"in": "edges/edges"}),
    ]
    return processes(thalweg, nodes, size=512 * 512, count=count, how="awaiting")
