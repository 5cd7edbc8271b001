"""Waits for events and gives up many of the waits. A script of a process, and the code of an embedded node."""

import asyncio
import json
import os
import random

import thalweg


async def take_all(node: thalweg.Node, count: int) -> int:
    """Takes that many numbered messages, each once and in order; says how many waits were given up."""
    chance, given_up, next_number = random.Random(1), 0, 0
    while next_number < count:
        if chance.random() < 0.05:
            event = await cancelled_at_random(node, chance)
        elif chance.random() < 0.02:
            event = await timed_out_at_random(node, chance)
        else:
            event = await node.next_event()
        if event is None:
            given_up += 1
            continue
        assert isinstance(event, thalweg.Input), event
        assert int.from_bytes(event.payload, "little") == next_number == event.sequence, event
        next_number += 1
    return given_up


async def cancelled_at_random(node: thalweg.Node, chance: random.Random) -> thalweg.Event | None:
    wait = asyncio.create_task(node.next_event())
    for _ in range(chance.randrange(3)):
        await asyncio.sleep(0)
    wait.cancel()
    try:
        return await wait
    except asyncio.CancelledError:
        return None


async def timed_out_at_random(node: thalweg.Node, chance: random.Random) -> thalweg.Event | None:
    try:
        async with asyncio.timeout(chance.choice([0, 0.00001, 0.0001, 0.001])):
            return await node.next_event()
    except TimeoutError:
        return None


async def main() -> None:
    async with thalweg.Node() as node:
        given_up = await take_all(node, int(os.environ["COUNT"]))
        await node.send("found", json.dumps(given_up))


if __name__ == "__main__":
    asyncio.run(main())
