"""Passes every message on as it came: `sys.argv` says in which way it waits. SIGUSR1 is an exception in the middle of
whatever it does."""

import asyncio
import signal
import sys
from types import FrameType

import thalweg
import uvloop


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise InterruptedError("told to fail")


async def awaiting() -> None:
    async with thalweg.Node() as node:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                await node.send("out", event.payload, **event.metadata)


def blocking() -> None:
    with thalweg.Node() as node:
        for event in node:
            if isinstance(event, thalweg.Input):
                node.send_blocking("out", event.payload, **event.metadata)


signal.signal(signal.SIGUSR1, interrupt)
match sys.argv[1]:
    case "asyncio":
        asyncio.run(awaiting())
    case "uvloop":
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(awaiting())
    case "blocking":
        blocking()
