"""Sends one picture `COUNT` times: RGB bytes, with their size beside them."""

from __future__ import annotations

import asyncio

import numpy
import thalweg
from common import COUNT

SIDE = 512


async def main() -> None:
    # Waves: edges everywhere, and no file to be read.
    ramp = numpy.arange(SIDE)
    waves = numpy.add.outer(ramp**2 // 64, ramp * 3).astype(numpy.uint8)
    picture = numpy.ascontiguousarray(numpy.repeat(waves[:, :, None], 3, axis=2))
    with thalweg.Node() as node:
        for _ in range(COUNT):
            await node.send("out", picture.data, width=SIDE, height=SIDE)


asyncio.run(main())
