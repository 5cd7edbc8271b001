"""Dataflows: described, supplied with nodes, started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from thalweg import _native
from thalweg._loop import wakeups
from thalweg._run import NodeFunction, Run
from thalweg._written import as_json

F = TypeVar("F", bound=NodeFunction)


class Dataflow:
    """A dataflow that was checked, and the coroutines that are its embedded nodes. It may be started more
    than once, side by side too.

        >>> thalweg.Dataflow.from_text("nodes: [{ id: view, embedded: true, inputs: { image: camera/image } }]")
        Traceback (most recent call last):
        thalweg.DataflowError: 1:54: node `view`: input `image` reads `camera/image`, but there is no node `camera`
    """

    def __init__(self, flow: _native.Flow) -> None:
        self._flow = flow
        self._embedded = {id for id, embedded in flow.nodes() if embedded}
        self._functions: dict[str, NodeFunction] = {}

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, locked: bool = False) -> Dataflow:
        """Reads and checks a descriptor, whose relative paths begin at its folder. With `locked`, everything must be
        as in the lock file beside it, which `thalweg lock` writes. Raises `DataflowError` with every problem of
        the file, and with everything that is not as locked; a component that is not raises `StartError` at the
        start.

            >>> thalweg.Dataflow.from_file("no/such.yaml")
            Traceback (most recent call last):
            thalweg.DataflowError: cannot read the descriptor `no/such.yaml`...
        """
        return cls(_native.Flow.from_file(path, locked))

    @classmethod
    def from_text(cls, text: str, base: str | os.PathLike[str] = ".") -> Dataflow:
        """Checks a descriptor. Relative paths in it begin at `base`. Raises as `from_file`.

            >>> flow = thalweg.Dataflow.from_text("nodes: [{ id: view, embedded: true }]")
        """
        return cls(_native.Flow.from_text(text, base))

    @classmethod
    def from_dict(cls, descriptor: Mapping[str, Any], base: str | os.PathLike[str] = ".") -> Dataflow:
        """Checks a descriptor that is written in Python: the fields are those of the file, values are texts,
        numbers, booleans and paths. Relative paths in it begin at `base`.

            >>> flow = thalweg.Dataflow.from_dict({
            ...     "nodes": [
            ...         {"id": "clock", "embedded": True, "inputs": {"tick": {"timer": "1s"}}, "outputs": ["time"]},
            ...         {"id": "view", "embedded": True, "inputs": {"time": "clock/time"}},
            ...     ]
            ... })

        Raises `DataflowError` with every problem, each behind the name of the value that it is about, as
        `nodes[1].inputs.load`; `TypeError` for a value that no descriptor can hold.
        """
        text, places = as_json(descriptor)
        return cls(_native.Flow.from_json(text, base, places))

    def node(self, id: str) -> Callable[[F], F]:
        """Makes a coroutine function the code of a node that the descriptor calls `embedded: true`.

        It is called with its `Node` when the dataflow starts, and again with another at each
        `Run.restart`, as a task of the loop. When it returns, the node has finished; an exception ends the
        node as failed, with its traceback in the report.

            >>> flow = thalweg.Dataflow.from_text("nodes: [{ id: one, embedded: true }]")
            >>> @flow.node("one")
            ... async def one(node: thalweg.Node) -> None:
            ...     print(node.id, "runs")
            >>> async with flow.start() as run:
            ...     await run.wait()
            one runs
            RunReport(...)

        Raises `ValueError` when there is no such node, or
        when it has its code already.
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

            >>> flow = thalweg.Dataflow.from_text("nodes: [{ id: one, embedded: true }]")
            >>> await flow.start()
            Traceback (most recent call last):
            thalweg.StartError: the embedded node(s) `one` have no code; see `Dataflow.node`

        Raises `StartError` when a component or a node is missing or wrong.
        """
        return Start(self)

    async def _start(self) -> Run:
        if missing := self._embedded - self._functions.keys():
            names = ", ".join(f"`{id}`" for id in sorted(missing))
            raise _native.StartError(f"the embedded node(s) {names} have no code; see `Dataflow.node`")
        waking = wakeups()
        waking.check()
        native = await self._flow.start(sys.executable)
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
