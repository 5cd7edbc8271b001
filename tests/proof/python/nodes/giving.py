"""Sends Arrow arrays. A script of a process, and the code of an embedded node."""

import asyncio
import os
import time

import pyarrow as pa
import thalweg


async def give(node: thalweg.Node, count: int, rows: int) -> float:
    """Sends 0 to `rows` that many times. Gives the CPU of this process meanwhile."""
    array = pa.array(range(rows))
    began = time.process_time()
    for _ in range(count):
        await node.send("out", array)
    return time.process_time() - began


async def main() -> None:
    async with thalweg.Node() as node:
        spent = await give(node, int(os.environ["COUNT"]), int(os.environ["ROWS"]))
        await node.send("found", str(spent))


if __name__ == "__main__":
    asyncio.run(main())
