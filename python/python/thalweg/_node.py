"""A node: what it receives, and what it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from thalweg._native import Input, InputClosed, NodePorts, Payload, Stop, Tick

if TYPE_CHECKING:
    from thalweg._loop import Wakeups
    from thalweg._value import Value

Event: TypeAlias = Input | Tick | InputClosed | Stop
"""What a node receives."""

Parameter: TypeAlias = bool | int | float | str | bytes
"""A value that travels beside a message."""

T = TypeVar("T")

TURN = 256
"""Events that a busy node takes before the other tasks of its loop have a turn."""


class Node:
    """A node of a dataflow that runs in this process.

    It belongs to the event loop in which the dataflow was started; elsewhere its methods raise
    `RuntimeError`. Several tasks may wait for events: each event goes to exactly one of them.
    """

    def __init__(self, id: str, ports: NodePorts, wakeups: Wakeups) -> None:
        self._id = id
        self._ports = ports
        self._next = ports.next
        self._wakeups = wakeups
        self._token = wakeups.enter()
        self._until_turn = TURN
        ports.attach(wakeups.readiness, self._token)

    @property
    def id(self) -> str:
        """Its name in the descriptor."""
        return self._id

    async def next_event(self) -> Event | None:
        """The next event; waits for one. `None` after `Stop`, every time.

        Events come in the order in which they entered the node's inbox: arrival order across inputs,
        first in first out for each output that it reads. Cancelling the wait loses none. When events are
        ready it does not wait for a turn of the loop, but gives other tasks one every now and then.

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
        """
        if not inputs:
            return Events(self, self._next)
        return Events(self, partial(self._ports.next_of, self._ports.inputs(list(inputs))))

    async def send(self, output: str, value: Value, /, **metadata: Parameter) -> None:
        """Sends a message to every input that reads `output`; waits until each of them has room, unless
        its overflow rule drops instead. Order is kept. Cancelling the wait sends it to none.

        What has the Arrow PyCapsule interface (arrays, record batches, tables, data frames) arrives as an
        `ArrowValue`; several chunks are joined into one. A `str` and what has the buffer protocol arrive
        as bytes. A value, payload or view of it that was received is sent on without a copy. What is sent is
        the value as it was when the send began, also where it waits.

        Raises `OutputClosed` when every node that read the output has ended, `ValueError` when there is
        no such output, the message is too large or Arrow IPC cannot hold the value, `TypeError` when the
        value is none that can be sent.
        """
        if self._ports.send(output, value, metadata):
            return
        # As it is now: whoever has it may change it while this waits.
        payload = Payload(value)
        while not self._ports.send(output, payload, metadata):
            await self._wakeups.wait(self._token)

    def try_send(self, output: str, value: Value, /, **metadata: Parameter) -> bool:
        """Sends like `send`, but gives `False` instead of waiting; then nothing was sent."""
        return self._ports.send(output, value, metadata)

    async def _turn(self) -> None:
        """Lets the other tasks have a turn. Before an event is taken: cancelling here loses none."""
        self._until_turn = TURN
        await asyncio.sleep(0)

    async def _waited(self, take: Callable[[], T | Literal[False]]) -> T:
        """Takes as soon as there is something to take."""
        while (taken := take()) is False:
            self._until_turn = TURN
            await self._wakeups.wait(self._token)
        return taken

    def _end(self, failure: str | None = None) -> None:
        """Ends the node for the dataflow. The second call does nothing."""
        self._ports.end(failure)
        self._wakeups.leave(self._token)


class Events:
    """Events of a node, for `async for`. Several may run over one node; each event goes to one of them.

    Cancelling `anext` loses no event and does not end the iteration.
    """

    def __init__(self, node: Node, take: Callable[[], Event | Literal[False] | None]) -> None:
        self._node = node
        self._take = take
        self._closed = False

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        node = self._node
        if node._until_turn:
            node._until_turn -= 1
        else:
            await node._turn()
        taken = None if self._closed else self._take()
        event: Event | None = taken if taken is not False else await node._waited(self._take)
        if event is None:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Ends the iteration; the events that are left stay with the node."""
        self._closed = True
