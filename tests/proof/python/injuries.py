"""What is done to the nodes of the load, one thing after the other, as a seed says."""

import asyncio
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
    "floods": "out-of-time",
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

    def kinds(self) -> dict[str, tuple[int, Callable[[], Awaitable[None] | None]]]:
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
                self.done[kind] += 1
                doing = kinds[kind][1]()
                if doing is not None:
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

    def harm(self) -> None:
        self.told.harms.append(self.chance.choice(list(HARMS)))

    def fail(self) -> None:
        self.told.failing.add(self.chance.choice(COROUTINES))

    async def restart(self) -> None:
        node = self.chance.choice([*PROCESSES, *COROUTINES, *COMPONENTS])
        # It may end, or fail to start, by another injury.
        with suppress(thalweg.NodeClosed, thalweg.StartError):
            await self.run.restart(node)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def interrupt(self) -> None:
        self._signal(signal.SIGUSR1)

    async def stall(self) -> None:
        seconds = self.chance.random() ** 3 * STALL
        if process := self._signal(signal.SIGSTOP):
            try:
                await asyncio.sleep(seconds)
            finally:
                send(process, signal.SIGCONT)
                os.close(process)

    def _signal(self, number: signal.Signals) -> int | None:
        """Sends a signal to the process of some node. Gives the descriptor of one that is to go on."""
        node = self.chance.choice(PROCESSES)
        process = process_of(node)
        if process is None:
            return None
        send(process, number)
        if number == signal.SIGSTOP:
            return process
        os.close(process)
        return None

    async def visit(self) -> None:
        """A process attaches, and goes in some way."""
        if sum(kind == "visitor" for kind in self._visitors()) >= VISITORS:
            return
        how = self.chance.choice(["quits", "raises", "killed"])
        script = str(HERE / "nodes" / "visiting.py")
        quiet = asyncio.subprocess.DEVNULL
        visitor = await asyncio.create_subprocess_exec(sys.executable, script, how, stdout=quiet, stderr=quiet)
        try:
            async with asyncio.timeout(self.chance.random() * 2):
                await visitor.wait()
        except TimeoutError:
            pass
        finally:
            if visitor.returncode is None:
                visitor.kill()
            await visitor.wait()

    def _visitors(self) -> list[str]:
        return ["visitor" for task in self._tasks if getattr(task.get_coro(), "__name__", "") == "visit"]

    async def garble(self) -> None:
        """Somebody says to the door what nobody understands, and goes or stays for a while."""
        text = self.chance.randbytes(self.chance.choice([0, 1, 3, 4, 5, 100, 100_000]))
        if self.chance.random() < 0.5:
            text = self.chance.choice(BEGINNINGS) + text
        for path in (self.folder / "thalweg").glob("*.sock"):
            with suppress(OSError):
                _, writer = await asyncio.open_unix_connection(path)
                try:
                    writer.write(text)
                    await asyncio.sleep(self.chance.random())
                finally:
                    writer.close()

    def press(self) -> None:
        self.told.huge += 12

    async def fill_disk(self) -> None:
        """Somebody else keeps the disk busy."""
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", FILLS, str(self.folder))
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def read_slowly(self) -> None:
        self.deaf.set()
        try:
            await asyncio.sleep(self.chance.random() * 2)
        finally:
            self.deaf.clear()


BEGINNINGS = [b"", b"thalweg", b'thalweg 1 {"ask":"status"}', b"thalweg 1 ", (1 << 20).to_bytes(4, "little"), b"\xff" * 4]
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


def send(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, number)
