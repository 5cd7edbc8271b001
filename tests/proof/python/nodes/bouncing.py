"""Sends each message back, until it has come five times."""

import asyncio

import thalweg

ROUNDS = 5


async def main() -> None:
    async with thalweg.Node() as node:
        async for event in node.events():
            if not isinstance(event, thalweg.Input):
                continue
            came = event.metadata.pop("came", 0)
            assert isinstance(came, int), came
            if came < ROUNDS:
                await node.send("out", event.payload, came=came + 1)


asyncio.run(main())
