"""Sends a line about each event on `seen`, as the guest `events` does. As a script it is a node by itself, or
attached to the node that its first argument names; inputs can be named behind that."""

import asyncio
import sys

import thalweg


def line(event: thalweg.Event) -> str:
    match event:
        case thalweg.Input(id):
            return f"{id}: {contents(event)} (dropped {event.dropped})"
        case thalweg.Tick(id, missed):
            return f"{id}: tick (missed {missed})"
        case thalweg.InputFailed(id, reason, restarts):
            return f"{id}: failed (restarts {int(restarts)}) {reason.splitlines()[-1]}"
        case thalweg.InputRestarted(id, count):
            return f"{id}: restarted (count {count})"
        case thalweg.InputClosed(id):
            return f"{id}: closed (dropped {event.dropped})"
        case thalweg.Stop(reason):
            return f"stop: {reason}"


def contents(event: thalweg.Input) -> str:
    """All of a message but its time."""
    data = bytes(event.value)
    parameters = "".join(f" {name}={typed(value)}" for name, value in event.metadata.items())
    return f"#{event.sequence} {event.encoding} of {len(data)} bytes, sum {sum(data)}{parameters}"


def typed(value: thalweg.Parameter) -> str:
    match value:
        case bool():
            return f"bool {int(value)}"
        case bytes():
            return f"bytes {list(value)}"
        case _:
            return f"{type(value).__name__} {value}"


async def tell_events(node: thalweg.Node, *inputs: str) -> None:
    async for event in node.events(*inputs):
        await node.send("seen", line(event))


async def main(id: str = "", *inputs: str) -> None:
    with thalweg.Node(id) if id else thalweg.Node() as node:
        await tell_events(node, *inputs)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
