"""Plots of a report: `python benches/plots.py [FOLDER]` draws those of `build/bench/report.json` into `docs/`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MultipleLocator, NullFormatter

import units
from rounds import Row, Rounds, Spread

ROOT = Path(__file__).resolve().parents[1]
OURS, THEIRS = ("#0b6e99", "#e08b3e", "#5aa469"), ("#c0562f", "#8c4a86", "#7d7d7d")
COMPONENTS = {"component → component": OURS[0], "component → component, read": OURS[2]}
RUST = {"dora-rs Rust → Rust": THEIRS[0], "dora-rs Rust → Rust, pool of 1 GB": THEIRS[1]}
PRESSED = {"dora-rs Rust → Rust, `backpressure`": THEIRS[2]}
PYTHON = {"Thalweg, one process": OURS[2], "Thalweg, between processes": OURS[0], "dora-rs": THEIRS[0]}
GROWTH = {
    "pairs": ("CPU time for an event, by nodes in pairs", 2),
    "subscribers": ("CPU time for an event, by subscribers of one source", 1),
    "inputs": ("CPU time for an event, by inputs into one node", 1),
}

Points = Iterator[tuple[Any, Spread | None]]


def draw(rounds: Rounds, folder: Path) -> str:
    """Those of which something was measured; gives the lines that show them beside a page of that folder."""
    shown = []
    for name, (plot, size, words) in PLOTS.items():
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        if plot(rounds, figure):
            figure.savefig(folder / f"performance-{name}.png", dpi=110)
            shown.append(f"![{words}](performance-{name}.png)")
    return "\n\n".join(shown)


def latency(rounds: Rounds, figure: Figure) -> bool:
    """W1, both quantiles, by size; the bars are from the least to the most of the rounds."""
    systems = {"component → component": OURS[0], "component → native": OURS[2]} | RUST
    return by_size(rounds, figure, "latency", systems, {"p50": "one way, paced, p50", "p99": "one way, paced, p99"})


def throughput(rounds: Rounds, figure: Figure) -> bool:
    return by_size(rounds, figure, "throughput", COMPONENTS | RUST | PRESSED, {"rate": "messages a second, saturated", "bytes": "the same in bytes"})


def python(rounds: Rounds, figure: Figure) -> bool:
    paced, saturated = figure.subplots(1, 2)
    lines(paced, rounds, "awaiting", ", paced", PYTHON, "p50")
    lines(saturated, rounds, "awaiting", ", saturated", PYTHON, "rate")
    finish(paced, "Python → Python, awaiting, paced, p50", "p50")
    finish(saturated, "the same, saturated", "rate")
    legend(figure, paced)
    return bool(rounds.cases("awaiting"))


def by_size(rounds: Rounds, figure: Figure, workload: str, systems: dict[str, str], titles: dict[str, str]) -> bool:
    panels = list(zip(figure.subplots(1, 2, sharey=workload == "latency"), titles.items(), strict=True))
    for axes, (of, _) in panels:
        lines(axes, rounds, workload, "", systems, of)
    # With all lines in: two that share an axis share its limits.
    for axes, (of, title) in panels:
        finish(axes, title, of)
    legend(figure, figure.axes[0])
    return bool(rounds.cases(workload))


def lines(axes: Axes, rounds: Rounds, workload: str, after: str, systems: dict[str, str], of: str) -> None:
    """A line for each system, over the cases that end so."""
    cases = dict.fromkeys(case for case, _ in rounds.cases(workload) if case.endswith(after))
    for system, colour in systems.items():
        line(axes, system, colour, ((case.removesuffix(after), rounds.spread(workload, case, system, of)) for case in cases))


def growth(rounds: Rounds, figure: Figure) -> bool:
    """Each from nothing on: what is flat looks flat."""
    cases = [case for case, _ in rounds.cases("growth")]
    panels = figure.subplots(2, 2).flat
    for axes, (of, (title, times)) in zip(panels, GROWTH.items(), strict=False):
        line(axes, "", OURS[0], points(rounds, cases, of, "cost", times))
        linear(axes, title, units.time)
    memory = figure.axes[-1]
    memory.yaxis.set_major_locator(MultipleLocator(16 << 10))
    line(memory, "", OURS[0], points(rounds, cases, "idle", "per_node", 1))
    linear(memory, "memory for an idle node, by nodes", units.size)
    return bool(cases)


def points(rounds: Rounds, cases: list[str], of: str, figure: str, times: int) -> Points:
    """What was measured for `of: NUMBER`, by the number."""
    for case in cases:
        name, _, number = case.partition(": ")
        if name == of:
            yield int(number) * times, rounds.spread("growth", case, "components", figure)


def line(axes: Axes, label: str, colour: str, values: Points) -> None:
    known = [(x, spread) for x, spread in values if spread]
    if known:
        below = [spread.median - spread.least for _, spread in known]
        above = [spread.most - spread.median for _, spread in known]
        medians = [spread.median for _, spread in known]
        axes.errorbar([x for x, _ in known], medians, (below, above), label=label.replace("`", ""), color=colour, marker="o", markersize=5, capsize=3)


def finish(axes: Axes, title: str, of: str) -> None:
    axes.set_yscale("log")
    low, high = (log10(limit) for limit in axes.get_ylim())
    axes.set_ylim(10 ** floor(low), 10 ** ceil(high))
    axes.yaxis.set_major_locator(LogLocator(numticks=20))
    axes.yaxis.set_minor_formatter(NullFormatter())
    dress(axes, title, units.COLUMNS[of][1])


def linear(axes: Axes, title: str, unit: Callable[[float], str]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    dress(axes, title, unit)


def dress(axes: Axes, title: str, unit: Callable[[float], str]) -> None:
    axes.set_title(title, fontsize=11)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: unit(value) if value else "0"))
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize=9)


def legend(figure: Figure, axes: Axes) -> None:
    """Below both: none of the lines is behind it."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def read(path: Path) -> Rounds:
    return Rounds([Row(**row) for row in json.loads(path.read_text())["rows"]])


PLOTS: dict[str, tuple[Callable[[Rounds, Figure], bool], tuple[float, float], str]] = {
    "latency": (latency, (10, 4.4), "One-way latency by size"),
    "throughput": (throughput, (10, 4.4), "Messages and bytes a second by size"),
    "python": (python, (10, 4.2), "Latency and throughput of scripts that await, by size"),
    "growth": (growth, (10, 6), "Cost of an event and memory of a node as a dataflow grows"),
}
"""How each is drawn, its size in inches, and what it shows."""

if __name__ == "__main__":
    draw(read(ROOT / "build/bench/report.json"), Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
