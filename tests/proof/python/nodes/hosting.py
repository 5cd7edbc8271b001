"""Hosts a dataflow, and ends right after an await while events still arrive: `sys.argv` has the folder of
the components and the kind of loop."""

import asyncio
import sys

import thalweg
import uvloop

flow = thalweg.Dataflow.from_text(
    """
nodes:
  - { id: source, component: counts.wasm, outputs: [out], parameters: { count: 1000000000 } }
  - { id: sink, embedded: true, inputs: { in: source/out } }
""",
    sys.argv[1],
)


async def main() -> None:
    seen = asyncio.Event()

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        await node.next_event()
        seen.set()
        async for _ in node.events():
            pass

    run = await flow.start()
    await seen.wait()
    assert run is not None


factory = uvloop.new_event_loop if sys.argv[2] == "uvloop" else asyncio.new_event_loop
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(main())
