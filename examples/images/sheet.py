"""Writes a contact sheet when all have come: the pictures above, their edges below.

Its argument is where the sheet goes.
"""

import asyncio
import sys
from pathlib import Path

import numpy
import thalweg
from matplotlib.figure import Figure
from numpy.typing import NDArray

Picture = NDArray[numpy.uint8]


async def main() -> None:
    pictures: dict[str, Picture] = {}
    edges: dict[str, Picture] = {}
    async for event in thalweg.Node().events():
        match event:
            case thalweg.Input("picture"):
                pictures[str(event.metadata["name"])] = pixels(event, 3)
            case thalweg.Input("edges"):
                edges[str(event.metadata["name"])] = pixels(event, 1)
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet(pictures, edges).savefig(path, dpi=100, bbox_inches="tight", pad_inches=0.15)
    print(f"{len(pictures)} pictures and their edges are in {path}")


def pixels(event: thalweg.Input, colours: int) -> Picture:
    """The bytes of the message as they are, in rows: nothing is copied."""
    height, width = int(event.metadata["height"]), int(event.metadata["width"])
    return numpy.frombuffer(memoryview(event.payload), dtype=numpy.uint8).reshape(height, width, colours)


def sheet(pictures: dict[str, Picture], edges: dict[str, Picture]) -> Figure:
    shapes = [picture.shape for picture in pictures.values()]
    widths = [width / height for height, width, _ in shapes]
    figure = Figure(figsize=(2.6 * sum(widths), 5.6), layout="constrained", facecolor="#161616")
    axes = figure.subplots(2, len(pictures), width_ratios=widths)
    for (above, below), (name, picture) in zip(axes.T, pictures.items(), strict=True):
        above.imshow(picture)
        above.set_title(name, color="white")
        below.imshow(edges[name], cmap="gray")
        below.set_title("{1} × {0}".format(*edges[name].shape), color="#aaaaaa", fontsize=9, y=-0.12)
        for axis in (above, below):
            axis.set_axis_off()
    return figure


asyncio.run(main())
