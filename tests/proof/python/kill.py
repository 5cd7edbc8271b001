"""`kill -9` of a process in the middle of traffic: the host and all others go on, the books balance, and
nothing of it is left."""

import asyncio
import gc
import os
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import thalweg
from support import Figures, counter, dataflow, run, script

KILLS = 200
WARM_UP = 5

IDLE = 64 << 20
"""What the host keeps of shared memory for later payloads, at most, in bytes."""

FLOW = (
    counter(1_000_000_000, sizes="8*20,100000")
    + f"""
  - {{ id: victim, {script('passing')}, inputs: {{ in: source/out }}, outputs: [out] }}
  - {{ id: other, component: echo.wasm, inputs: {{ in: source/out }}, outputs: [out] }}
  - {{ id: killer, embedded: true, inputs: {{ victim: victim/out }} }}
  - {{ id: sink, embedded: true, inputs: {{ in: other/out }} }}
  - {{ id: door, attached: true, inputs: {{ in: {{ source: source/out, overflow: drop-oldest }} }} }}
"""
)


@dataclass
class Left:
    """What of the operating system's this process holds, but for its event loop's."""

    descriptors: Counter[str]
    shared: int
    """Bytes of shared memory."""
    unmapped: int
    """Descriptors of shared memory that is not mapped."""
    children: list[str]
    sockets: list[str]
    named: set[str]
    """Names of shared memory of the whole machine."""


def prove() -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        before, after = run(main(folder))
    strays = after.descriptors - before.descriptors + Counter(shared=after.unmapped)
    named = after.named - before.named
    for what in (strays, after.children, after.sockets, named):
        if what:
            print("left:", what)
    figures = [
        f"{KILLS} killed while the others went on",
        f"{strays.total()} descriptors more than before the first",
        f"{after.shared >> 10} KiB of shared memory kept ({before.shared >> 10} before)",
        f"{len(after.children)} processes, {len(after.sockets)} sockets and {len(named)} files left",
    ]
    return figures, not (strays or after.children or after.sockets or named) and after.shared <= IDLE


async def main(folder: str) -> tuple[Left, Left]:
    for _ in range(WARM_UP):
        await kill()
    before = left(folder)
    for _ in range(KILLS):
        await kill()
    return before, left(folder)


async def kill() -> None:
    flow, killed = dataflow(FLOW), asyncio.Event()

    @flow.node("killer")
    async def killer(node: thalweg.Node) -> None:
        pid, seen = 0, 0
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                pid, seen = pid or int(event.text()), seen + 1
                if seen == 100:
                    os.kill(pid, signal.SIGKILL)
                    killed.set()

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        events = node.events()
        await killed.wait()
        # More than were queued on the way when it was killed.
        for _ in range(2000):
            assert isinstance(await anext(events), thalweg.Input)
        running.stop()
        async for _ in events:
            pass

    async with asyncio.timeout(60):
        running = await flow.start()
        report = await running.wait()
    check(report)


def check(report: thalweg.RunReport) -> None:
    exits = {id: node.exit.name for id, node in report.nodes.items()}
    assert exits.pop("victim") == "signaled" and exits.pop("door") == "unattached", report
    assert set(exits.values()) <= {"finished", "stopped"}, exits
    sent = {f"{id}/{output.id}": output.sent for id, node in report.nodes.items() for output in node.outputs}
    for node in report.nodes.values():
        for read in node.inputs:
            assert read.received == sent[read.source], (node, sent)
            assert read.received == read.delivered + read.dropped + read.discarded, node


def left(folder: str) -> Left:
    gc.collect()
    links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    # Those of one kind count as one: numbers of sockets and pipes differ.
    kinds = Counter(link.split(":")[0] for link in links if "memfd:thalweg" not in link)
    files = sum("memfd:thalweg" in link for link in links)
    maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if "memfd:thalweg" in line]
    spans = [[int(end, 16) for end in line[0].split("-")] for line in maps]
    children = [path.read_text().split() for path in Path("/proc/self/task").glob("*/children")]
    return Left(
        descriptors=kinds,
        shared=sum(end - begin for begin, end in spans),
        unmapped=files - len(spans),
        children=[pid for pids in children for pid in pids],
        sockets=[str(path) for path in Path(folder).rglob("*.sock")],
        named=set(os.listdir("/dev/shm")),
    )
