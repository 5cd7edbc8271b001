"""The same for dora-rs, and one that passes on. It has no awaited send, and no `async for`."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import numpy
import pyarrow
from common import AWAITING, COUNT, RATE, ROLE, SIZE, Taken, due, lingering, now
from dora import Node

SETTLE = 0.0 if os.environ.get("SETTLE") == "no" else 0.5
"""Seconds for all to shake hands: what is sent before is lost."""


def made() -> tuple[Any, Any]:
    """The first 8 bytes as a number, and all as an array, which shares them."""
    buffer = numpy.zeros(SIZE, dtype=numpy.uint8)
    return buffer[:8].view(numpy.uint64), pyarrow.array(buffer)


def source(node: Any) -> None:
    head, array = made()
    time.sleep(SETTLE)
    began = now()
    for number in range(COUNT):
        if RATE and (wait := due(began, number)) > 0:
            time.sleep(wait)
        if RATE or not number:
            head[0] = now()
        node.send_output("out", array)
    time.sleep(lingering())


async def source_awaiting(node: Any) -> None:
    head, array = made()
    await asyncio.sleep(SETTLE)
    began = now()
    for number in range(COUNT):
        if RATE and (wait := due(began, number)) > 0:
            await asyncio.sleep(wait)
        if RATE or not number:
            head[0] = now()
        node.send_output("out", array)
    await asyncio.sleep(lingering())


def take(taken: Taken, event: Any) -> None:
    if event["type"] == "INPUT":
        taken.add(memoryview(event["value"].buffers()[1]))
        taken.last = now()


def sink(node: Any) -> None:
    taken = Taken()
    for event in node:
        take(taken, event)
    taken.tell()


def passing(node: Any) -> None:
    for event in node:
        if event["type"] == "INPUT":
            node.send_output("out", event["value"])


async def sink_awaiting(node: Any) -> None:
    taken = Taken()
    while (event := await node.recv_async()) is not None:
        take(taken, event)
    taken.tell()


def main() -> None:
    node = Node()
    if ROLE == "pass":
        passing(node)
    elif AWAITING:
        asyncio.run(source_awaiting(node) if ROLE == "source" else sink_awaiting(node))
    else:
        source(node) if ROLE == "source" else sink(node)


main()
