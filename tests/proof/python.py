"""The figures of the Python side, each made anew: `python tests/proof/python.py NAME`.

Every proof prints one line last, `NAME: figure unit, ok` or `short`, and ends with code 1 when it is short.
"""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import thalweg
import uvloop

GUESTS = Path(__file__).parents[2] / "guests" / "target" / "components"
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

Figure = tuple[str, bool]


def run(main: Coroutine[Any, Any, Any], loop: str = "asyncio") -> Any:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(main)


def counting(count: int, period: str = "", per_tick: int = 0) -> thalweg.Dataflow:
    """A component that sends that many numbered messages to `sink`."""
    inputs = f"inputs: {{ tick: {{ timer: {period} }} }}" if period else ""
    return thalweg.Dataflow.from_text(
        f"""
nodes:
  - id: source
    component: counts.wasm
    {inputs}
    outputs: [out]
    parameters: {{ count: {count}, per-tick: {per_tick} }}
  - {{ id: sink, embedded: true, inputs: {{ in: source/out }} }}
""",
        GUESTS,
    )


async def finish(flow: thalweg.Dataflow) -> thalweg.RunReport:
    report = await (await flow.start()).wait()
    if not report.ok:
        raise RuntimeError({id: node.exit.text for id, node in report.nodes.items()})
    return report


def prove_cancel() -> Figure:
    """Waits that are given up at random, around the time at which events come: each event once, in order."""
    count, chance = 1_000_000, random.Random(1)
    flow, given_up, next_number = counting(count), 0, 0

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        nonlocal given_up, next_number
        while next_number < count:
            if chance.random() < 0.05:
                event = await cancelled_at_random(node, chance)
            elif chance.random() < 0.02:
                event = await timed_out_at_random(node, chance)
            else:
                event = await node.next_event()
            if event is None:
                given_up += 1
                continue
            assert isinstance(event, thalweg.Input), event
            assert int.from_bytes(event.value, "little") == next_number == event.sequence, event
            next_number += 1

    run(finish(flow))
    text = f"{next_number} of {count} events once and in order, {given_up} waits given up"
    return text, next_number == count and given_up > 1000


async def cancelled_at_random(node: thalweg.Node, chance: random.Random) -> thalweg.Event | None:
    wait = asyncio.create_task(node.next_event())
    for _ in range(chance.randrange(3)):
        await asyncio.sleep(0)
    wait.cancel()
    try:
        return await wait
    except asyncio.CancelledError:
        return None


async def timed_out_at_random(node: thalweg.Node, chance: random.Random) -> thalweg.Event | None:
    try:
        async with asyncio.timeout(chance.choice([0, 0.00001, 0.0001, 0.001])):
            return await node.next_event()
    except TimeoutError:
        return None


EXIT = """
import asyncio, sys, thalweg, uvloop
flow = thalweg.Dataflow.from_text('''
nodes:
  - { id: source, component: counts.wasm, outputs: [out], parameters: { count: 1000000000 } }
  - { id: sink, embedded: true, inputs: { in: source/out } }
''', sys.argv[1])
@flow.node("sink")
async def sink(node):
    await node.next_event()
    seen.set_result(None)
    async for event in node.events():
        pass
async def main():
    global seen
    seen = asyncio.get_running_loop().create_future()
    run = await flow.start()
    await seen
factory = uvloop.new_event_loop if sys.argv[2] == "uvloop" else asyncio.new_event_loop
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(main())
"""


def prove_exit() -> Figure:
    """The process ends directly after an await, while events still arrive."""
    runs, clean = 300, 0
    for number in range(runs):
        loop = ["asyncio", "uvloop"][number % 2]
        ended = subprocess.run([sys.executable, "-c", EXIT, GUESTS, loop], capture_output=True, timeout=60)
        clean += ended.returncode == 0 and not ended.stderr
    return f"{clean} of {runs} exits with code 0, half of them under uvloop", clean == runs


