"""Ends right after an await, while events still arrive: `sys.argv` names the kind of loop, and the node to
attach to where the host did not start the process."""

import asyncio
import sys

import thalweg
import uvloop


async def main() -> None:
    node = thalweg.Node(*sys.argv[2:3])
    seen = asyncio.Event()

    async def take() -> None:
        async for _ in node.events():
            seen.set()

    taking = asyncio.create_task(take())
    await seen.wait()
    assert not taking.done()


factory = uvloop.new_event_loop if sys.argv[1] == "uvloop" else asyncio.new_event_loop
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(main())
