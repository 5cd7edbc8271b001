"""Components that take the place of others while the dataflow runs."""

import asyncio
from pathlib import Path

import pytest
import thalweg
from conftest import GUESTS, Main, dataflow
from thalweg import NodeFinished, NodeStarted, NodeSwapped

SUMS = """
nodes:
  - { id: numbers, embedded: true, outputs: [out] }
  - { id: sums, component: sums.wasm, inputs: { in: numbers/out }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: sums/out } }
"""

MESSAGES = 2000


def test_a_component_is_swapped_in_a_stream_and_keeps_its_state(run_main: Main) -> None:
    async def main() -> None:
        flow = dataflow(SUMS)
        texts: list[str] = []

        @flow.node("numbers")
        async def numbers(node: thalweg.Node) -> None:
            for number in range(MESSAGES):
                await node.send("out", str(number))

        @flow.node("sink")
        async def sink(node: thalweg.Node) -> None:
            async for event in node.events():
                if isinstance(event, thalweg.Input):
                    texts.append(event.text())

        async with flow.start() as run:
            events = run.events()
            swaps = 0
            while len(texts) < MESSAGES:
                try:
                    await run.swap("sums", GUESTS / "sums.wasm")
                except (thalweg.NodeClosed, thalweg.ThalwegError):
                    break
                swaps += 1
            report = await run.wait()
        assert report.ok and swaps > 0 and report.nodes["sums"].swaps == swaps
        assert texts == [f"{number + 1} {number * (number + 1) // 2}" for number in range(MESSAGES)]
        told = [event async for event in events if getattr(event, "node", None) == "sums"]
        swapped = [NodeSwapped("sums", count + 1) for count in range(swaps)]
        assert told[:-1] == [NodeStarted("sums"), *swapped] and isinstance(told[-1], NodeFinished)

    run_main(main())


def test_what_is_refused_is_told_and_the_component_goes_on(run_main: Main, tmp_path: Path) -> None:
    (tmp_path / "core.wasm").write_bytes(b"\0asm\x01\0\0\0")

    async def main() -> None:
        flow = dataflow(SUMS)
        done = asyncio.Event()

        @flow.node("numbers")
        async def numbers(node: thalweg.Node) -> None:
            await done.wait()

        @flow.node("sink")
        async def sink(node: thalweg.Node) -> None:
            async for _ in node.events():
                pass

        async with flow.start() as run:
            echo = GUESTS / "echo.wasm"
            with pytest.raises(ValueError, match="the dataflow has no node `sum`"):
                await run.swap("sum", echo)
            with pytest.raises(ValueError, match="node `sink` is no component"):
                await run.swap("sink", str(echo))
            with pytest.raises(thalweg.StartError, match="it is a core module"):
                await run.swap("sums", tmp_path / "core.wasm")
            with pytest.raises(thalweg.ThalwegError, match="would be lost"):
                await run.swap("sums", echo)
            await run.swap("sums", echo, fresh=True)
            done.set()
            report = await run.wait()
            with pytest.raises(thalweg.NodeClosed, match="node `sums` has ended"):
                await run.swap("sums", echo)
        assert report.ok and report.nodes["sums"].swaps == 1

    run_main(main())