def prove_fair() -> Figure:
    """A ticker of 1 ms beside a stream that is never empty."""
    busy, events = run(worst_gap(2_000_000))
    alone, _ = run(worst_gap(0))
    text = f"worst gap {busy * 1e3:.1f} ms beside {events} events, {alone * 1e3:.1f} ms alone"
    return text, busy < alone + 0.010


async def worst_gap(count: int) -> tuple[float, int]:
    gaps, events = [0.0], 0

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last - 0.001)
            last = now

    ticker = asyncio.create_task(tick())
    if count:
        flow = counting(count)

        @flow.node("sink")
        async def sink(node: thalweg.Node) -> None:
            nonlocal events
            async for _ in node.events():
                events += 1
                if events == 1:
                    gaps.clear()

        await finish(flow)
    else:
        await asyncio.sleep(2)
    ticker.cancel()
    return max(gaps), events


def prove_await() -> Figure:
    """The price of a ready event beside that of `asyncio.Queue`, and of a wake-up beside a bare eventfd."""
    rounds = [(run(ready_event()), run(ready_queue())) for _ in range(5)]
    event, queue = (statistics.median(times) * 1e9 for times in zip(*rounds))
    wakes = [(run(idle_event()), run(idle_eventfd())) for _ in range(5)]
    woken, bare = (statistics.median(times) * 1e6 for times in zip(*wakes))
    text = (
        f"ready {event:.0f} ns an event ({event / queue:.2f} x Queue.get), "
        f"idle {woken:.0f} us ({woken / bare:.2f} x a bare eventfd)"
    )
    return text, event <= queue and woken <= 1.3 * bare


async def ready_event() -> float:
    """Seconds for an event that is there already."""
    count, spent = 100_000, 0.0
    flow = thalweg.Dataflow.from_text(
        f"""
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ in: {{ source: source/out, queue: {count} }} }} }}
"""
    )
    sent = asyncio.Event()

    @flow.node("source")
    async def source(node: thalweg.Node) -> None:
        for _ in range(count):
            await node.send("out", b"12345678")
        sent.set()
        await done.wait()

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        nonlocal spent
        await sent.wait()
        began, left = time.perf_counter(), count
        async for _ in node.events():
            left -= 1
            if not left:
                break
        spent = time.perf_counter() - began
        done.set()

    done = asyncio.Event()
    await finish(flow)
    return spent / count


async def ready_queue() -> float:
    count = 100_000
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    for _ in range(count):
        queue.put_nowait(b"12345678")
    began = time.perf_counter()
    for _ in range(count):
        await queue.get()
    return (time.perf_counter() - began) / count


async def idle_event() -> float:
    """Seconds from a send in a component to the task that waits for it."""
    count, delays = 1000, []
    flow = counting(count, "2ms", 1)

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                delays.append((time.time_ns() - event.timestamp) / 1e9)

    await finish(flow)
    return statistics.median(delays)


async def idle_eventfd() -> float:
    """The same by a thread that writes an eventfd which the loop watches."""
    count, delays, sent = 1000, [], 0
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def woken() -> None:
        os.eventfd_read(fd)
        waiter.set_result(None)

    def write() -> None:
        nonlocal sent
        for _ in range(count):
            time.sleep(0.002)
            sent = time.time_ns()
            os.eventfd_write(fd, 1)

    loop.add_reader(fd, woken)
    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(count):
        await waiter
        delays.append((time.time_ns() - sent) / 1e9)
        waiter = loop.create_future()
    thread.join()
    loop.remove_reader(fd)
    os.close(fd)
    return statistics.median(delays)


PROOFS = {"cancel": prove_cancel, "exit": prove_exit, "fair": prove_fair, "await": prove_await}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in PROOFS:
        sys.exit(f"name a proof: {', '.join(PROOFS)}")
    text, ok = PROOFS[name]()
    print(f"{name}: {text}, {'ok' if ok else 'short'}")
    sys.exit(not ok)


main()
