"""A source, a sink or what passes on, blocking or awaiting."""

from __future__ import annotations

import asyncio
import time

import thalweg
from common import AWAITING, COUNT, LINGER, RATE, ROLE, SIZE, Taken, due, lingering, now


def source(node: thalweg.Node) -> None:
    buffer, began = bytearray(SIZE), now()
    for number in range(COUNT):
        if RATE and (wait := due(began, number)) > 0:
            time.sleep(wait)
        if RATE or not number:
            buffer[:8] = now().to_bytes(8, "little")
        node.send_blocking("out", buffer)
    time.sleep(lingering())


async def source_awaiting(node: thalweg.Node) -> None:
    buffer, began = bytearray(SIZE), now()
    for number in range(COUNT):
        if RATE and (wait := due(began, number)) > 0:
            await asyncio.sleep(wait)
        if RATE or not number:
            buffer[:8] = now().to_bytes(8, "little")
        await node.send("out", buffer)
    await asyncio.sleep(lingering())


def sink(node: thalweg.Node) -> None:
    taken = Taken()
    for event in node:
        if isinstance(event, thalweg.Input):
            # What `floods` sends as fast as it can has no time in it.
            taken.add(event.value, 0 if RATE or taken.count else event.timestamp)
    taken.tell()
    time.sleep(LINGER)


async def sink_awaiting(node: thalweg.Node) -> None:
    taken = Taken()
    async for event in node.events():
        if isinstance(event, thalweg.Input):
            taken.add(event.value, 0 if RATE or taken.count else event.timestamp)
    taken.tell()
    await asyncio.sleep(LINGER)


def passing(node: thalweg.Node) -> None:
    for event in node:
        if isinstance(event, thalweg.Input):
            node.send_blocking("out", event.payload, of=event.id)


def main() -> None:
    with thalweg.Node() as node:
        if ROLE == "pass":
            passing(node)
        elif AWAITING:
            asyncio.run(source_awaiting(node) if ROLE == "source" else sink_awaiting(node))
        else:
            source(node) if ROLE == "source" else sink(node)


if __name__ == "__main__":
    main()
