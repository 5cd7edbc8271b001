"""What happens to the nodes of a running dataflow, and what they print."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from weakref import WeakSet

from thalweg._report import Exit

if TYPE_CHECKING:
    from thalweg import _native
    from thalweg._loop import Wakeups

MAX_LINES = 1024
"""Log lines that wait for a reader of events before the oldest of them is dropped."""

TURN = 64
"""What is handed on before the other tasks of the loop have a turn."""


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """The node is ready, as all nodes are, and receives events."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeRestarting:
    """An instance of the node has ended, and another follows, as `restart` in the descriptor says. The outputs
    of the node stay open. Comes behind the lines of the first.

        >>> flow = thalweg.Dataflow.from_text(
        ...     "nodes: [{ id: one, embedded: true, restart: { when: on-failure, limit: 1, backoff: 1ms } }]"
        ... )
        >>> @flow.node("one")
        ... async def one(node: thalweg.Node) -> None:
        ...     raise ValueError("no camera")
        >>> async with flow.start() as run:
        ...     async for event in run.events():
        ...         match event:
        ...             case thalweg.NodeRestarting(node, exit):
        ...                 print(node, "is started again:", exit.text.splitlines()[-1])
        ...             case thalweg.NodeFailed(node, exit):
        ...                 print(node, "has failed for good")
        one is started again: ValueError: no camera
        one has failed for good
    """

    node: str
    exit: Exit
    """How the instance ended."""
    backoff: float
    """Seconds until the other is started."""


@dataclass(frozen=True, slots=True)
class NodeRestarted:
    """An instance of the node has taken the place of another, and is ready. Comes behind the lines of the first."""

    node: str
    count: int
    """How often that has happened."""


@dataclass(frozen=True, slots=True)
class NodeSwapped:
    """Another component has taken the place of the one that ran the node, and is ready.

        >>> thalweg.NodeSwapped("sums", 1).count
        1
    """

    node: str
    count: int
    """How often that has happened."""


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """The node has ended as it should: it has finished, or it was asked to stop. Its outputs are closed.
    Comes behind its lines."""

    node: str
    exit: Exit


