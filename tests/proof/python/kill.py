"""`kill -9` of a process in the middle of traffic: the host and all others go on, the books balance, and
nothing of it is left."""

import asyncio
import os
import signal
import tempfile
from collections import Counter

import thalweg
from left import IDLE, Left, left
from support import Figures, counter, dataflow, run, script, unbalanced

KILLS = 200
WARM_UP = 5

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
    assert not unbalanced(report), unbalanced(report)
