"""The process ends directly after an await, while events still arrive: with code 0, and without a word."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable

import thalweg
from support import GUESTS, HERE, LOOPS, Figures, counter, dataflow, run, script

RUNS = 600
"""Of each way to be a node; every second one under uvloop."""

SIDE_BY_SIDE = 2

ENDLESS = counter(1_000_000_000)


def prove() -> Figures:
    ways = {"embedded": embedded, "started": started, "attached": attached}
    clean = {}
    with tempfile.TemporaryDirectory() as folder:
        # Where this host listens, and no other.
        os.environ["XDG_RUNTIME_DIR"] = folder
        for name, way in ways.items():
            clean[name] = sum(run(way()))
    figures = [f"{count} of {RUNS} {name} with code 0" for name, count in clean.items()]
    return [*figures, "half of each under uvloop"], all(count == RUNS for count in clean.values())


async def repeated(once: Callable[[str, int], Awaitable[bool]]) -> list[bool]:
    """What came of each run; some of them run side by side, each with a number of its own."""
    numbers, clean = iter(range(RUNS)), []

    async def one_by_one(worker: int) -> None:
        for number in numbers:
            clean.append(await once(list(LOOPS)[number % len(LOOPS)], worker))

    async with asyncio.TaskGroup() as group:
        for worker in range(SIDE_BY_SIDE):
            group.create_task(one_by_one(worker))
    return clean


async def is_clean(name: str, *arguments: str) -> bool:
    """Whether the script ends with code 0 and prints nothing."""
    command = [sys.executable, str(HERE / "nodes" / f"{name}.py"), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(60):
        printed, _ = await process.communicate()
    if process.returncode or printed:
        print(f"{name} {arguments}: code {process.returncode}\n{printed.decode()}")
    return process.returncode == 0 and not printed


async def embedded() -> list[bool]:
    return await repeated(lambda loop, _: is_clean("hosting", str(GUESTS), loop))


async def started() -> list[bool]:
    async def once(loop: str, worker: int) -> bool:
        flow = dataflow(
            ENDLESS + f"  - {{ id: node, {script('leaving')}, args: [{loop}], inputs: {{ in: source/out }} }}\n"
        )
        run = await flow.start()
        lines = [event.text async for event in run.events() if isinstance(event, thalweg.LogLine)]
        exit = (await run.wait()).nodes["node"].exit
        if exit.name != "finished" or lines:
            print(f"started under {loop}: {exit.text}\n{lines}")
        return exit.name == "finished" and not lines

    return await repeated(once)


async def attached() -> list[bool]:
    """One dataflow for all of them: a process that goes leaves the node to the next one."""
    nodes = "".join(
        f"  - {{ id: node-{worker}, attached: true, inputs: {{ in: source/out }} }}\n"
        for worker in range(SIDE_BY_SIDE)
    )
    async with dataflow(ENDLESS + nodes).start() as run:
        clean = await repeated(lambda loop, worker: is_clean("leaving", loop, f"node-{worker}"))
        run.kill()
    return clean
