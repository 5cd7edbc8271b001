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

from thalweg._flow import Dataflow
from thalweg._native import (
    ArrowValue,
    AttachError,
    DataflowError,
    Events,
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
from thalweg._node import Event, Node, Parameter
from thalweg._report import Exit, InputReport, NodeReport, OutputReport, RunReport
from thalweg._run import Run
from thalweg._run_events import (
    LinesDropped,
    LogLine,
    NodeFailed,
    NodeFinished,
    NodeRestarted,
    NodeStarted,
    RunEvent,
    RunEvents,
)

from thalweg._value import SupportsArrowArray, SupportsArrowStream

__all__ = [
    "ArrowValue",
    "AttachError",
    "Dataflow",
    "DataflowError",
    "Event",
    "Events",
    "Exit",
    "Input",
    "InputClosed",
    "InputReport",
    "LinesDropped",
    "LogLine",
    "Node",
    "NodeClosed",
    "NodeFailed",
    "NodeFinished",
    "NodeReport",
    "NodeRestarted",
    "NodeStarted",
    "OutputClosed",
    "OutputReport",
    "Parameter",
    "Payload",
    "Run",
    "RunEvent",
    "RunEvents",
    "RunReport",
    "StartError",
    "Stop",
    "SupportsArrowArray",
    "SupportsArrowStream",
    "ThalwegError",
    "Tick",
    "__version__",
]
