"""Dataflows of sandboxed WebAssembly components, with events as awaitable coroutines.

    >>> flow = thalweg.Dataflow.from_dict({
    ...     "nodes": [
    ...         {"id": "camera", "embedded": True, "outputs": ["image"]},
    ...         {"id": "view", "embedded": True, "inputs": {"image": "camera/image"}},
    ...     ]
    ... })
    >>> @flow.node("camera")
    ... async def camera(node: thalweg.Node) -> None:
    ...     await node.send("image", b"pixels", width=6)
    >>> @flow.node("view")
    ... async def view(node: thalweg.Node) -> None:
    ...     async for event in node.events():
    ...         match event:
    ...             case thalweg.Input(id, value):
    ...                 print(id, bytes(value), event.metadata)
    ...             case thalweg.InputClosed(id):
    ...                 print(id, "is closed")
    >>> async with flow.start() as run:
    ...     report = await run.wait()
    image b'pixels' {'width': 6}
    image is closed
    >>> report.ok
    True

Examples are written as for `python -m asyncio`, which awaits at its prompt. In those of the classes, `camera`,
`view` and `clock` are nodes of a dataflow `flow`, which runs as `run`: `view` reads the output `image` of `camera` by
an input of the same name, where two messages have room, and `clock` has a timer `tick`.

Errors of dataflows are a `ThalwegError`; wrong arguments are what they are everywhere in Python, as `ValueError`.
"""

from thalweg._flow import Dataflow
from thalweg._native import (
    ArrowValue,
    AttachError,
    DataflowError,
    Events,
    Input,
    InputClosed,
    InputFailed,
    InputRestarted,
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
from thalweg._report import Bounded, Budgets, Exit, InputReport, NodeReport, OutputReport, Paced, RunReport
from thalweg._run import Run
from thalweg._run_events import (
    LinesDropped,
    LogLine,
    NodeFailed,
    NodeFinished,
    NodeRestarted,
    NodeRestarting,
    NodeStarted,
    NodeSwapped,
    RunEvent,
    RunEvents,
)

from thalweg._value import SupportsArrowArray, SupportsArrowStream

__all__ = [
    "ArrowValue",
    "AttachError",
    "Bounded",
    "Budgets",
    "Dataflow",
    "DataflowError",
    "Event",
    "Events",
    "Exit",
    "Input",
    "InputClosed",
    "InputFailed",
    "InputReport",
    "InputRestarted",
    "LinesDropped",
    "LogLine",
    "Node",
    "NodeClosed",
    "NodeFailed",
    "NodeFinished",
    "NodeReport",
    "NodeRestarted",
    "NodeRestarting",
    "NodeStarted",
    "NodeSwapped",
    "OutputClosed",
    "OutputReport",
    "Paced",
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
