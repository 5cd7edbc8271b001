"""What an event costs that is ready, beside `asyncio.Queue`; and one that is waited for, beside a bare
eventfd in one process and a bare pipe between two."""

import asyncio
import time
from collections.abc import Callable, Coroutine

import bare
import thalweg
from nodes.timing import delay
from support import Figures, counter, counting, dataflow, finish, found_by, run

ROUNDS = 7
READY = 100_000
WAKES = 1000
RUSH = 1_000_000
PACED = counter(WAKES, "2ms")

Measure = Callable[[], Coroutine[object, object, float]]


def prove() -> Figures:
    event, queue = alternated(ready, lambda: bare.queue(READY))
    woken, eventfd = alternated(embedded_wake, lambda: bare.eventfd(WAKES))
    crossed, pipe = alternated(lambda: found_by("timing", PACED), lambda: bare.pipe(WAKES))
    [rushed] = alternated(lambda: found_by("rushing", counter(RUSH)))
    figures = [
        f"ready {event:.0f} ns an event ({event / queue:.2f} x Queue.get)",
        f"idle {woken / 1e3:.0f} us ({woken / eventfd:.2f} x a bare eventfd)",
        f"from another process {crossed / 1e3:.0f} us ({crossed / pipe:.2f} x a bare pipe)",
        f"and never idle {1e3 / rushed:.2f} million events/s",
    ]
    return figures, event <= queue and woken <= 1.3 * eventfd and crossed <= 2 * pipe


def alternated(*measures: Measure) -> list[float]:
    """The least of each, measured in turns: what else runs on the machine only adds to it."""
    rounds = [[run(measure()) for measure in measures] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


async def ready() -> float:
    """Nanoseconds for an event that is there already."""
    flow = dataflow(
        f"""
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ in: {{ source: source/out, queue: {READY} }} }} }}
"""
    )
    sent, done, spent = asyncio.Event(), asyncio.Event(), 0

    @flow.node("source")
    async def source(node: thalweg.Node) -> None:
        for _ in range(READY):
            await node.send("out", b"12345678")
        sent.set()
        await done.wait()

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        nonlocal spent
        await sent.wait()
        began, left = time.perf_counter_ns(), READY
        async for _ in node.events():
            left -= 1
            if not left:
                break
        spent = time.perf_counter_ns() - began
        done.set()

    await finish(flow)
    return spent / READY


async def embedded_wake() -> float:
    """Nanoseconds from a send in a component to the task that waits for it."""
    flow, found = counting(WAKES, "2ms"), 0.0

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        nonlocal found
        found = await delay(node)

    await finish(flow)
    return found
