"""Passes every message on, behind a first one with the number of its process."""

import asyncio
import os

import thalweg


async def main() -> None:
    async with thalweg.Node() as node:
        await node.send("out", str(os.getpid()))
        async for event in node.events("in"):
            if isinstance(event, thalweg.Input):
                await node.send("out", event.payload)


asyncio.run(main())
