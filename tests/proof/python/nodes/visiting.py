"""Attaches to the node `door`, passes some messages on, and goes as `sys.argv` says: `quits` without a word,
`raises` in the middle, or `garbles` what it says, which ends it."""

import asyncio
import os
import random
import sys
from pathlib import Path

import thalweg
from thalweg._native import LinkPorts


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


def garble() -> None:
    [path] = Path(os.environ["XDG_RUNTIME_DIR"], "thalweg").glob("*.sock")
    ports = LinkPorts.attach(path, "door")
    ports.ready()
    os.set_blocking(ports.fileno(), True)
    for _ in range(random.randrange(1, 20)):
        os.write(ports.fileno(), os.urandom(random.randrange(1, 1000)))


try:
    if sys.argv[1] == "garbles":
        garble()
    else:
        asyncio.run(main())
except (thalweg.AttachError, thalweg.NodeClosed, InterruptedError, OSError):
    # Another is attached, or the dataflow has ended meanwhile, or does not listen to it any more.
    os._exit(1)