@dataclass(frozen=True, slots=True)
class NodeFailed:
    """The node has ended as it should not. Its outputs are closed. Comes behind its lines."""

    node: str
    exit: Exit


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a node printed or logged.

        >>> thalweg.LogLine("camera", "stderr", 20, "no light")
        LogLine(node='camera', stream='stderr', level=20, text='no light')
    """

    node: str
    stream: Literal["stdout", "stderr", "log"]
    level: int
    """As in `logging`; what was printed has `logging.INFO`."""
    text: str
    """The line without its end."""


@dataclass(frozen=True, slots=True)
class LinesDropped:
    """Lines were not read in time: they are missing here, before the next line.

        >>> thalweg.LinesDropped(3).count
        3
    """

    count: int


RunEvent: TypeAlias = (
    NodeStarted
    | NodeRestarting
    | NodeRestarted
    | NodeSwapped
    | NodeFinished
    | NodeFailed
    | LogLine
    | LinesDropped
)
"""What `Run.events` gives."""


class RunEvents:
    """What happens in a run from now on, for `async for`. Several may run side by side, and each is given
    everything; of several tasks that read one of them, each event goes to one.

    It ends after the last node has ended and the last line was given. A reader that is slow holds up
    nothing: of lines that wait for it the last 1024 are kept, and those dropped are counted in a
    `LinesDropped` in their place. What happens to nodes is never dropped. Cancelling `anext` loses no event
    and does not end the iteration. As long as it is held and not closed, the dataflow runs on.

        >>> flow = thalweg.Dataflow.from_text("nodes: [{ id: one, embedded: true }]")
        >>> @flow.node("one")
        ... async def one(node: thalweg.Node) -> None:
        ...     raise ValueError("no camera")
        >>> async with flow.start() as run:
        ...     async for event in run.events():
        ...         match event:
        ...             case thalweg.NodeStarted(node):
        ...                 print(node, "has started")
        ...             case thalweg.NodeFinished(node, exit) | thalweg.NodeFailed(node, exit):
        ...                 print(node, "has ended:", exit.text.splitlines()[-1])
        one has started
        one has ended: ValueError: no camera
    """

    def __init__(self, feed: Feed, run: object) -> None:
        self._feed = feed
        self._run: object | None = run
        self._lines: deque[tuple[int, LogLine]] = deque()
        self._others: deque[tuple[int, RunEvent]] = deque()
        self._dropped = 0
        self._count = 0
        self._over = feed.over
        self._news = asyncio.Event()
        feed.readers.add(self)

    def __aiter__(self) -> RunEvents:
        return self

    async def __anext__(self) -> RunEvent:
        while (event := self._take()) is None:
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return event

    async def aclose(self) -> None:
        """Ends the iteration; what was not read is forgotten, and the run is not held any more.

            >>> from contextlib import aclosing
            >>> async with aclosing(run.events()) as events:
            ...     await run.restart("view")
            ...     await anext(events)
            NodeRestarted(node='view', count=1)
        """
        self._feed.readers.discard(self)
        self._run = None
        self._lines.clear()
        self._others.clear()
        self._dropped = 0
        self._end()

    def _put(self, event: RunEvent) -> None:
        if self._over:
            return
        self._count += 1
        if not isinstance(event, LogLine):
            self._others.append((self._count, event))
        else:
            if len(self._lines) == MAX_LINES:
                self._lines.popleft()
                self._dropped += 1
            self._lines.append((self._count, event))
        self._news.set()

    def _end(self) -> None:
        self._over = True
        self._news.set()

    def _take(self) -> RunEvent | None:
        """The oldest event. Lines that were dropped came right before the oldest line that is left."""
        if self._others and (not self._lines or self._others[0][0] < self._lines[0][0]):
            return self._others.popleft()[1]
        if self._dropped:
            count, self._dropped = self._dropped, 0
            return LinesDropped(count)
        return self._lines.popleft()[1] if self._lines else None


class Feed:
    """Takes what a run tells, and hands it to the loggers and to every reader."""

    def __init__(self, native: _native.RunFeed, waking: Wakeups) -> None:
        self.readers: WeakSet[RunEvents] = WeakSet()
        self.over = False
        self._native = native
        self._waking = waking

    async def forward(self, token: int) -> None:
        """Until the last has been told."""
        until_turn = TURN
        try:
            while (told := self._native.next()) is not None:
                if told is False:
                    until_turn = TURN
                    await self._waking.next(token)
                    continue
                self._tell(_event(told))
                until_turn -= 1
                if not until_turn:
                    until_turn = TURN
                    await asyncio.sleep(0)
        finally:
            self.over = True
            for reader in self.readers:
                reader._end()

    def _tell(self, event: RunEvent) -> None:
        if isinstance(event, LogLine):
            logging.getLogger(f"thalweg.node.{event.node}").log(event.level, "%s", event.text)
        for reader in self.readers:
            reader._put(event)


def _event(told: _native._Told) -> RunEvent:
    match told:
        case ("line", node, stream, level, text):
            return LogLine(node, stream, level, text)
        case ("started", node):
            return NodeStarted(node)
        case ("restarting", node, (name, ok, text, backtrace), backoff):
            return NodeRestarting(node, Exit(name, ok, text, tuple(backtrace)), backoff)
        case ("restarted", node, count):
            return NodeRestarted(node, count)
        case ("swapped", node, count):
            return NodeSwapped(node, count)
        case ("ended", node, (name, ok, text, backtrace)):
            exit = Exit(name, ok, text, tuple(backtrace))
            return NodeFinished(node, exit) if ok else NodeFailed(node, exit)
