"""The source and the sink of `thalweg_node.py` as two coroutines of the program that hosts the dataflow."""

from __future__ import annotations

import asyncio

import thalweg
from thalweg_node import sink_awaiting, source_awaiting

flow = thalweg.Dataflow.from_text(
    """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: source/out } }
"""
)
flow.node("source")(source_awaiting)
flow.node("sink")(sink_awaiting)


async def main() -> None:
    report = await (await flow.start()).wait()
    if not report.ok:
        raise SystemExit(str({id: node.exit.text for id, node in report.nodes.items()}))


asyncio.run(main())
