"""Arrow arrays of 8 MiB between components and a process: what crossing costs beside a `memcpy` of them.

Copies are counted in two ways. By addresses: every tenth batch is looked up in the process, whose columns must lie
within the payload, and the payload in a read-only mapping of the shared memory. By time: the CPU that both
processes spend for each message beyond what the same dataflow spends with the far node in the host itself, in
units of one `memcpy` of as many bytes that are in the cache: an upper bound, in which is all else that crossing
costs. What a component reads or sends is copied at its wall in either case.
"""

import json
import statistics
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import numpy
import pyarrow as pa
import thalweg
from nodes.giving import give
from support import Figures, dataflow, finish, run, script

SIZE = 8 << 20
ROUNDS = 7

PASSED = 200
"""Messages of a round that exist once and pass a component."""

MADE = 100
"""Messages of a round that a component or a process makes."""

READ = "{ source: source/out, queue: 2 }"
"""So that few are under way: memory that was used just before is in the cache."""

QUIET = "OPENBLAS_NUM_THREADS: 1"
"""Or threads of numpy wait for work by spinning."""

PASS = """
  - { id: first, embedded: true, outputs: [out] }
  - { id: source, component: echo.wasm, inputs: { in: first/out }, outputs: [out] }
"""

MAKE = f"""
  - {{ id: first, embedded: true, outputs: [out] }}
  - {{ id: source, component: arrow-ramp.wasm, inputs: {{ in: first/out }}, outputs: [out], parameters: {{ rows: {SIZE // 16} }} }}
"""

SUM = """
  - { id: sum, component: arrow-sum.wasm, inputs: { in: { source: node/out, queue: 2 } }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: sum/out, found: node/found } }
"""


@dataclass
class Spent:
    """What all messages of a round took: of CPU, in both processes, and from the first to the last."""

    cpu: float
    seconds: float


TOTAL = sum(range(SIZE // 8))

Round = Callable[[], Coroutine[Any, Any, Spent]]


def prove() -> Figures:
    memcpy = copy_seconds()
    rows = SIZE // 8
    once = thalweg.Payload(pa.record_batch({"index": pa.array(range(rows))}))
    passed, passed_rate = crossing(
        memcpy, PASSED, lambda: seen_here(PASS, once, PASSED), lambda: seen_there(PASS, once, PASSED, rows)
    )
    made, made_rate = crossing(
        memcpy, MADE, lambda: seen_here(MAKE, b"go", MADE), lambda: seen_there(MAKE, b"go", MADE, rows // 2)
    )
    given, given_rate = crossing(memcpy, MADE, summed_here, summed_there)
    figures = [
        f"memcpy {SIZE / memcpy / 1e9:.1f} GB/s",
        f"to a process {passed_rate:.1f} GB/s of what a component passes on, for {passed:.2f} copies",
        f"{made_rate:.2f} GB/s of what it makes, for {made:.2f} copies beside the one at its wall",
        f"from a process to a component {given_rate:.2f} GB/s, for {given:.2f} copies",
    ]
    # One copy more would cost one at least, and two where another core wrote the bytes.
    return figures, passed < 1 and made < 1 and given < 2


def copy_seconds() -> float:
    """Between blocks of which a few are in turn, as messages are."""
    blocks = [numpy.ones(SIZE, numpy.uint8) for _ in range(8)]

    def copy(number: int) -> float:
        began = time.perf_counter()
        numpy.copyto(blocks[number % 8], blocks[(number + 1) % 8])
        return time.perf_counter() - began

    return statistics.median(copy(number) for number in range(400))


def crossing(memcpy: float, count: int, here: Round, there: Round) -> tuple[float, float]:
    """The copies that crossing costs each message, and GB/s, measured in turns. Of CPU the least counts: what
    else runs on the machine only adds to it."""
    rounds: list[tuple[Spent, Spent]] = [(run(here()), run(there())) for _ in range(ROUNDS)]
    near, far = (min(spent.cpu for spent in side) for side in zip(*rounds, strict=True))
    extra = far - near
    seconds = statistics.median(far.seconds for _, far in rounds)
    return extra / count / memcpy, SIZE * count / seconds / 1e9


async def sent_first(flow: thalweg.Dataflow, value: bytes | thalweg.Payload, count: int) -> float:
    """Runs the dataflow, whose node `first` sends the value that many times. Gives the CPU of this process
    from then on."""
    began = 0.0

    @flow.node("first")
    async def first(node: thalweg.Node) -> None:
        nonlocal began
        began = time.process_time()
        for _ in range(count):
            await node.send("out", value)

    await finish(flow)
    return time.process_time() - began


async def seen_here(source: str, value: bytes | thalweg.Payload, count: int) -> Spent:
    flow = dataflow(source + f"  - {{ id: sink, embedded: true, inputs: {{ in: {READ} }} }}\n")
    events = 0

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        nonlocal events
        async for _ in node.events("in"):
            events += 1

    cpu = await sent_first(flow, value, count)
    assert events == count + 1
    return Spent(cpu, 0.0)


async def seen_there(source: str, value: bytes | thalweg.Payload, count: int, rows: int) -> Spent:
    node = f"  - {{ id: node, {script('viewing')}, env: {{ ROWS: {rows}, {QUIET} }}, inputs: {{ in: {READ} }}, outputs: [found] }}\n"
    flow = dataflow(source + node + "  - { id: found, embedded: true, inputs: { in: node/found } }\n")
    found = {}

    @flow.node("found")
    async def take(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                found.update(json.loads(event.text()))

    cpu = await sent_first(flow, value, count)
    assert found["count"] == count and found["checked"] >= SIZE, found
    return Spent(cpu + found["cpu"], found["seconds"])


async def summed_here() -> Spent:
    flow = dataflow("  - { id: node, embedded: true, outputs: [out, found] }\n" + SUM)

    @flow.node("node")
    async def node(node: thalweg.Node) -> None:
        await give(node, MADE, SIZE // 8)

    return await summed(flow)


async def summed_there() -> Spent:
    variables = f"{{ COUNT: {MADE}, ROWS: {SIZE // 8}, {QUIET} }}"
    node = f"  - {{ id: node, {script('giving')}, env: {variables}, outputs: [out, found] }}\n"
    return await summed(dataflow(node + SUM))


async def summed(flow: thalweg.Dataflow) -> Spent:
    """From the first sum that arrives to the last; the CPU is that for all."""
    found: list[float] = []
    marks: list[tuple[float, float]] = []

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        async for event in node.events():
            match event:
                case thalweg.Input("in", thalweg.ArrowValue() as value):
                    assert pa.array(value).to_pylist() == [TOTAL]
                    marks.append((time.process_time(), time.perf_counter()))
                case thalweg.Input("found"):
                    found.append(float(event.text()))

    await finish(flow)
    assert len(marks) == MADE
    (cpu, began), (last_cpu, ended) = marks[0], marks[-1]
    all_of_them = MADE / (MADE - 1)
    return Spent((last_cpu - cpu) * all_of_them + sum(found), (ended - began) * all_of_them)
