"""How late each event is that comes while the node waits, in nanoseconds: the median."""

import asyncio
import json
import statistics
import time

import thalweg


async def delay(node: thalweg.Node) -> float:
    delays = [time.time_ns() - event.timestamp async for event in node.events() if isinstance(event, thalweg.Input)]
    return statistics.median(delays)


async def main() -> None:
    async with thalweg.Node() as node:
        await node.send("found", json.dumps(await delay(node)))


if __name__ == "__main__":
    asyncio.run(main())
