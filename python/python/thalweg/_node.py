"""A node: what it receives, and what it sends."""

from __future__ import annotations

import asyncio
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from thalweg import _link
from thalweg._loop import EmbeddedWaking
from thalweg._native import (
    Events,
    Input,
    InputClosed,
    InputFailed,
    InputRestarted,
    LinkPorts,
    NodePorts,
    Payload,
    Stop,
    Tick,
)

if TYPE_CHECKING:
    from thalweg._loop import Wakeups, Waking
    from thalweg._value import Value

Event: TypeAlias = Input | Tick | InputFailed | InputRestarted | InputClosed | Stop
"""What a node receives."""

Parameter: TypeAlias = bool | int | float | str | bytes
"""A value that travels beside a message."""

T = TypeVar("T")

TURN = 256
"""Events that a busy node takes before the other tasks of its loop have a turn."""


class Node:
    """A node of a dataflow: this process, or a coroutine of the process that hosts the dataflow.

    `Node()` is the node that a script with `python: script.py` is; it waits until all nodes of the
    dataflow are ready. `Node("name")` attaches this process to the node `name` (`attached: true`) of a
    dataflow that this user runs; `dataflow` says which, where several have it: its name, or the path of its
    socket. A function of `Dataflow.node` is given its node.

    Several tasks may wait for events: each event goes to exactly one of them. A node belongs to one event
    loop at a time, and to the process that made it; elsewhere its methods raise `RuntimeError`.

        >>> await camera.send("image", b"pixels")
        >>> await view.next_event()
        Input(id="image", sequence=0, 6 bytes)
        >>> thalweg.Node()
        Traceback (most recent call last):
        RuntimeError: no dataflow started this process, or it has made its node already; ...

    Raises `RuntimeError` for `Node()` where no dataflow started the process, or in which it has been made
    before, and `AttachError` when no running dataflow has that node free.

        >>> thalweg.Node("nobody")
        Traceback (most recent call last):
        thalweg.AttachError: no running dataflow has a node `nobody` to attach to; looked in ...
    """

    def __init__(self, id: str | None = None, *, dataflow: str | None = None) -> None:
        ports = _link.started() if id is None else _link.attached(id, dataflow)
        self._begin(ports.id(), ports, _link.LinkWaking(ports))
        self._linked: LinkPorts | None = ports
        self._blocks = _link.Blocking(ports)
        # What a burst has left is written before the process ends, also where nobody closes the node.
        weakref.finalize(self, ports.flush)
        self._blocks.wait_until_open()

    @classmethod
    def _embedded(cls, id: str, ports: NodePorts, wakeups: Wakeups) -> Node:
        """A node that this process runs for the dataflow that it hosts."""
        node = cls.__new__(cls)
        node._begin(id, ports, EmbeddedWaking(wakeups, ports))
        node._linked = None
        return node

    def _begin(self, id: str, ports: NodePorts | LinkPorts, waking: Waking) -> None:
        self._id = id
        self._ports: NodePorts | LinkPorts = ports
        self._parameters: dict[str, Parameter] = ports.parameters()
        self._next, self._send = ports.next, ports.send
        self._waking = waking
        self._until_turn = TURN

    @property
    def id(self) -> str:
        """Its name in the descriptor.

            >>> camera.id
            'camera'
        """
        return self._id

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What the descriptor gives it as `parameters`."""
        return self._parameters

    def close(self) -> None:
        """Ends the node: its outputs close behind the last message, and what it did not take is discarded
        and counted. The second call does nothing. Leaving `with node:` closes it, too; by an exception, it
        ends as failed.

            >>> with camera:
            ...     await camera.send("image", b"last")
            >>> [await view.next_event() for _ in range(3)]
            [Input(id="image", sequence=0, 4 bytes), InputClosed(id="image", dropped=0), Stop(reason="inputs-closed")]
        """
        self._end(None)

    def __enter__(self) -> Node:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._end("".join(traceback.format_exception(error)) if isinstance(error, Exception) else None)

    async def __aenter__(self) -> Node:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[Event]:
        """The events one by one, up to and with `Stop`, for scripts without an event loop: blocks while
        there is none. The interpreter is free meanwhile, and Ctrl-C is served at once.

        Raises `RuntimeError` within a running event loop, which it would block, and `NodeClosed` once the
        dataflow has ended the node.
        """
        ports = self._blocking()
        while True:
            came = ports.came()
            if (event := ports.next()) is None:
                return
            if event is False:
                self._blocks.wait(came)
            else:
                yield event

    def send_blocking(self, output: str, value: Value, /, **metadata: Parameter) -> None:
        """Like `send`, for scripts without an event loop: blocks while there is no room. Raises as `send`,
        and `RuntimeError` within a running event loop.

            >>> camera.send_blocking("image", b"pixels")
            Traceback (most recent call last):
            RuntimeError: a node of the hosting process is awaited: `async for event in node.events()`
        """
        ports = self._blocking()
        came = ports.came()
        unsent = ports.send(output, value, metadata)
        while unsent is not None:
            self._blocks.wait(came)
            came = ports.came()
            if ports.send_again(output, unsent):
                return

    def _blocking(self) -> LinkPorts:
        if self._linked is None:
            raise RuntimeError("a node of the hosting process is awaited: `async for event in node.events()`")
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("this would block the running event loop: `async for event in node.events()`")
        return self._linked

    async def next_event(self) -> Event | None:
        """The next event; waits for one. `None` after `Stop`, every time.

        Events come in the order in which they entered the node's inbox: arrival order across inputs,
        first in first out for each output that it reads. Cancelling the wait loses none. When events are
        ready it does not wait for a turn of the loop, but gives other tasks one every now and then.

            >>> try:
            ...     async with asyncio.timeout(0.01):
            ...         await view.next_event()
            ... except TimeoutError:
            ...     print("nothing came")
            nothing came
            >>> await camera.send("image", b"pixels")
            >>> (await view.next_event()).text()
            'pixels'
            >>> view.close()
            >>> await view.next_event()
            Traceback (most recent call last):
            thalweg.NodeClosed: the node has ended

        Raises `NodeClosed` once the dataflow has ended the node.
        """
        if self._until_turn:
            self._until_turn -= 1
        else:
            await self._turn()
        event = self._next()
        return event if event is not False else await self._waited(self._next)

    async def next_batch(self, max: int) -> list[Event]:
        """Waits for an event, then gives all that are there, at most `max`: cheaper per event than
        `next_event`. At most 64 are given at once. Empty after `Stop`, every time.

            >>> await camera.send("image", b"one")
            >>> await camera.send("image", b"two")
            >>> [event.text() for event in await view.next_batch(64)]
            ['one', 'two']

        Raises as `next_event`, and `ValueError` when `max` is not at least 1.
        """
        if max < 1:
            raise ValueError(f"a batch is of at least one event, not of {max}")
        if self._until_turn:
            self._until_turn -= 1
        else:
            await self._turn()
        batch = await self._waited(lambda: self._ports.next_batch(max))
        return batch or []

    def events(self, *inputs: str) -> Events:
        """The events one by one, as `next_event` gives them, up to and with `Stop`.

        With names of inputs, only the events of these, up to their closing: those of the others stay in
        the inbox, for whoever asks for them. Raises `ValueError` when the node has no such input.

            >>> await camera.send("image", b"pixels")
            >>> camera.close()
            >>> events = view.events("image")
            >>> events
            <thalweg.Events object at ...>
            >>> async for event in events:
            ...     print(event)
            Input(id="image", sequence=0, 6 bytes)
            InputClosed(id="image", dropped=0)
            >>> view.events("sound")
            Traceback (most recent call last):
            ValueError: the node has no input `sound`; it has `image`
        """
        positions = self._ports.inputs(list(inputs)) if inputs else None
        return Events(self._ports, positions, self._waking.waiting, self._waking.given_up)

    async def send(self, output: str, value: Value, /, **metadata: Parameter) -> None:
        """Sends a message to every input that reads `output`; waits until each of them has room, unless
        its overflow rule drops instead. Order is kept. Cancelling the wait sends it to none.

        What has the Arrow PyCapsule interface (arrays, record batches, tables, data frames) arrives as an
        `ArrowValue`; several chunks are joined into one. A `str` and what has the buffer protocol arrive
        as bytes. A value, payload or view of it that was received is sent on without a copy. What is sent is
        the value as it was when the send began, also where it waits.

            >>> await camera.send("image", memoryview(bytes(640 * 480)), width=640, height=480)
            >>> event = await view.next_event()
            >>> len(event.value), event.metadata
            (307200, {'width': 640, 'height': 480})
            >>> view.close()
            >>> while True:
            ...     await camera.send("image", b"as long as somebody reads")
            Traceback (most recent call last):
            thalweg.OutputClosed: ...

        A process writes what it sends at once, but of a burst only the first messages; those that follow
        within 20 µs of each other are written together. That is before the node waits for an event or for room,
        before it or its process ends, and about 0.2 ms after the message was sent at the latest, whatever the process
        does meanwhile. One that is killed takes along what it has not written, as what it did not send.

        Raises `OutputClosed` when every node that read the output has ended, `ValueError` when there is
        no such output, the message is too large or Arrow IPC cannot hold the value, `TypeError` when the
        value is none that can be sent.
        """
        unsent = self._send(output, value, metadata)
        while unsent is not None:
            await self._waking.wait()
            if self._ports.send_again(output, unsent):
                return

    def try_send(self, output: str, value: Value, /, **metadata: Parameter) -> bool:
        """Sends like `send`, but gives `False` instead of waiting; then nothing was sent.

            >>> [camera.try_send("image", b"pixels") for _ in range(3)]
            [True, True, False]
        """
        return self._send(output, value, metadata) is None

    async def _turn(self) -> None:
        """Lets the other tasks have a turn. Before an event is taken: cancelling here loses none."""
        self._until_turn = TURN
        await asyncio.sleep(0)

    async def _waited(self, take: Callable[[], T | Literal[False]]) -> T:
        """Takes as soon as there is something to take."""
        while (taken := take()) is False:
            self._until_turn = TURN
            await self._waking.wait()
        return taken

    def _end(self, failure: str | None) -> None:
        """Ends the node for the dataflow. The second call does nothing."""
        self._ports.end(failure and failure.rstrip())
        self._waking.leave()
        if self._linked is not None:
            self._blocks.wake()
