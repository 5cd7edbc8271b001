"""Python nodes between marks, as `main.rs` does it for the host: sending where there is room, taking what is there,
and waiting. All of it happens on the thread of the interpreter; the runtime only starts it. `counts.py` runs it.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable

import thalweg

EVENTS = 1024

ONE_WAY = f"""
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ in: {{ source: source/out, queue: {EVENTS} }} }} }}
"""

# Whoever reads it drops, so that the circle is a legal one: there is never more than one message in it.
CIRCLE = """
nodes:
  - { id: ping, embedded: true, inputs: { in: { source: pong/out, overflow: drop-oldest } }, outputs: [out] }
  - { id: pong, embedded: true, inputs: { in: ping/out }, outputs: [out] }
"""

Work = Callable[[], Awaitable[None]]


async def measured(name: str, events: int, work: Work) -> None:
    """Does it once between two marks: calls of `getppid`, at which callgrind writes down what it counted."""
    gc.collect()
    gc.disable()
    os.getppid()
    await work()
    os.getppid()
    gc.enable()
    print(f"{name}\t{events}")


async def ready() -> None:
    flow, sent, taken = thalweg.Dataflow.from_text(ONE_WAY), asyncio.Event(), asyncio.Event()

    @flow.node("source")
    async def source(node: thalweg.Node) -> None:
        async def send() -> None:
            for _ in range(EVENTS):
                await node.send("out", b"12345678")

        await send()
        sent.set()
        await taken.wait()
        await measured("python/send", EVENTS, send)
        sent.set()

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        events = node.events()

        async def take() -> None:
            for _ in range(EVENTS):
                await anext(events)

        await sent.wait()
        sent.clear()
        await take()
        taken.set()
        await sent.wait()
        await measured("python/take-ready", EVENTS, take)

    async with flow.start() as run:
        await run.wait()


async def waiting() -> None:
    flow = thalweg.Dataflow.from_text(CIRCLE)

    @flow.node("ping")
    async def ping(node: thalweg.Node) -> None:
        async def there_and_back() -> None:
            for _ in range(EVENTS):
                await node.send("out", b"12345678")
                await node.next_event()

        await there_and_back()
        # One event wakes each of them.
        await measured("python/wake", 2 * EVENTS, there_and_back)

    @flow.node("pong")
    async def pong(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                await node.send("out", event.value)

    async with flow.start() as run:
        await run.wait()


asyncio.run(ready())
asyncio.run(waiting())
