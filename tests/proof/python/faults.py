"""Dataflows of everything that there is, one after the other, while their nodes are killed, stalled, told to do harm and
started again: the books are equal after each, and nothing is left of it.

`MINUTES` says for how long, `SEED` repeats what was drawn, `RATE` is how many faults there are in a second."""

import asyncio
import contextlib
import logging
import os
import random
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import thalweg
from coroutines import Coroutines
from injuries import HARMS, PROCESSES, Injuries, process_of, send
from left import Left, left, surplus_threads
from load import REDELIVER, descriptor
from memory import Memory, growth, is_flat, measured
from support import GUESTS, Figures, run, unbalanced

MINUTES = 10.0

RATE = 12.0
"""Faults a second: thousands in that time, and as many as leave the nodes some time to do anything."""

SECONDS = 30.0
"""How long a dataflow is injured before it is ended, at most."""

ENDINGS = ("stop", "end", "kill", "stop, kill")
"""It is asked to stop, its sources end by themselves, all of it is ended at once, or while it stops."""

FILES = {"thalweg", "fifo", "written"}
"""What there may be in the folder of the run."""

PATIENCE = 60.0
"""Seconds within which a dataflow must end: whatever takes longer hangs."""


@dataclass
class Books:
    """What came of all dataflows."""

    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    """How instances ended, by name."""
    counts: Counter[str] = field(default_factory=Counter)
    memory: list[Memory] = field(default_factory=list)
    dataflows: int = 0
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def prove() -> Figures:
    minutes = float(os.environ.get("MINUTES") or MINUTES)
    seed = int(os.environ.get("SEED") or 0) or random.SystemRandom().randrange(1, 1 << 32)
    rate = float(os.environ.get("RATE") or RATE)
    print(f"SEED={seed}")
    logging.getLogger("thalweg").setLevel(logging.CRITICAL + 1)
    with tempfile.TemporaryDirectory(prefix="thalweg-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        books = run(go_on(Path(folder), minutes * 60, seed, rate))
    show(books)
    return figures(books, minutes)


async def go_on(folder: Path, seconds: float, seed: int, rate: float) -> Books:
    books, remains = Books(), seconds
    chance = random.Random(seed)
    # The first is none of the figures: it starts what the others share.
    await dataflow(folder, "stop", 1.0, chance.randrange(1 << 32), rate, Books())
    await surplus_threads(0)
    before = left(str(folder))
    while remains > 0:
        ending = ENDINGS[books.dataflows % len(ENDINGS)]
        length = min(SECONDS, seconds / len(ENDINGS), remains)
        remains -= length
        await dataflow(folder, ending, length, chance.randrange(1 << 32), rate, books)
        await note_left(books, before, folder)
        books.memory.append(measured())
        line = f"{books.dataflows:4} {ending:10} {books.faults.total():6} faults {books.counts['restarts']:6} restarts"
        print(f"{line} {books.memory[-1].resident >> 20:5} MiB {len(books.wrong)} wrong {len(books.left)} left", flush=True)
    return books


async def note_left(books: Books, before: Left, folder: Path) -> None:
    threads = await surplus_threads(before.threads)
    found = left(str(folder)).more_than(before) | ({"threads": threads} if threads else {})
    if files := {path.name for path in folder.iterdir()} - FILES:
        found["files"] = files
    books.left += [f"dataflow {books.dataflows}: {name}: {what}" for name, what in found.items()]


async def dataflow(folder: Path, ending: str, seconds: float, seed: int, rate: float, books: Books) -> None:
    """Runs one for that long, ends it, and checks what came of it."""
    chance = random.Random(seed)
    redeliver = {id for id in REDELIVER if chance.random() < 0.5}
    told = Coroutines(seed, redeliver | ({"views"} if "copies" in redeliver else set()))
    fields = descriptor(folder, injured=True, endless=ending != "end", redeliver=redeliver)
    flow = thalweg.Dataflow.from_dict(fields, GUESTS)
    told.supply(flow)
    for how in ("kill", "cancel"):
        books.faults["start"] += await start_in_vain(flow, how)
    async with asyncio.TaskGroup() as tasks:
        running = await flow.start()
        injuries = Injuries(running, told, folder, seed, rate)
        tasks.create_task(read_events(running.events(), injuries.deaf, books))
        others = [tasks.create_task(injuries.go_on()), tasks.create_task(write_slowly(folder))]
        await asyncio.sleep(seconds)
        match ending:
            case "stop":
                running.stop()
            case "end":
                told.over = True
            case "kill":
                running.kill()
            case "stop, kill":
                running.stop()
                await asyncio.sleep(chance.random() / 2)
                running.kill()
        report = await end_of(running, books)
        for task in others:
            task.cancel()
    books.dataflows += 1
    books.faults += injuries.done
    note(books, report)
    wrong = [*told.wrong, *injuries.wrong, *unbalanced(report), *unexpected(report, ending, redeliver), *missing(report, told, ending)]
    books.wrong += [f"dataflow {books.dataflows} ({ending}): {what}" for what in wrong]


async def start_in_vain(flow: thalweg.Dataflow, how: str) -> bool:
    """Starts the dataflow, and as soon as there is the process of a node kills that, or gives up the start. Whether it
    has not started."""

    async def start() -> thalweg.Run:
        return await flow.start()

    starting, process = asyncio.create_task(start()), None
    while not starting.done() and (process := process_of(PROCESSES[0])) is None:
        await asyncio.sleep(0.01)
    if process is not None and how == "kill":
        send(process, signal.SIGKILL)
    elif process is not None:
        starting.cancel()
    try:
        running = await starting
    except (thalweg.StartError, asyncio.CancelledError):
        return True
    finally:
        if process is not None:
            os.close(process)
    running.kill()
    await running.wait()
    return False


async def end_of(running: thalweg.Run, books: Books) -> thalweg.RunReport:
    try:
        async with asyncio.timeout(PATIENCE):
            return await running.wait()
    except TimeoutError:
        books.wrong.append("it did not end")
        running.kill()
        return await running.wait()


async def read_events(events: thalweg.RunEvents, deaf: asyncio.Event, books: Books) -> None:
    async for event in events:
        match event:
            case thalweg.NodeRestarting(exit=exit) | thalweg.NodeFailed(exit=exit) | thalweg.NodeFinished(exit=exit):
                books.ends[exit.name] += 1
                if exit.name == "panicked" or "broke the rules" in exit.text:
                    books.wrong.append(f"{event.node} ended by the host itself: {exit.text}")
            case thalweg.LogLine():
                books.counts["lines"] += 1
            case thalweg.LinesDropped(count=count):
                books.counts["lines dropped"] += count
        while deaf.is_set():
            await asyncio.sleep(0.05)


async def write_slowly(folder: Path) -> None:
    """A file of which the reader waits for every piece."""
    path = folder / "fifo"
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    os.close(pipe)
    try:
        while True:
            await asyncio.sleep(0.05)
            with contextlib.suppress(OSError):
                pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                try:
                    for _ in range(3):
                        os.write(pipe, b"slow ")
                        await asyncio.sleep(0.05)
                finally:
                    os.close(pipe)
    finally:
        # Whoever waits for a writer still has one, and then the end of the file.
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


def note(books: Books, report: thalweg.RunReport) -> None:
    for node in report.nodes.values():
        books.counts["restarts"] += node.restarts
        books.counts["redelivered"] += node.redelivered
        books.counts["ended by watchdogs"] += node.watchdog_ends
        books.counts["sent"] += sum(output.sent for output in node.outputs)
        for read in node.inputs:
            books.counts["received"] += read.received
            books.counts["delivered"] += read.delivered
            books.counts["dropped"] += read.dropped
            books.counts["discarded"] += read.discarded


WELL = {"finished", "stopped"}
COROUTINE = WELL | {"failed"}
PROCESS = WELL | {"failed", "exited", "signaled", "unresponsive", "killed"}
# One that sleeps with its last event in hand has its grace period.
HARMED = WELL | {*HARMS.values(), "killed"}
ENDS = {
    **dict.fromkeys(PROCESSES, PROCESS),
    **dict.fromkeys(("numbers", "orders", "frames", "stumble"), COROUTINE),
    **dict.fromkeys(("handler", "program"), HARMED),
    **dict.fromkeys(("worker", "ticks"), WELL | {"trapped"}),
    "pong": PROCESS | {"trapped"},
    "door": WELL | {"failed", "unattached"},
    "fifo": WELL | {"failed", "killed"},
}
"""How nodes may end after a stop, or with their last event in hand; those that are not named end well."""

CHAIN = {"worker", "relay", "stumble"}
"""Those that always redeliver."""


def unexpected(report: thalweg.RunReport, ending: str, redeliver: set[str]) -> list[str]:
    """Nodes that ended in a way in which they cannot. Those that redeliver are given their last event again, until they
    are done with it; a process may still be killed between its saying so and its end."""

    def allowed(id: str) -> set[str]:
        if ending == "end" and id in (CHAIN | redeliver) - {"door", *PROCESSES}:
            return WELL
        return ENDS.get(id, WELL) | ({"killed"} if "kill" in ending else set())

    return [f"{id} ended as {node.exit.text}" for id, node in report.nodes.items() if node.exit.name not in allowed(id)]


def missing(report: thalweg.RunReport, told: Coroutines, ending: str) -> list[str]:
    """Messages that have not come where none may be lost."""
    if "kill" in ending:
        return []
    wrong = []
    for id, stream in told.heard.items():
        sent = sum(output.sent for output in report.nodes[id].outputs)
        if stream.sequence != sent:
            wrong.append(f"{stream.sequence} of {sent} messages of {id} are accounted for")
    for ids in (["numbers"], ["worker"], ["worker", "relay"], ["stumble"]):
        # One that failed after a stop was not started again.
        is_whole = ending == "end" or all(report.nodes[id].exit.ok for id in ids)
        if is_whole and told.heard[ids[-1]].number != told.sent["numbers"]:
            wrong.append(f"{told.heard[ids[-1]].number} of {told.sent['numbers']} numbers came through {ids[-1]}")
    return wrong


def show(books: Books) -> None:
    for title, counter in (("faults", books.faults), ("ends", books.ends), ("counts", books.counts)):
        print(f"\n{title}")
        for name, count in counter.most_common():
            print(f"  {name:20} {count:12}")
    print()
    for what in [*books.wrong, *books.left]:
        print(what)


def figures(books: Books, minutes: float) -> Figures:
    traps = sum(books.ends[name] for name in ("trapped", "out-of-time", "out-of-memory", "out-of-handles"))
    ok = is_flat(books.memory) and not books.wrong and not books.left
    return [
        f"{minutes:g} min",
        f"{books.dataflows} dataflows",
        f"{books.faults.total()} faults",
        f"{books.faults['kill']} kills",
        f"{traps} traps",
        f"{books.counts['restarts']} restarts",
        f"books {'not ' if books.wrong else ''}equal",
        f"{'nothing' if not books.left else len(books.left)} left",
        growth(books.memory),
    ], ok
