"""Draws what it saw when the dataflow stops: each value, smooth, its usual range, and the alerts.

A node of `quickstart.yaml`. Its argument is where the picture goes.
"""

import asyncio
import sys
from collections import defaultdict
from pathlib import Path

import thalweg
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

BLUE, ORANGE, RED = "#1f5fa8", "#e8871e", "#c4161c"

Series = defaultdict[str, list[float]]
"""Of one value: `measured`, `smooth`, `low`, `high` and `alert`, and the time of each, as in `measured at`."""


async def main() -> None:
    seen = {"cpu": Series(list), "memory": Series(list)}
    async for event in thalweg.Node().events():
        if isinstance(event, thalweg.Input):
            keep(seen, event)
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(seen).savefig(path, dpi=120)
    print(f"what it saw is in {path}")


def keep(seen: dict[str, Series], event: thalweg.Input) -> None:
    def add(value: str, kind: str, number: thalweg.Parameter) -> None:
        seen[value][kind].append(float(number))
        seen[value][f"{kind} at"].append(event.timestamp / 1e9)

    known = event.metadata
    match event.id:
        case "smooth":
            value = str(known["input"])
            add(value, "smooth", event.text())
            for end in {"low", "high"} & known.keys():
                add(value, end, known[end])
        case "alert":
            add(str(known["of"]), "alert", known["value"])
        case value:
            add(value, "measured", event.text())


def draw(seen: dict[str, Series]) -> Figure:
    figure = Figure(figsize=(8, 5), layout="constrained")
    figure.suptitle("The load of this machine", fontsize=14)
    start = min((time for series in seen.values() for time in series["measured at"]), default=0.0)
    axes = figure.subplots(len(seen), sharex=True)
    for axis, (value, series) in zip(axes, seen.items(), strict=True):
        draw_series(axis, series, start)
        axis.set_ylabel(f"{value} in use")
    axes[-1].set_xlabel("seconds since the first measurement")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_series(axis: Axes, series: Series, start: float) -> None:
    def seconds(kind: str) -> list[float]:
        return [time - start for time in series[f"{kind} at"]]

    # A range holds from the value that made it to the next.
    low, high = series["low"], series["high"]
    axis.fill_between(seconds("low"), low, high, step="post", color=BLUE, alpha=0.13, linewidth=0, label="usual")
    axis.plot(seconds("measured"), series["measured"], "o-", color=ORANGE, linewidth=1, markersize=3, label="measured")
    axis.plot(seconds("smooth"), series["smooth"], color=BLUE, linewidth=2.2, label="smooth")
    axis.plot(seconds("alert"), series["alert"], "o", color=RED, mfc="none", markersize=11, mew=2, label="alert")
    measured = series["measured"] or [0.0]
    margin = max(10.0, 0.15 * (max(measured) - min(measured)))
    axis.set_ylim(max(-2.0, min(measured) - margin), min(103.0, max(measured) + margin))
    axis.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    axis.grid(color="#dddddd", linewidth=0.7)
    axis.spines[["top", "right"]].set_visible(False)


asyncio.run(main())
