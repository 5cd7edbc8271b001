"""Dataflows of sandboxed WebAssembly components, with events as awaitable coroutines.

    flow = thalweg.Dataflow.from_file("dataflow.yaml")

    @flow.node("report")
    async def report(node: thalweg.Node) -> None:
        async for event in node.events():
            match event:
                case thalweg.Input(id, value):
                    print(id, bytes(value))

    async with flow.start() as run:
        print(await run.wait())
"""

from thalweg._flow import Dataflow, Run
from thalweg._native import (
    ArrowValue,
    DataflowError,
    Input,
    InputClosed,
    NodeClosed,
    OutputClosed,
    Payload,
    StartError,
    Stop,
    ThalwegError,
    Tick,
    __version__,
)
from thalweg._node import Event, Events, Node, Parameter
from thalweg._report import Exit, InputReport, NodeReport, OutputReport, RunReport
from thalweg._value import SupportsArrowArray, SupportsArrowStream

__all__ = [
    "ArrowValue",
    "Dataflow",
    "DataflowError",
    "Event",
    "Events",
    "Exit",
    "Input",
    "InputClosed",
    "InputReport",
    "Node",
    "NodeClosed",
    "NodeReport",
    "OutputClosed",
    "OutputReport",
    "Parameter",
    "Payload",
    "Run",
    "RunReport",
    "StartError",
    "Stop",
    "SupportsArrowArray",
    "SupportsArrowStream",
    "ThalwegError",
    "Tick",
    "__version__",
]
