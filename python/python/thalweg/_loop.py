"""What wakes those who wait for a node: a file descriptor, watched by the event loop itself."""

from __future__ import annotations

import asyncio
import atexit
import os
import weakref
from typing import Protocol
from weakref import WeakKeyDictionary

from thalweg import _native
from thalweg._waiter import Waiter, Waiters

atexit.register(_native.shut_down)
os.register_at_fork(after_in_child=_native.forked)


class Waking(Protocol):
    """How a node waits. Used on the thread of its loop alone."""

    async def wait(self) -> None:
        """Until it is worth another look at the node's ports."""
        ...

    def waiting(self) -> Waiter:
        """The same as a coroutine gives it to the task that runs it."""
        ...

    def given_up(self) -> None:
        """A wait was given up."""
        ...

    def leave(self) -> None:
        """Nothing waits any more. Whoever still does is woken."""
        ...


class Wakeups:
    """What wakes the nodes of this process that one event loop runs: one descriptor for all of them.
    Not thread-safe: used on the thread of its loop alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.readiness = _native.Readiness()
        # Kept only while something waits: a loop that is done with goes, and this with it.
        self._loop = weakref.ref(loop)
        self._waiters: dict[int, Waiters] = {}
        self._last_token = 0

    def enter(self) -> int:
        """A token for something that waits."""
        loop = self.check()
        if not self._waiters:
            loop.add_reader(self.readiness.fileno(), self._wake)
        self._last_token += 1
        self._waiters[self._last_token] = Waiters(loop)
        return self._last_token

    def leave(self, token: int) -> None:
        """Nothing waits by this token any more. Whoever still does is woken."""
        if (waiters := self._waiters.pop(token, None)) is not None:
            waiters.wake_soon()
        loop = self._loop()
        if not self._waiters and loop is not None and not loop.is_closed():
            loop.remove_reader(self.readiness.fileno())

    def next(self, token: int) -> Waiter:
        """Done when the token is woken, or leaves."""
        loop = self.check()
        waiters = self._waiters.get(token)
        if waiters is not None:
            return waiters.next()
        left = Waiter(loop)
        left.wake_soon()
        return left

    def check(self) -> asyncio.AbstractEventLoop:
        """The loop, which runs. Raises where a node is used in another loop than its own."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop():
            raise RuntimeError("the node belongs to another event loop")
        return loop

    def _wake(self) -> None:
        tokens = iter(self.readiness.drain())
        try:
            for token in tokens:
                if (waiters := self._waiters.get(token)) is not None:
                    waiters.wake()
        finally:  # One may end the loop.
            for token in tokens:
                if (waiters := self._waiters.get(token)) is not None:
                    waiters.wake_soon()


class EmbeddedWaking:
    """How a node of this process waits: woken by the descriptor of its loop."""

    def __init__(self, wakeups: Wakeups, ports: _native.NodePorts) -> None:
        self._wakeups = wakeups
        self._token = wakeups.enter()
        ports.attach(wakeups.readiness, self._token)

    async def wait(self) -> None:
        await self._wakeups.next(self._token)

    def waiting(self) -> Waiter:
        return self._wakeups.next(self._token).yielded()

    def given_up(self) -> None:
        pass

    def leave(self) -> None:
        self._wakeups.leave(self._token)


_wakeups: WeakKeyDictionary[asyncio.AbstractEventLoop, Wakeups] = WeakKeyDictionary()


def wakeups() -> Wakeups:
    """Those of the running loop."""
    loop = asyncio.get_running_loop()
    found = _wakeups.get(loop)
    if found is None:
        found = _wakeups[loop] = Wakeups(loop)
    return found
