"""What an awaited event costs: by readiness of a descriptor, as the package does it, and by a future of Rust
for each event (`future_into_py`), as is usual. Prints the medians of alternated rounds as a table.

    make bench-awaiting
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import thalweg
from thalweg import _native

ROUNDS = 5
READY = 20_000
"""Events that are there already."""
IDLE = 500
PAUSE = 0.002
"""Seconds between events that are waited for."""

Next = Callable[[thalweg.Node], Callable[[], Awaitable[thalweg.Event | None]]]

FLOW = f"""
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ in: {{ source: source/out, queue: {READY} }} }} }}
"""


def by_readiness(node: thalweg.Node) -> Callable[[], Awaitable[thalweg.Event | None]]:
    return node.events().__anext__


def by_future(node: thalweg.Node) -> Callable[[], Awaitable[thalweg.Event | None]]:
    next_by_future = getattr(_native, "next_by_future")
    return lambda: next_by_future(node._ports)


async def ready(next: Next) -> float:
    """Nanoseconds for an event that is there."""
    flow, sent, spent = thalweg.Dataflow.from_text(FLOW), asyncio.Event(), 0

    @flow.node("source")
    async def source(node: thalweg.Node) -> None:
        for _ in range(READY):
            await node.send("out", b"12345678")
        sent.set()

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        nonlocal spent
        await sent.wait()
        take, began = next(node), time.perf_counter_ns()
        for _ in range(READY):
            await take()
        spent = time.perf_counter_ns() - began

    async with flow.start() as run:
        await run.wait()
    return spent / READY


async def idle(next: Next) -> float:
    """Nanoseconds from a send to the coroutine that waits for it. The sender is a timer of the host."""
    text = f"nodes: [{{ id: sink, embedded: true, inputs: {{ tick: {{ timer: {int(PAUSE * 1000)}ms }} }} }}]"
    flow, delays = thalweg.Dataflow.from_text(text), list[int]()

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        take = next(node)
        for _ in range(IDLE):
            event = await take()
            assert isinstance(event, thalweg.Tick)
            delays.append(time.time_ns() - event.timestamp)

    async with flow.start() as run:
        await asyncio.wait_for(run.wait(), IDLE * PAUSE * 20)
    return statistics.median(delays)


def main() -> None:
    figures: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for measure in (ready, idle):
            for next in (by_readiness, by_future):
                figures.setdefault((measure.__name__, next.__name__), []).append(asyncio.run(measure(next)))
    print("| per event | this package | `future_into_py` for each event | factor |")
    print("| --- | --- | --- | --- |")
    for what, text in (("ready", "ready, `async for`"), ("idle", "idle, from the tick to the coroutine")):
        ours, theirs = (statistics.median(figures[what, how]) / 1000 for how in ("by_readiness", "by_future"))
        print(f"| {text} | {ours:.2f} µs | {theirs:.1f} µs | {theirs / ours:.1f} |")


main()
