"""W9: pictures that a script sends, whose edges a component finds, and that a script takes; the same beside it in
dora-rs, whose node in Rust finds them with the same code, but out of any sandbox."""

from __future__ import annotations

from collections.abc import Iterator

from systems import SCRIPTS, Measure, Node, dora, processes, thalweg

from workloads import Case
from workloads.mixed import component
from workloads.pairs import LINGER

TITLE = "Edges of pictures: Python → component → Python, beside Python → Rust → Python (W9)"
SIZE = 512 * 512
"""Bytes of edges, about: the pictures have 427 × 640 to 512 × 512 points."""


def cases(quick: bool) -> Iterator[Case]:
    for name, told in {
        "4 real pictures, 10 /s": {"rate": 10, "count": 10 if quick else 40},
        "4 real pictures, saturated": {"count": 40 if quick else 200},
    }.items():
        yield Case(name, {"Thalweg": own(**told), "dora-rs": peer(**told)})


def own(**told: int) -> Measure:
    ends: dict[str, object] = {"python": str(SCRIPTS / "thalweg_pictures.py")}
    edges = component("edges") | {"outputs": ["edges"]}
    nodes = [
        Node("pictures", "source", fields=ends),
        Node("edges", "edges", {"picture": "pictures/out"}, fields=edges),
        Node("sink", "sink", {"in": "edges/edges"}, fields=ends),
    ]
    return processes(thalweg, nodes, size=SIZE, linger=LINGER, **told)


def peer(**told: int) -> Measure:
    ends: dict[str, object] = {"path": str(SCRIPTS / "dora_pictures.py")}
    queue: dict[str, object] = {"queue_size": told["count"]}
    nodes = [
        Node("pictures", "source", fields=ends),
        Node("edges", "edges", {"in": "pictures/out"}, queue),
        Node("sink", "sink", {"in": "edges/out"}, queue, ends),
    ]
    # Long enough for the edges of all that was sent.
    return processes(dora, nodes, size=SIZE, linger=1 if "rate" in told else 5, **told)
