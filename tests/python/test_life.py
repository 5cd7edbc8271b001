import asyncio
import gc
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import thalweg
from conftest import DIRECT, GUESTS, Main, dataflow, run_flow, sends

told: asyncio.Event

ENDLESS = """
nodes:
  - { id: source, component: counts.wasm, outputs: [out], parameters: { count: 1000000000 } }
  - { id: sink, embedded: true, inputs: { in: source/out } }
"""


async def take_all(node: thalweg.Node) -> None:
    async for _ in node.events():
        pass


def test_an_exception_ends_its_node_with_its_traceback(run_main: Main) -> None:
    async def sink(node: thalweg.Node) -> None:
        await node.next_event()
        raise RuntimeError("a bug of the node")

    async def source(node: thalweg.Node) -> None:
        with pytest.raises(thalweg.OutputClosed):
            while True:
                await node.send("out", "x")

    report = run_main(run_flow(DIRECT, source=source, sink=sink))
    exit = report.nodes["sink"].exit
    assert exit.name == "failed" and not exit.ok
    assert "in sink" in exit.text and "a bug of the node" in exit.text
    assert report.nodes["source"].exit.ok


def test_leaving_a_node_by_an_exception_ends_it_as_failed(run_main: Main) -> None:
    async def sink(node: thalweg.Node) -> None:
        async with node:
            raise RuntimeError("a bug of the node")

    async def source(node: thalweg.Node) -> None:
        with pytest.raises(RuntimeError, match="mine"), node:
            raise RuntimeError("mine")

    report = run_main(run_flow(DIRECT, source=source, sink=sink))
    for id, error in {"sink": "a bug of the node", "source": "mine"}.items():
        exit = report.nodes[id].exit
        assert exit.name == "failed" and exit.text.endswith(f"RuntimeError: {error}"), exit


def test_leaving_the_block_stops_and_drains(run_main: Main) -> None:
    async def main() -> thalweg.RunReport:
        flow = dataflow(ENDLESS)
        flow.node("sink")(take_all)
        async with flow.start() as run:
            pass
        return await run.wait()

    report = run_main(main())
    assert report.ok, report
    assert report.nodes["source"].exit.name == "stopped"


def test_leaving_the_block_by_an_exception_ends_at_once(run_main: Main) -> None:
    async def main() -> None:
        flow = dataflow(ENDLESS)
        flow.node("sink")(take_all)
        async with flow.start():
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_main(main())


def test_a_node_that_the_dataflow_ended_is_told(run_main: Main) -> None:
    async def sink(node: thalweg.Node) -> None:
        with pytest.raises(thalweg.NodeClosed):
            await take_all(node)
        told.set()

    async def main() -> None:
        global told
        told = asyncio.Event()
        flow = dataflow(ENDLESS)
        flow.node("sink")(sink)
        run = await flow.start()
        run.kill()
        await told.wait()
        report = await run.wait()
        assert report.nodes["sink"].exit.name == "killed"

    run_main(main())


def test_a_dataflow_may_be_started_twice(run_main: Main) -> None:
    async def main() -> None:
        flow = dataflow(DIRECT)
        flow.node("source")(sends(3))
        flow.node("sink")(take_all)
        for _ in range(2):
            run = await flow.start()
            assert (await run.wait()).nodes["sink"].events_in == 5
            assert (await run.wait()).ok

    run_main(main())


def test_lines_of_nodes_go_to_loggers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.run(run_flow("nodes:\n  - { id: talker, component: logs.wasm }\n"))
    records = [record for record in caplog.records if record.name == "thalweg.node.talker"]
    assert len(records) >= 3


def test_a_wrong_descriptor_is_told_whole() -> None:
    with pytest.raises(thalweg.DataflowError) as error:
        thalweg.Dataflow.from_text("nodes:\n  - { id: 1 }\n  - { id: a, embedded: true, inputs: { x: b/c } }\n")
    assert "2:" in str(error.value) and "`b`" in str(error.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(thalweg.DataflowError, match="nowhere.yaml"):
        thalweg.Dataflow.from_file("nowhere.yaml")


def test_nodes_and_code_must_fit() -> None:
    flow = dataflow(DIRECT)
    with pytest.raises(ValueError, match="no embedded node `other`"):
        flow.node("other")
    flow.node("source")(take_all)
    with pytest.raises(ValueError, match="`source` has its code already"):
        flow.node("source")

    async def start() -> None:
        await flow.start()

    with pytest.raises(thalweg.StartError, match="`sink` have no code"):
        asyncio.run(start())


def test_a_node_used_in_another_loop_is_refused() -> None:
    nodes: list[thalweg.Node] = []

    async def sink(node: thalweg.Node) -> None:
        nodes.append(node)
        await take_all(node)

    asyncio.run(run_flow(DIRECT, source=sends(1), sink=sink))

    async def elsewhere() -> None:
        await nodes[0].next_event()

    with pytest.raises((RuntimeError, thalweg.NodeClosed)):
        asyncio.run(elsewhere())


EXIT = f"""
import asyncio, thalweg
flow = thalweg.Dataflow.from_text('''{ENDLESS}''', {str(GUESTS)!r})
@flow.node("sink")
async def sink(node):
    await node.next_event()
    seen.set()
    async for event in node.events():
        pass
async def main():
    global seen
    seen = asyncio.Event()
    run = await flow.start()
    await seen.wait()
asyncio.run(main())
"""


def test_the_process_may_exit_while_events_arrive() -> None:
    for _ in range(20):
        ended = subprocess.run([sys.executable, "-c", EXIT], capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        assert ended.stderr == ""


def test_the_package_is_typed() -> None:
    assert (Path(thalweg.__file__).parent / "py.typed").exists()


def test_nothing_is_left_of_a_loop_that_is_done_with() -> None:
    async def once() -> None:
        flow = thalweg.Dataflow.from_text("nodes: [{ id: node, embedded: true }]")

        @flow.node("node")
        async def node(node: thalweg.Node) -> None:
            async for _ in node.events():
                pass

        async with flow.start() as run:
            run.stop()

    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    asyncio.run(once())
    before = descriptors()
    for _ in range(5):
        asyncio.run(once())
    assert descriptors() == before
