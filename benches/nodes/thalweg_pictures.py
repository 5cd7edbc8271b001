"""The ends of the picture pipeline: sends pictures with their size beside them, or takes their edges."""

from __future__ import annotations

import asyncio

import photographs
import thalweg
from common import LINGER, RATE, ROLE, Taken, due, now


async def source(node: thalweg.Node) -> None:
    made, began = photographs.made(), now()
    for number, picture in made:
        if RATE and (wait := due(began, number)) > 0:
            await asyncio.sleep(wait)
        height, width, _ = picture.shape
        await node.send("out", picture.data, width=width, height=height, sent=now())


async def sink(node: thalweg.Node) -> None:
    taken = Taken()
    async for event in node.events():
        if isinstance(event, thalweg.Input):
            taken.add(memoryview(event.payload), int(event.metadata["sent"]))
    taken.tell()
    await asyncio.sleep(LINGER)


async def main() -> None:
    with thalweg.Node() as node:
        await (source(node) if ROLE == "source" else sink(node))


asyncio.run(main())
