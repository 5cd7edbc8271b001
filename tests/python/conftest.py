"""What the tests share: two kinds of event loop, and dataflows of a few lines."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import thalweg
import uvloop
from scripts import Folder
from thalweg._value import Value

GUESTS = Path(__file__).parents[2] / "guests" / "target" / "components"

Main = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=["asyncio", "uvloop"])
def run_main(request: pytest.FixtureRequest) -> Main:
    """Runs a coroutine in a loop of its own, of either kind."""
    factory = asyncio.new_event_loop if request.param == "asyncio" else uvloop.new_event_loop

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)

    return run


@pytest.fixture(autouse=True)
def runtime_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the dataflows of a test listen for processes. The paths of sockets must be short."""
    with tempfile.TemporaryDirectory(prefix="thalweg-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder for scripts."""
    return Folder(tmp_path, GUESTS)


def dataflow(text: str) -> thalweg.Dataflow:
    return thalweg.Dataflow.from_text(text, GUESTS)


ECHO = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: echo, component: echo.wasm, inputs: { in: source/out }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: echo/out } }
"""

DIRECT = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: source/out } }
"""

NodeFunction = Callable[[thalweg.Node], Awaitable[object]]


async def run_flow(text: str, **nodes: NodeFunction) -> thalweg.RunReport:
    """Runs a dataflow to its end; `nodes` are its embedded ones."""
    flow = dataflow(text)
    for id, function in nodes.items():
        flow.node(id)(function)
    run = await flow.start()
    return await run.wait()


def sends(count: int) -> NodeFunction:
    """A source of that many numbered messages."""

    async def source(node: thalweg.Node) -> None:
        for number in range(count):
            await node.send("out", number.to_bytes(8, "little"))

    return source


def received(text: str, *values: Value, **metadata: thalweg.Parameter) -> list[thalweg.Input]:
    """What arrives at `sink` when `source` sends these values."""
    seen: list[thalweg.Input] = []

    async def source(node: thalweg.Node) -> None:
        for value in values:
            await node.send("out", value, **metadata)

    async def sink(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                seen.append(event)

    report = asyncio.run(run_flow(text, source=source, sink=sink))
    assert report.ok, report
    return seen


def address(buffer: thalweg.Payload | memoryview) -> int:
    """Where its bytes are."""
    return numpy.frombuffer(memoryview(buffer), dtype=numpy.uint8).ctypes.data


def number(event: thalweg.Event | None) -> int:
    """The number of a message of `sends`."""
    assert isinstance(event, thalweg.Input), event
    return int.from_bytes(event.value, "little")
