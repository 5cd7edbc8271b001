"""What is done to the nodes of the load, one thing after the other, as a seed says."""

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import thalweg
from coroutines import Coroutines
from left import children
from support import HERE

HARMS = {
    "traps": "trapped",
    "panics": "trapped",
    "recurses": "trapped",
    "fails": "failed",
    "spins": "out-of-time",
    "allocates": "out-of-memory",
    "holds-handles": "out-of-handles",
    "sleeps": "unresponsive",
    "sends-unknown": "failed",
    "exits": "exited",
}
"""What a component may be told to do, and how it ends by that."""

PROCESSES = ("relay", "views", "waits", "pong", "disk")
COROUTINES = ("numbers", "orders", "frames", "stumble")
COMPONENTS = ("worker", "handler", "program", "copies", "ping")

Doing = Awaitable[None] | bool
"""What is done for some time, or whether it was done."""

VISITORS = 4
"""Processes that attach at the same time, at most; all but one are refused."""

STALL = 2.5
"""Seconds for which a process stands still, at most: longer than the patience of the watchdogs."""


class Injuries:
    """Does them, and counts them by kind. `rate` is how many a second."""

    def __init__(self, run: thalweg.Run, told: Coroutines, folder: Path, seed: int, rate: float) -> None:
        self.run, self.told, self.folder, self.rate = run, told, folder, rate
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.deaf = asyncio.Event()
        """Set while those who read what happens are to stand still."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._visitors = 0

    def kinds(self) -> dict[str, tuple[int, Callable[[], Doing]]]:
        """What may be done, and how often in comparison with the others."""
        return {
            "harm": (30, self.harm),
            "exception": (10, self.fail),
            "restart": (8, self.restart),
            "kill": (6, self.kill),
            "interrupt": (3, self.interrupt),
            "stall": (6, self.stall),
            "visitor": (2, self.visit),
            "garbage": (6, self.garble),
            "question": (6, self.ask),
            "pressure": (1, self.press),
            "slow disk": (1, self.fill_disk),
            "slow reader": (1, self.read_slowly),
        }

    async def go_on(self) -> None:
        """Does one after the other until it is cancelled; what takes time goes on beside the next."""
        kinds = self.kinds()
        weights = [weight for weight, _ in kinds.values()]
        try:
            while True:
                [kind] = self.chance.choices(list(kinds), weights)
                doing = kinds[kind][1]()
                self.done[kind] += doing is not False
                if not isinstance(doing, bool):
                    self._begin(doing)
                await asyncio.sleep(self.chance.expovariate(self.rate))
        finally:
            await self._end()

    def _begin(self, doing: Awaitable[None]) -> None:
        task = asyncio.ensure_future(doing)
        self._tasks.add(task)
        task.add_done_callback(self._note)

    def _note(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.wrong.append(f"{type(error).__name__}: {error}")

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def harm(self) -> bool:
        self.told.harms.append(self.chance.choice(list(HARMS)))
        return True

    def fail(self) -> bool:
        self.told.failing.add(self.chance.choice(COROUTINES))
        return True

    async def restart(self) -> None:
        node = self.chance.choice([*PROCESSES, *COROUTINES, *COMPONENTS])
        # It may end, or fail to start, by another injury.
        with suppress(thalweg.NodeClosed, thalweg.StartError):
            await self.run.restart(node)

    def kill(self) -> bool:
        return self._signal(signal.SIGKILL)

    def interrupt(self) -> bool:
        return self._signal(signal.SIGUSR1)

    def _signal(self, number: signal.Signals) -> bool:
        process = process_of(self.chance.choice(PROCESSES))
        if process is not None:
            send(process, number)
            os.close(process)
        return process is not None

    def stall(self) -> Doing:
        process, seconds = process_of(self.chance.choice(PROCESSES)), self.chance.random() ** 3 * STALL
        return process is not None and stand_still(process, seconds)

    def visit(self) -> Doing:
        """A process attaches, and goes in some way."""
        return self._visitors < VISITORS and self._visit()

    async def _visit(self) -> None:
        self._visitors += 1
        how = self.chance.choice(["quits", "raises", "garbles"])
        script = str(HERE / "nodes" / "visiting.py")
        quiet = asyncio.subprocess.DEVNULL
        visitor = await asyncio.create_subprocess_exec(sys.executable, script, how, stdout=quiet, stderr=quiet)
        try:
            async with asyncio.timeout(self.chance.random() * 2):
                await visitor.wait()
        except TimeoutError:
            pass
        finally:
            self._visitors -= 1
            await end(visitor)

    async def garble(self) -> None:
        """Somebody says to the door what nobody understands, and goes or stays for a while."""
        text = self.chance.randbytes(self.chance.choice([0, 1, 3, 4, 5, 100, 100_000]))
        await self.say(self.chance.choice(BEGINNINGS) + text)

    async def ask(self) -> None:
        """Somebody asks how it is doing, or for a restart, and waits for the answer or does not."""
        node = self.chance.choice([*PROCESSES, *COROUTINES, *COMPONENTS, "door"])
        ask = self.chance.choice([{"ask": "status"}, {"ask": "restart", "node": node}])
        await self.say(f"thalweg 1 {json.dumps(ask)}\n".encode())

    async def say(self, text: bytes) -> None:
        for path in (self.folder / "thalweg").glob("*.sock"):
            # It may be that of a dataflow that has ended.
            with suppress(OSError):
                _, writer = await asyncio.open_unix_connection(path)
                try:
                    writer.write(text)
                    await asyncio.sleep(self.chance.random())
                finally:
                    writer.close()

    def press(self) -> bool:
        self.told.huge += 12
        return True

    async def fill_disk(self) -> None:
        """Somebody else keeps the disk busy."""
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", FILLS, str(self.folder))
        try:
            await process.wait()
        finally:
            await end(process)

    async def read_slowly(self) -> None:
        self.deaf.set()
        try:
            await asyncio.sleep(self.chance.random() * 2)
        finally:
            self.deaf.clear()


BEGINNINGS = [b"", b"", b"", b"thalweg", b'thalweg 1 {"ask":"status"}', b"thalweg 1 ", (1 << 20).to_bytes(4, "little"), b"\xff" * 4]
"""What somebody may begin with who is nearly understood."""

FILLS = """
import os, sys, tempfile
with tempfile.TemporaryFile(dir=sys.argv[1]) as file:
    for _ in range(8):
        file.write(bytes(4 << 20))
        os.fsync(file.fileno())
"""


def process_of(node: str) -> int | None:
    """A descriptor of the process that is this node: its number may soon be that of another."""
    mark = f"THALWEG_NODE={node}".encode()
    for pid in children():
        try:
            process = os.pidfd_open(int(pid))
        except ProcessLookupError:
            continue
        with suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                return process
        os.close(process)
    return None


async def end(process: asyncio.subprocess.Process) -> None:
    """Ends a process that no dataflow has started."""
    if process.returncode is None:
        # `process.kill` might reap it, and then asyncio misses it.
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    await process.wait()


async def stand_still(process: int, seconds: float) -> None:
    send(process, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        send(process, signal.SIGCONT)
        os.close(process)


def send(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, number)
