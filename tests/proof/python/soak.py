"""The dataflow of everything at full speed, and nothing is done to it: memory stays flat, nobody is started again, and
every message is accounted for.

`HOURS` or `MINUTES` says for how long."""

import asyncio
import logging
import os
import tempfile
import time
from pathlib import Path

import thalweg
from coroutines import MOST_WRONG, Coroutines
from faults import missing, write_slowly
from left import left, surplus_threads
from load import descriptor
from memory import Memory, growth, is_flat, measured
from support import GUESTS, Figures, run, unbalanced

HOURS = 8.0

AGAIN = {"fifo", "lines"}
"""Nodes that end and are started again all the time."""

IN_FLIGHT = 16 << 20
"""Bytes by which what the dataflow has in its queues may differ from one moment to the next."""

WARM_UP = 3.0
"""Seconds of a dataflow that is not measured."""

EACH = 60.0
"""Seconds from one measurement to the next, and a sixth of the whole at most."""


def prove() -> Figures:
    minutes = float(os.environ.get("MINUTES") or 60 * float(os.environ.get("HOURS") or HOURS))
    logging.getLogger("thalweg").setLevel(logging.CRITICAL + 1)
    with tempfile.TemporaryDirectory(prefix="thalweg-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        figures: Figures = run(soak(Path(folder), minutes * 60))
    return figures


async def soak(folder: Path, seconds: float) -> Figures:
    # What all dataflows of a process share is there before the first measurement.
    await soaked(folder, WARM_UP, None)
    await surplus_threads(0)
    before, memory = left(str(folder)), list[Memory]()
    heard, wrong = await soaked(folder, seconds, memory)
    threads = await surplus_threads(before.threads)
    found = left(str(folder)).more_than(before) | ({"threads": threads} if threads else {})
    wrong += [f"{name} left: {what}" for name, what in found.items()]
    for what in wrong:
        print(what)
    figures = [f"{seconds / 60:g} min", f"{heard} messages heard", f"{len(wrong)} wrong", growth(memory)]
    return figures, not wrong and is_flat(memory, IN_FLIGHT)


async def soaked(folder: Path, seconds: float, memory: list[Memory] | None) -> tuple[int, list[str]]:
    """How many messages came through, and what was wrong with them."""
    told = Coroutines(seed=1)
    flow = thalweg.Dataflow.from_dict(descriptor(folder, injured=False, endless=True), GUESTS)
    told.supply(flow)
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write_slowly(folder))
        async with flow.start() as running:
            tasks.create_task(note_failures(running.events(), told))
            await (asyncio.sleep(seconds) if memory is None else measure(told, seconds, memory))
        report = await running.wait()
        writing.cancel()
    heard = sum(stream.messages for stream in told.heard.values())
    return heard, [*told.wrong, *unbalanced(report), *missing(report, told, "stop"), *disturbed(report)]


async def note_failures(events: thalweg.RunEvents, told: Coroutines) -> None:
    """Nobody did anything to them, but to those that read files to their ends, again and again."""
    async for event in events:
        if isinstance(event, thalweg.NodeRestarting) and event.node not in AGAIN and len(told.wrong) < MOST_WRONG:
            told.wrong.append(f"{event.node} is started again: {event.exit.text}")


async def measure(told: Coroutines, seconds: float, memory: list[Memory]) -> None:
    """Takes down how much memory there is, once a minute, and says it with what was heard since."""
    heard, began = 0, time.monotonic()
    while (remains := began + seconds - time.monotonic()) > 0:
        await asyncio.sleep(min(EACH, seconds / 6, remains))
        now = sum(stream.messages for stream in told.heard.values())
        memory.append(measured())
        print(f"{(time.monotonic() - began) / 60:6.1f} min {now - heard:10} messages {memory[-1].resident >> 20:5} MiB", flush=True)
        heard = now


def disturbed(report: thalweg.RunReport) -> list[str]:
    """Nodes that were started again, or did not end well."""
    return [
        f"{id}: {node.restarts} restarts, {node.exit.text}"
        for id, node in report.nodes.items()
        if id not in AGAIN | {"door"} and (node.restarts or not node.exit.ok)
    ]
