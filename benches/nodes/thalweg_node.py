"""A source or a sink of messages, blocking or awaiting."""

from __future__ import annotations

import asyncio
import time

import thalweg
from common import AWAITING, COUNT, ROLE, SIZE, Taken, due, now


def source(node: thalweg.Node) -> None:
    buffer, began = bytearray(SIZE), now()
    for number in range(COUNT):
        if (wait := due(began, number)) > 0:
            time.sleep(wait)
        buffer[:8] = now().to_bytes(8, "little")
        node.send_blocking("out", buffer)


async def source_awaiting(node: thalweg.Node) -> None:
    buffer, began = bytearray(SIZE), now()
    for number in range(COUNT):
        if (wait := due(began, number)) > 0:
            await asyncio.sleep(wait)
        buffer[:8] = now().to_bytes(8, "little")
        await node.send("out", buffer)


def sink(node: thalweg.Node) -> None:
    taken = Taken()
    for event in node:
        if isinstance(event, thalweg.Input):
            taken.add(memoryview(event.payload), event.timestamp)
    taken.tell()


async def sink_awaiting(node: thalweg.Node) -> None:
    taken = Taken()
    async for event in node.events():
        if isinstance(event, thalweg.Input):
            taken.add(memoryview(event.payload), event.timestamp)
    taken.tell()


def main() -> None:
    with thalweg.Node() as node:
        if AWAITING:
            asyncio.run(source_awaiting(node) if ROLE == "source" else sink_awaiting(node))
        else:
            source(node) if ROLE == "source" else sink(node)


if __name__ == "__main__":
    main()
