"""Runs the dataflow of its argument as `thalweg run` does, and writes down what came to its embedded node: messages, or
what `measures` tells at its end."""

from __future__ import annotations

import asyncio
import json
import sys

import thalweg
from common import ROLE, Taken
from thalweg_node import sink_awaiting

flow = thalweg.Dataflow.from_file(sys.argv[1])


async def found(node: thalweg.Node) -> None:
    taken = Taken()
    async for event in node.events():
        if isinstance(event, thalweg.Input):
            told = json.loads(bytes(event.payload))
            taken.delays = told["delays"]
            taken.count, taken.first, taken.last = (told[name] for name in ("count", "first", "last"))
    taken.tell()


async def main() -> None:
    flow.node("sink")(sink_awaiting) if ROLE == "sink" else flow.node("found")(found)
    report = await (await flow.start()).wait()
    if not report.ok:
        raise SystemExit(str({id: node.exit.text for id, node in report.nodes.items()}))


asyncio.run(main())
