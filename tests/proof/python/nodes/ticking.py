"""A ticker of 1 ms beside a stream that is never empty, and alone. A script of a process, and the code of an
embedded node."""

import asyncio
import json
import time

import thalweg


class Ticker:
    """Wakes each millisecond, and notes how much later than that."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._task = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.worst, last = max(self.worst, now - last - 0.001), now

    def stop(self) -> float:
        self._task.cancel()
        return self.worst


async def alone() -> float:
    ticker = Ticker()
    await asyncio.sleep(2)
    return ticker.stop()


async def beside(node: thalweg.Node) -> tuple[float, int]:
    """The worst gap beside the events of the node, and how many they were."""
    await node.next_event()
    ticker, events = Ticker(), 1
    async for _ in node.events():
        events += 1
    return ticker.stop(), events


async def main() -> None:
    control = await alone()
    async with thalweg.Node() as node:
        busy, events = await beside(node)
        await node.send("found", json.dumps([busy, events, control]))


if __name__ == "__main__":
    asyncio.run(main())
