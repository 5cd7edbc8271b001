"""Plots of a report: `python benches/plots.py [FOLDER]` draws those of `build/bench/report.json` into `docs/`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

import units
from rounds import Row, Rounds, Spread

ROOT = Path(__file__).resolve().parents[1]
GROWTH = {"pairs": "nodes, in pairs", "subscribers": "subscribers of one source", "inputs": "inputs into one node"}
SYSTEMS = {
    "component → component": "#0b6e99",
    "native → component": "#6ab0c9",
    "dora-rs Rust → Rust": "#c0562f",
    "dora-rs Rust → Rust, pool of 1 GB": "#e3a587",
}


def draw(rounds: Rounds, folder: Path) -> None:
    for name, plot in {"performance-latency": latency, "performance-growth": growth}.items():
        figure = Figure(figsize=(10, 3.8), layout="constrained", facecolor="white")
        if plot(rounds, figure):
            figure.savefig(folder / f"{name}.png", dpi=110)


def latency(rounds: Rounds, figure: Figure) -> bool:
    """W1, both quantiles, by size; the bars are from the least to the most of the rounds."""
    cases = list(dict.fromkeys(case for case, _ in rounds.cases("latency")))
    for axes, quantile in zip(figure.subplots(1, 2, sharey=True), ("p50", "p99"), strict=True):
        for system, colour in SYSTEMS.items():
            line(axes, system, colour, ((case, rounds.spread("latency", case, system, quantile)) for case in cases))
        axes.set_title(f"one-way latency, paced, {quantile}")
        finish(axes, units.time)
    return bool(cases)


def growth(rounds: Rounds, figure: Figure) -> bool:
    cases = [case for case, _ in rounds.cases("growth")]
    cost, memory = figure.subplots(1, 2)
    for colour, (of, label) in zip(SYSTEMS.values(), GROWTH.items(), strict=False):
        line(cost, label, colour, points(rounds, cases, of, "cost", 2 if of == "pairs" else 1))
    line(memory, "in a star, served and idle", "#0b6e99", points(rounds, cases, "idle", "per_node", 1))
    cost.set_title("cost of an event as a dataflow grows")
    cost.set_xlabel("how many")
    memory.set_title("memory for a node, with its part of what all share")
    memory.yaxis.set_major_locator(MultipleLocator(20 << 10))
    memory.set_xlabel("nodes")
    for axes, unit in ((cost, units.time), (memory, units.size)):
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        finish(axes, unit, logarithmic=False)
    return bool(cases)


def points(rounds: Rounds, cases: list[str], of: str, figure: str, times: int) -> Iterator[tuple[int, Spread | None]]:
    """What was measured for `of: NUMBER`, by the number."""
    for case in cases:
        name, _, number = case.partition(": ")
        if name == of:
            yield int(number) * times, rounds.spread("growth", case, "components", figure)


def line(axes: Axes, label: str, colour: str, values: Iterator[tuple[Any, Spread | None]]) -> None:
    known = [(x, spread) for x, spread in values if spread]
    if known:
        below = [spread.median - spread.least for _, spread in known]
        above = [spread.most - spread.median for _, spread in known]
        medians = [spread.median for _, spread in known]
        axes.errorbar([x for x, _ in known], medians, (below, above), label=label, color=colour, marker="o", capsize=3)


def finish(axes: Axes, unit: Callable[[float], str], logarithmic: bool = True) -> None:
    if logarithmic:
        axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: unit(value)))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)


def read(path: Path) -> Rounds:
    return Rounds([Row(**row) for row in json.loads(path.read_text())["rows"]])


if __name__ == "__main__":
    draw(read(ROOT / "build/bench/report.json"), Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
