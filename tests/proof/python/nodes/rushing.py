"""Nanoseconds for each event of a stream that is never empty."""

import asyncio
import json
import time

import thalweg


async def main() -> None:
    async with thalweg.Node() as node:
        await node.next_event()
        began, events = time.perf_counter_ns(), 0
        async for _ in node.events():
            events += 1
        spent = time.perf_counter_ns() - began
        await node.send("found", json.dumps(spent / events))


if __name__ == "__main__":
    asyncio.run(main())
