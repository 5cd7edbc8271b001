"""The coroutines of the load: sources that number what they send, one that fails, and one that hears everybody."""

import asyncio
import random
import zlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

import thalweg
from books import Kind, Stream

KINDS: dict[str, Kind] = {
    "numbers": "exact",
    "orders": "exact",
    "frames": "exact",
    "worker": "again",
    "relay": "again",
    "stumble": "again",
    **dict.fromkeys(("handler", "program", "copies", "views", "waits", "disk", "door"), "once"),
}
"""What becomes of the numbers on the way to `hear`."""

HUGE = 8 << 20
"""Bytes of a payload that is sent under pressure: some of these are all that may wait."""

MOST_WRONG = 20
"""What is told at most of what was wrong in one dataflow."""


@dataclass
class Coroutines:
    """What they are told, what they have sent and what they have heard."""

    seed: int
    redelivered: Collection[str] = ()
    """Inputs of `hear` by which messages may come again."""
    over: bool = False
    """The sources end."""
    harms: deque[str] = field(default_factory=deque)
    """What components are told to do next."""
    failing: set[str] = field(default_factory=set)
    """Who raises next."""
    huge: int = 0
    """Huge payloads that are sent next."""
    sent: Counter[str] = field(default_factory=Counter)
    heard: dict[str, Stream] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def supply(self, flow: thalweg.Dataflow) -> None:
        for id in ("numbers", "orders", "frames", "stumble", "hear"):
            flow.node(id)(getattr(self, id))

    async def numbers(self, node: thalweg.Node) -> None:
        await self.send_each(node, lambda number: node.send("out", number.to_bytes(8, "little"), number=number))

    async def orders(self, node: thalweg.Node) -> None:
        def send(number: int) -> Awaitable[None]:
            harm = {"harm": self.harms.popleft()} if self.harms else {}
            return node.send("out", str(number), number=number, **harm)

        await self.send_each(node, send)

    async def frames(self, node: thalweg.Node) -> None:
        chance = random.Random(self.seed)

        def send(number: int) -> Awaitable[None]:
            size = chance.choice([20, 1000, 40_000, 100_000, chance.randrange(1_000_000)])
            if self.huge:
                self.huge, size = self.huge - 1, HUGE
            frame = number.to_bytes(4, "little") * (size // 4)
            return node.send("out", frame, number=number, sum=zlib.crc32(frame))

        await self.send_each(node, send)

    async def send_each(self, node: thalweg.Node, send: Callable[[int], Awaitable[None]]) -> None:
        """Sends one after the other until the stop; an instance goes on where the last one was ended."""
        stop = asyncio.create_task(node.next_event())
        try:
            while not (self.over or stop.done()):
                self.fail_if_told(node.id)
                await send(self.sent[node.id])
                self.sent[node.id] += 1
                # A send into room that there is waits for nothing.
                await asyncio.sleep(0)
        finally:
            stop.cancel()

    async def stumble(self, node: thalweg.Node) -> None:
        async for event in node.events():
            self.fail_if_told(node.id)
            if isinstance(event, thalweg.Input):
                await node.send("out", event.payload, **event.metadata)

    def fail_if_told(self, id: str) -> None:
        if id in self.failing:
            self.failing.discard(id)
            raise InterruptedError("told to fail")

    async def hear(self, node: thalweg.Node) -> None:
        async for event in node.events():
            wrong = None
            if isinstance(event, thalweg.Input):
                wrong = self.heard_by(event.id).note(event)
            elif isinstance(event, thalweg.InputClosed):
                self.heard_by(event.id).close(event)
            if wrong and len(self.wrong) < MOST_WRONG:
                self.wrong.append(f"{event}: {wrong}")

    def heard_by(self, input: str) -> Stream:
        kind = "any" if input in self.redelivered else KINDS.get(input, "any")
        return self.heard.setdefault(input, Stream(kind))
