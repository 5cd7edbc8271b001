"""What wakes the nodes of an event loop: one file descriptor, watched by the loop itself."""

from __future__ import annotations

import asyncio
import atexit
import os
from collections import deque
from weakref import WeakKeyDictionary

from thalweg import _native

atexit.register(_native.shut_down)


class Wakeups:
    """The waiters of one event loop. Not thread-safe: used on the thread of its loop alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.readiness = _native.Readiness()
        self.loop = loop
        self._pid = os.getpid()
        self._waiters: dict[int, deque[asyncio.Future[None]]] = {}
        self._last_token = 0

    def enter(self) -> int:
        """A token for something that waits."""
        self.check()
        if not self._waiters:
            self.loop.add_reader(self.readiness.fileno(), self._wake)
        self._last_token += 1
        self._waiters[self._last_token] = deque()
        return self._last_token

    def leave(self, token: int) -> None:
        """Nothing waits by this token any more. Whoever still does is woken."""
        for waiter in self._waiters.pop(token, ()):
            if not waiter.done():
                waiter.set_result(None)
        if not self._waiters and not self.loop.is_closed():
            self.loop.remove_reader(self.readiness.fileno())

    async def wait(self, token: int) -> None:
        """Until the token is woken, or leaves. Giving it up loses nothing: a wake-up that had come
        already is handed to the next waiter."""
        waiter = self.loop.create_future()
        waiters = self._waiters[token]
        waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake_all(token)
            raise
        finally:
            if not waiter.done() or waiter.cancelled():
                try:
                    waiters.remove(waiter)
                except ValueError:
                    pass

    def check(self) -> None:
        """Raises where a node is used in another loop or process than its own."""
        if os.getpid() != self._pid:
            raise RuntimeError("the dataflow belongs to the process before the fork; start one in this process")
        if asyncio.get_running_loop() is not self.loop:
            raise RuntimeError("the node belongs to another event loop")

    def _wake(self) -> None:
        for token in self.readiness.drain():
            self._wake_all(token)

    def _wake_all(self, token: int) -> None:
        waiters = self._waiters.get(token)
        while waiters:
            waiter = waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)


_wakeups: WeakKeyDictionary[asyncio.AbstractEventLoop, Wakeups] = WeakKeyDictionary()


def wakeups() -> Wakeups:
    """Those of the running loop."""
    loop = asyncio.get_running_loop()
    found = _wakeups.get(loop)
    if found is None:
        found = _wakeups[loop] = Wakeups(loop)
    return found
