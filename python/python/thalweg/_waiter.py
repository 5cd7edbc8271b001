"""What a coroutine waits for, and goes on at once when it is woken."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextvars import Context
from typing import TypeVar

T = TypeVar("T")


class Waiter:
    """One wait of one task, which takes it for a future.

    A future that is done lets its task go on with the next turn of its loop. This one lets it go on within
    `wake`, which saves the turn: for callbacks of the loop, where no task runs. Not thread-safe.
    """

    # What a task asks of its future is not written down; it is what `asyncio.tasks` does, in Python and in C.
    __slots__ = ("_asyncio_future_blocking", "_callback", "_cancelled", "_context", "_done", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._callback: Callable[[Waiter], object] | None = None
        self._context: Context | None = None
        self._cancelled: asyncio.CancelledError | None = None
        self._done = False

    def __await__(self) -> Generator[Waiter]:
        yield self.yielded()
        return self.result()

    def yielded(self) -> Waiter:
        """As a coroutine gives it to its task."""
        self._asyncio_future_blocking = True
        return self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the task has to belong to."""
        return self._loop

    def add_done_callback(self, callback: Callable[[Waiter], object], *, context: Context) -> None:
        """By this the task is woken. It adds one, once, and within `context`."""
        self._callback, self._context = callback, context
        if self._done:
            self._loop.call_soon(callback, self, context=context)

    def done(self) -> bool:
        """Whether it was woken or cancelled."""
        return self._done

    def result(self) -> None:
        """Raises `CancelledError` when it was cancelled."""
        if self._cancelled is not None:
            raise self._cancelled

    def cancel(self, msg: object = None) -> bool:
        """Lets the task go on soon, with `CancelledError`. False when it is woken already."""
        if self._done:
            return False
        self._cancelled = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self.wake_soon()
        return True

    def wake(self) -> None:
        """Lets the task go on, here: gives back when it waits again or has ended. What it raises is its own,
        but for `SystemExit` and `KeyboardInterrupt`."""
        if not self._done:
            self._done = True
            if self._callback is not None and self._context is not None:
                self._context.run(self._callback, self)

    def wake_soon(self) -> None:
        """Lets the task go on with the next turn of the loop."""
        if not self._done:
            self._done = True
            if self._callback is not None:
                self._loop.call_soon(self._callback, self, context=self._context)


class Waiters:
    """Tasks of one event loop that wait for the same thing."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiters: deque[Waiter] = deque()
        self._told: bool | None = None
        """Whether they were to be woken, while that is left to another."""

    def __bool__(self) -> bool:
        return any(not waiter.done() for waiter in self._waiters)

    def next(self) -> Waiter:
        """Done at the next wake-up. Giving it up takes no wake-up from the others: all are woken."""
        waiters = self._waiters
        # Those that were given up do not pile up.
        while waiters and waiters[0].done():
            waiters.popleft()
        waiter = Waiter(self.loop)
        waiters.append(waiter)
        return waiter

    def wake(self) -> None:
        """Lets everyone who waits go on, one after the other, before it returns: for callbacks of the loop."""
        waiters, self._waiters = iter(self._waiters), deque()
        try:
            for waiter in waiters:
                waiter.wake()
        finally:  # One may end the loop.
            for waiter in waiters:
                waiter.wake_soon()

    def wake_soon(self) -> None:
        """Lets everyone who waits go on with the next turn of the loop."""
        if self._told is not None:
            self._told = True
            return
        waiters, self._waiters = self._waiters, deque()
        for waiter in waiters:
            waiter.wake_soon()

    def told_by(self, call: Callable[[], T]) -> tuple[bool, T]:
        """Whether `call` was about to wake them, which it leaves to the caller; and what it gave."""
        self._told = False
        try:
            given = call()
            return self._told, given
        finally:
            self._told = None
