"""Dataflows: described, supplied with nodes, started, waited for."""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, TypeVar

from thalweg import _native
from thalweg._loop import Wakeups, wakeups
from thalweg._node import Node
from thalweg._report import RunReport, read_report

NodeFunction = Callable[[Node], Awaitable[object]]
F = TypeVar("F", bound=NodeFunction)


class Dataflow:
    """A dataflow that was checked, and the coroutines that are its embedded nodes."""

    def __init__(self, flow: _native.Flow) -> None:
        self._flow = flow
        self._embedded = {id for id, embedded in flow.nodes() if embedded}
        self._functions: dict[str, NodeFunction] = {}

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Dataflow:
        """Reads and checks a descriptor. Raises `DataflowError` with every problem of the file."""
        return cls(_native.Flow.from_file(path))

    @classmethod
    def from_text(cls, text: str, base: str | os.PathLike[str] = ".") -> Dataflow:
        """Checks a descriptor. Relative paths in it begin at `base`. Raises as `from_file`."""
        return cls(_native.Flow.from_text(text, base))

    def node(self, id: str) -> Callable[[F], F]:
        """Makes a coroutine function the code of a node that the descriptor calls `embedded: true`.

        It is called with its `Node` when the dataflow starts, as a task of the loop. When it returns, the
        node has finished; an exception ends the node as failed, with its traceback in the report. Raises
        `ValueError` when there is no such node, or when it has its code already.
        """
        if id not in self._embedded:
            raise ValueError(f"the dataflow has no embedded node `{id}`")
        if id in self._functions:
            raise ValueError(f"node `{id}` has its code already")

        def supply(function: F) -> F:
            self._functions[id] = function
            return function

        return supply

    def start(self) -> Start:
        """Starts every node, or none. Await it for a `Run`, or enter it: `async with flow.start() as run`.

        Leaving the block stops the dataflow and waits for its end; by an exception, it is ended at once.
        Raises `StartError` when a component or a node is missing or wrong.
        """
        return Start(self)

    async def _start(self) -> Run:
        if missing := self._embedded - self._functions.keys():
            names = ", ".join(f"`{id}`" for id in sorted(missing))
            raise _native.StartError(f"the embedded node(s) {names} have no code; see `Dataflow.node`")
        waking = wakeups()
        waking.check()
        native = await self._flow.start()
        return Run(native, waking, self._functions)


class Start:
    """A dataflow that is about to start."""

    def __init__(self, flow: Dataflow) -> None:
        self._flow = flow
        self._run: Run | None = None

    def __await__(self) -> Generator[Any, None, Run]:
        return self._flow._start().__await__()

    async def __aenter__(self) -> Run:
        self._run = await self._flow._start()
        return self._run

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._run is not None
        if error is None:
            self._run.stop()
        else:
            self._run.kill()
        await self._run.wait()


class Run:
    """A dataflow that runs. Losing it ends every node at once.

    Lines that nodes print and log go to the loggers `thalweg.node.ID`.
    """

    def __init__(
        self, native: _native.Run, waking: Wakeups, functions: dict[str, NodeFunction]
    ) -> None:
        self._native = native
        self._report: RunReport | None = None
        nodes = [(Node._embedded(id, ports, waking), functions[id]) for id, ports in native.take_nodes()]
        self._tasks = [asyncio.create_task(_run_node(*node), name=f"thalweg {node[0].id}") for node in nodes]
        self._lines = asyncio.create_task(_forward_lines(native, waking), name="thalweg lines")

    def stop(self) -> None:
        """Asks the sources to end. What was sent is delivered, and closings ripple downstream. Returns at
        once; what has not ended within the grace period is ended by force."""
        self._native.stop()

    def kill(self) -> None:
        """Ends every node at once."""
        self._native.kill()

    async def wait(self) -> RunReport:
        """Waits until every node has ended. May be called again, and by several tasks."""
        if self._report is None:
            self._report = read_report(await self._native.wait())
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, self._lines, return_exceptions=True)
        return self._report


async def _run_node(node: Node, function: NodeFunction) -> None:
    failure: str | None = "its task was cancelled"
    try:
        await function(node)
        failure = None
    except Exception:
        failure = traceback.format_exc()
    finally:
        node._end(failure)


async def _forward_lines(native: _native.Run, waking: Wakeups) -> None:
    token = waking.enter()
    native.attach(waking.readiness, token)
    try:
        while (line := native.next_line()) is not None:
            if line is False:
                await waking.wait(token)
            else:
                node, _stream, level, text = line
                logging.getLogger(f"thalweg.node.{node}").log(level, "%s", text)
    finally:
        waking.leave(token)
