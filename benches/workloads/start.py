"""W6: from the start of the program to the last first event, and what all need then."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator

from systems import Figures, Measure, Node, System, dora, dora_script, driver, hosted, processes, thalweg

from workloads import Case
from workloads.mixed import component
from workloads.pairs import LINGER

TITLE = "Start to the last first event, and memory (W6)"
STAR = 100
"""From so many nodes on all read one source; fewer are a chain."""


def cases(quick: bool) -> Iterator[Case]:
    for nodes in (10, 10_000) if quick else (2, 10, 1000, 10_000):
        measures = {"components, cache warm": own(nodes), "components, cache cold": cold(nodes)}
        if nodes <= 10:
            measures["components, by a program in Python"] = hosted_chain(nodes)
            measures["dora-rs Rust"] = scripts(dora, nodes, {}, 2)
            measures["Thalweg, Python"] = scripts(thalweg, nodes, {}, LINGER)
            measures["dora-rs Python"] = scripts(dora, nodes, dora_script(), 2)
        yield Case(f"{nodes:,} nodes", measures)


def own(nodes: int) -> Measure:
    measure = driver("start", nodes=nodes, shape="star" if nodes >= STAR else "chain")

    def timed() -> Figures:
        began = time.time_ns()
        figures = measure()
        return figures | {"start": figures.pop("served") - began, "within": figures["start"]}

    return timed


def hosted_chain(nodes: int) -> Measure:
    """The same, started by a program in Python, which has its interpreter to start, too."""
    described, last = [Node("source", "source", fields=component("floods", count=1) | {"outputs": ["out"]})], "source/out"
    for number in range(nodes - 2):
        described.append(Node(f"pass{number}", "pass", {"in": last}, fields=component("echo")))
        last = f"pass{number}/out"
    described.append(Node("sink", "sink", {"in": last}, fields={"embedded": True}))
    return processes(hosted, described, size=8, count=1, linger=LINGER)


def cold(nodes: int) -> Measure:
    measure = own(nodes)

    def without_cache() -> Figures:
        before = os.environ.get("XDG_CACHE_HOME")
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            os.environ["XDG_CACHE_HOME"] = folder
            try:
                return measure()
            finally:
                del os.environ["XDG_CACHE_HOME"]
                if before is not None:
                    os.environ["XDG_CACHE_HOME"] = before

    return without_cache


def scripts(system: System, nodes: int, fields: dict[str, object], linger: float) -> Measure:
    """A chain of so many processes in all, as its user would start it."""
    described, last = [Node("source", "source", fields=fields)], "source/out"
    for number in range(nodes - 2):
        described.append(Node(f"pass{number}", "pass", {"in": last}, fields=fields))
        last = f"pass{number}/out"
    described.append(Node("sink", "sink", {"in": last}, fields=fields))
    return processes(system, described, size=8, count=1, settle="no", linger=linger, linger_ms=round(1000 * linger))
