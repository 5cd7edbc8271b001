"""A dataflow that runs, and the coroutines that are its nodes."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING

from thalweg._node import Node
from thalweg._report import RunReport, read_report
from thalweg._run_events import Feed, RunEvents

if TYPE_CHECKING:
    from thalweg import _native
    from thalweg._loop import Wakeups

NodeFunction = Callable[[Node], Awaitable[object]]


class Run:
    """A dataflow that runs. Losing it, and every `RunEvents` of it, ends every node at once.

    Lines that nodes print and log go to the loggers `thalweg.node.ID`, and to `events`.

        >>> run.kill()
        >>> (await run.wait()).nodes["view"].exit.name
        'killed'
    """

    def __init__(
        self, native: _native.Run, waking: Wakeups, functions: Mapping[str, NodeFunction]
    ) -> None:
        self._native = native
        self._report: RunReport | None = None
        feed = native.take_feed()
        self._feed = Feed(feed, waking)
        self._instances = Instances(functions, waking)
        # Neither task holds the run: it must be possible to lose it.
        self._tasks = _follow(feed, self._feed, self._instances, waking)

    def stop(self) -> None:
        """Asks the sources to end. What was sent is delivered, and closings ripple downstream. Returns at
        once; what has not ended within the grace period is ended by force.

            >>> run.stop()
            >>> [event async for event in clock.events()][-1]
            Stop(reason="requested")
        """
        self._native.stop()

    def kill(self) -> None:
        """Ends every node at once. What is queued is discarded, and counted in the report.

            >>> await camera.send("image", b"pixels")
            >>> run.kill()
            >>> (await run.wait()).nodes["view"].inputs[0].discarded
            1
        """
        self._native.kill()

    async def restart(self, node: str) -> None:
        """Ends the instance that runs a node and starts another in its place; returns when that is ready.

        The other nodes see nothing of it: what is queued for the node stays queued, senders that wait stay
        waiting, and its outputs stay open. What the instance had in hand is lost with it, and counts as
        delivered, unless the descriptor says `in_hand: redeliver`. A node that waits for its next instance is
        given it at once. A coroutine of this process is cancelled, and called again with a new `Node` when it has
        ended. Cancelling the wait does not take back the restart.

            >>> await camera.send("image", b"pixels")
            >>> await run.restart("camera")
            >>> (await view.next_event()).text()
            'pixels'

        Raises `ValueError` when there is no such node, `NodeClosed` when it has ended or has taken its last
        event, and `StartError` when the new instance could not start; then the node has ended as failed, unless its
        `restart` follows a failure.
        """
        await self._native.restart(node)

    async def swap(self, node: str, path: str | PathLike[str], *, fresh: bool = False) -> None:
        """Runs a node by the component in another file from now on; returns when its first instance is ready.

        No event is lost. The file is compiled and checked while the node goes on; the node is then stopped where it
        has nothing in hand. Its inbox, outputs, grants and limits stay. A component that exports
        `thalweg:node/state` hands its state on, where `fresh` does not say that the new one begins anew; any other
        begins anew.

        Raises `ValueError` when there is no such node, or it is no component; `NodeClosed` when it has ended;
        `StartError` when the file does not fit, or cannot be made ready; and `ThalwegError` when the state would be lost
        or is refused, or the node does not come to rest within its grace period. The present component goes on
        then.
        """
        await self._native.swap(node, path, fresh)

    def events(self) -> RunEvents:
        """What happens from now on: nodes that start, restart, are swapped and end, and the lines that they print. Called
        before the first `await` after the start, it misses nothing.

            >>> happening = run.events()
            >>> await run.restart("view")
            >>> camera.close()
            >>> async for event in happening:
            ...     match event:
            ...         case thalweg.NodeRestarted(node, count):
            ...             print(node, "restarts:", count)
            ...         case thalweg.NodeFinished(node, exit) | thalweg.NodeFailed(node, exit):
            ...             print(node, exit.text)
            ...             break
            view restarts: 1
            camera finished
        """
        return RunEvents(self._feed, self)

    async def wait(self) -> RunReport:
        """Waits until every node has ended. May be called again, and by several tasks. Cancelling it ends
        nothing.

            >>> camera.close(), view.close(), clock.close()
            (None, None, None)
            >>> report = await run.wait()
            >>> report.ok, list(report.nodes)
            (True, ['camera', 'view', 'clock'])
        """
        if self._report is None:
            report = read_report(await self._native.wait())
            # Unlike `gather` it cancels nothing when it is cancelled itself.
            await asyncio.wait(self._tasks)
            await self._instances.end()
            self._report = report
        return self._report


class Instances:
    """The coroutines of the nodes that this process supplies."""

    def __init__(self, functions: Mapping[str, NodeFunction], waking: Wakeups) -> None:
        self._functions = dict(functions)
        self._waking = waking
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    async def start_each(self, feed: _native.RunFeed, token: int) -> None:
        """Starts every instance that the dataflow makes."""
        while (made := feed.next_node()) is not None:
            if made is False:
                await self._waking.next(token)
            else:
                self._start(*made)

    def _start(self, id: str, ports: _native.NodePorts) -> None:
        node = Node._embedded(id, ports, self._waking)
        earlier = [task for task in self._tasks.get(id, ()) if not task.done()]
        run = _run_node(node, self._functions[id], earlier)
        self._tasks[id] = [*earlier, asyncio.create_task(run, name=f"thalweg {id}")]

    async def end(self) -> None:
        """Ends those that have not noticed that the dataflow has ended."""
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def _run_node(node: Node, function: NodeFunction, earlier: list[asyncio.Task[None]]) -> None:
    failure: str | None = "its task was cancelled"
    try:
        if earlier:
            for task in earlier:
                task.cancel()
            await asyncio.wait(earlier)
        await function(node)
        failure = None
    except Exception:
        failure = traceback.format_exc()
    finally:
        node._end(failure)


def _follow(
    native: _native.RunFeed, feed: Feed, instances: Instances, waking: Wakeups
) -> list[asyncio.Task[None]]:
    """Tasks that take what the dataflow gives, until there is no more."""
    token = waking.enter()
    native.attach(waking.readiness, token)
    tasks = [
        asyncio.create_task(instances.start_each(native, token), name="thalweg nodes"),
        asyncio.create_task(feed.forward(token), name="thalweg events"),
    ]
    open = set(tasks)

    def ended(task: asyncio.Task[None]) -> None:
        open.discard(task)
        if not open:
            waking.leave(token)

    for task in tasks:
        task.add_done_callback(ended)
    return tasks
