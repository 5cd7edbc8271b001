"""Attaches to the node `door`, passes some messages on, and goes as `sys.argv` says: `quits` without a word,
`exits` in the middle of an exception."""

import asyncio
import os
import random
import sys

import thalweg


async def main() -> None:
    node = thalweg.Node("door")
    left = random.randrange(50)
    async for event in node.events():
        if isinstance(event, thalweg.Input):
            await node.send("out", event.payload, **event.metadata)
            left -= 1
        if left <= 0:
            break
    if sys.argv[1] == "quits":
        os._exit(0)
    raise InterruptedError("told to fail")


try:
    asyncio.run(main())
except (thalweg.AttachError, thalweg.NodeClosed, InterruptedError):
    # Another is attached, or the dataflow has ended meanwhile.
    os._exit(1)
