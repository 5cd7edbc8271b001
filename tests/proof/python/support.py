"""What the proofs share: event loops, dataflows of a few lines, and what a node in a process found."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import thalweg
import uvloop

HERE = Path(__file__).parent
GUESTS = HERE.parents[2] / "guests" / "target" / "components"
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

Figures = tuple[list[str], bool]
"""The figures in words, and whether they are as they must be."""


def run(main: Coroutine[Any, Any, Any], loop: str = "asyncio") -> Any:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(main)


def dataflow(nodes: str) -> thalweg.Dataflow:
    """`nodes` are the lines below `nodes:`; components are guests, and scripts those of `nodes/`."""
    return thalweg.Dataflow.from_text(f"nodes:\n{nodes}", GUESTS)


def script(name: str) -> str:
    """The fields of a node that runs it as a process."""
    return f"python: '{HERE / 'nodes' / name}.py'"


def counter(count: int, period: str = "", sizes: str = "8", per_tick: int = 1) -> str:
    """A component `source` that sends that many numbered messages: at once, or at each period."""
    ticks = f"inputs: {{ tick: {{ timer: {period} }} }}," if period else ""
    parameters = f"{{ count: {count}, per-tick: {per_tick if period else 0}, sizes: '{sizes}' }}"
    return f"  - {{ id: source, component: counts.wasm, {ticks} outputs: [out], parameters: {parameters} }}\n"


def counting(count: int, period: str = "") -> thalweg.Dataflow:
    """The component `source`, and the embedded node `sink` that reads it."""
    return dataflow(counter(count, period) + "  - { id: sink, embedded: true, inputs: { in: source/out } }\n")


async def finish(flow: thalweg.Dataflow) -> thalweg.RunReport:
    report = await (await flow.start()).wait()
    if not report.ok:
        raise RuntimeError({id: node.exit.text for id, node in report.nodes.items()})
    return report


def unbalanced(report: thalweg.RunReport) -> list[str]:
    """The inputs of which the books are not equal: what was sent to them is not what they received, or what they
    received is not what was delivered, dropped or discarded."""
    sent = {f"{id}/{output.id}": output.sent for id, node in report.nodes.items() for output in node.outputs}
    return [
        f"{id}/{read.id} ({sent[read.source]} sent): {read}"
        for id, node in report.nodes.items()
        for read in node.inputs
        if read.received != sent[read.source] or read.received != read.delivered + read.dropped + read.discarded
    ]


async def found_by(name: str, source: str, **parameters: int) -> Any:
    """What the script `name` sends as its only message, as JSON, when `source` feeds it; and that all
    nodes end well."""
    variables = "".join(f"{name}: {value}, " for name, value in parameters.items())
    flow = dataflow(
        source
        + f"  - {{ id: node, {script(name)}, env: {{ {variables} }}, inputs: {{ in: source/out }}, outputs: [found] }}\n"
        + "  - { id: found, embedded: true, inputs: { in: node/found } }\n"
    )
    found = []

    @flow.node("found")
    async def take(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                found.append(json.loads(event.text()))

    await finish(flow)
    [only] = found
    return only
