"""What a run tells, restarts, and dataflows that are written in Python."""

import asyncio
import contextlib
import gc
import logging
from pathlib import Path
from typing import Any

import pytest
import thalweg
from conftest import DIRECT, GUESTS, Main, dataflow, number, sends
from thalweg import LinesDropped, LogLine, NodeFailed, NodeFinished, NodeRestarted, NodeStarted, RunEvent

TALKER = "nodes:\n  - { id: talker, component: logs.wasm }\n"

ENDLESS = """
nodes:
  - { id: counts, component: counts.wasm, outputs: [out], parameters: { count: 1000000000 } }
  - { id: sink, embedded: true, inputs: { in: counts/out } }
"""


async def take_all(node: thalweg.Node) -> None:
    async for _ in node.events():
        pass


async def fails(node: thalweg.Node) -> None:
    raise RuntimeError("a bug of the node")


async def all_of(events: thalweg.RunEvents) -> list[RunEvent]:
    return [event async for event in events]


def of_node(events: list[RunEvent], node: str) -> list[str]:
    return [type(event).__name__ for event in events if getattr(event, "node", None) == node]


def direct(source: Any, sink: Any) -> thalweg.Dataflow:
    flow = dataflow(DIRECT)
    flow.node("source")(source)
    flow.node("sink")(sink)
    return flow


def test_every_reader_is_told_what_happens_to_nodes(run_main: Main) -> None:
    async def main() -> None:
        async with direct(sends(3), fails).start() as run:
            seen = await asyncio.gather(*(all_of(run.events()) for _ in range(3)))
        assert seen[0] == seen[1] == seen[2]
        events = seen[0]
        assert events[:2] == [NodeStarted("source"), NodeStarted("sink")]
        assert of_node(events, "source")[-1] in ("NodeFinished", "NodeFailed")
        assert of_node(events, "sink") == ["NodeStarted", "NodeFailed"]
        failed = next(event for event in events if isinstance(event, NodeFailed) and event.node == "sink")
        assert failed.exit == (await run.wait()).nodes["sink"].exit
        assert "a bug of the node" in failed.exit.text
        assert await all_of(run.events()) == [], "nothing happens any more"

    run_main(main())


def test_the_end_of_a_component_has_its_backtrace(run_main: Main) -> None:
    text = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: bad, component: misbehaves.wasm, inputs: { in: source/out }, parameters: { how: traps, at: 0 } }
"""

    async def main() -> None:
        flow = dataflow(text)
        flow.node("source")(sends(1))
        async with flow.start() as run:
            events = await all_of(run.events())
        (failed,) = [event for event in events if isinstance(event, NodeFailed)]
        assert failed.node == "bad" and failed.exit.name == "trapped" and failed.exit.backtrace

    run_main(main())


def test_lines_come_before_the_end_of_their_node_and_go_to_loggers_too(
    run_main: Main, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def main() -> list[RunEvent]:
        async with dataflow(TALKER).start() as run:
            return await all_of(run.events())

    first, *lines, last = run_main(main())
    assert first == NodeStarted("talker") and isinstance(last, NodeFinished)
    assert {(line.stream, line.level, line.text) for line in lines} == {
        ("stdout", logging.INFO, "a line on stdout"),
        ("stderr", logging.INFO, "a line on stderr"),
        ("log", logging.INFO, "a line in the log"),
        ("stdout", logging.INFO, "no newline at the end"),
    }
    logged = [record.message for record in caplog.records if record.name == "thalweg.node.talker"]
    assert logged == [line.text for line in lines]


PRINTS = """
nodes:
  - { id: counts, component: counts.wasm, outputs: [out], parameters: { count: 3000 } }
  - { id: prints, component: report-line.wasm, inputs: { in: counts/out } }
"""


def test_a_reader_that_does_not_read_holds_up_nothing_and_is_told_what_it_missed(run_main: Main) -> None:
    async def main() -> None:
        run = await dataflow(PRINTS).start()
        slow, quick = run.events(), asyncio.create_task(all_of(run.events()))
        assert (await run.wait()).ok
        lines = [event for event in await quick if isinstance(event, LogLine)]
        events = await all_of(slow)
        kept = [event for event in events if isinstance(event, LogLine)]
        assert len(lines) > 3000 and len(kept) == 1024 and kept == lines[-1024:]
        assert [event for event in events if isinstance(event, LinesDropped)] == [LinesDropped(len(lines) - 1024)]
        assert events.index(kept[0]) - 1 == events.index(LinesDropped(len(lines) - 1024))
        for node in ("counts", "prints"):
            told = [event for event in of_node(events, node) if event != "LogLine"]
            assert told == ["NodeStarted", "NodeFinished"]

    run_main(main())


def test_a_wait_for_an_event_may_be_cancelled(run_main: Main) -> None:
    async def main() -> None:
        run = await dataflow(PRINTS).start()
        whole = asyncio.create_task(all_of(run.events()))
        events, seen = run.events(), []
        while True:
            wait = asyncio.ensure_future(anext(events, None))
            await asyncio.sleep(0)
            wait.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                if (event := await wait) is None:
                    break
                seen.append(event)
        told = [event for event in await whole if not isinstance(event, LogLine | LinesDropped)]
        assert [event for event in seen if not isinstance(event, LogLine | LinesDropped)] == told

    run_main(main())


def test_each_event_goes_to_one_of_the_tasks_that_read_one_iterator(run_main: Main) -> None:
    async def main() -> None:
        async with dataflow(PRINTS).start() as run:
            whole, shared = run.events(), run.events()
            one, two, everything = await asyncio.gather(all_of(shared), all_of(shared), all_of(whole))
        assert len(one) + len(two) == len(everything)
        assert {*one, *two} == {*everything}

    run_main(main())


def test_reading_may_end_early(run_main: Main) -> None:
    async def main() -> None:
        flow = dataflow(ENDLESS)
        flow.node("sink")(take_all)
        async with flow.start() as run:
            async with contextlib.aclosing(run.events()) as events:
                async for event in events:
                    assert event == NodeStarted("counts")
                    break
            assert await anext(events, None) is None
            assert not run._feed.readers
            left = run.events()
            del left
            gc.collect()
            assert not run._feed.readers, "what nobody reads is not kept"

    run_main(main())


def test_a_coroutine_is_restarted_and_takes_what_was_queued(run_main: Main) -> None:
    async def main() -> None:
        stuck, ends, numbers = asyncio.Event(), [], []

        async def sink(node: thalweg.Node) -> None:
            try:
                async for event in node.events():
                    if isinstance(event, thalweg.Input):
                        numbers.append(number(event))
                        if number(event) == 2:
                            stuck.set()
                            await asyncio.Event().wait()
            except asyncio.CancelledError:
                ends.append("cancelled")
                raise

        run = await direct(sends(1000), sink).start()
        events = asyncio.create_task(all_of(run.events()))
        await stuck.wait()
        await run.restart("sink")
        report = await run.wait()
        assert report.ok, report
        assert (numbers, ends) == (list(range(1000)), ["cancelled"])
        sink_report = report.nodes["sink"]
        assert (sink_report.restarts, sink_report.inputs[0].delivered) == (1, 1000)
        assert of_node(await events, "sink") == ["NodeStarted", "NodeRestarted", "NodeFinished"]

    run_main(main())


def test_a_component_is_restarted(run_main: Main) -> None:
    async def main() -> None:
        flow = dataflow(ENDLESS)
        flow.node("sink")(take_all)
        async with flow.start() as run:
            events = run.events()
            for _ in range(3):
                await run.restart("counts")
        assert (await run.wait()).nodes["counts"].restarts == 3
        restarts = [event for event in await all_of(events) if isinstance(event, NodeRestarted)]
        assert restarts == [NodeRestarted("counts", count) for count in (1, 2, 3)]

    run_main(main())


def test_two_instances_of_a_coroutine_never_run_at_once(run_main: Main) -> None:
    running = most = 0

    async def sink(node: thalweg.Node) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await take_all(node)
        finally:
            for _ in range(20):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.001)
            running -= 1

    async def main() -> None:
        flow = dataflow(ENDLESS)
        flow.node("sink")(sink)
        async with flow.start() as run:
            for _ in range(5):
                await run.restart("sink")
        report = await run.wait()
        assert (report.nodes["sink"].restarts, most, running) == (5, 1, 0)

    run_main(main())


def test_a_node_may_restart_itself(run_main: Main) -> None:
    instances = 0

    async def main() -> None:
        async def sink(node: thalweg.Node) -> None:
            nonlocal instances
            instances += 1
            if instances == 1:
                await run.restart("sink")
            await take_all(node)

        run = await direct(sends(3), sink).start()
        report = await run.wait()
        assert report.ok and instances == 2 and report.nodes["sink"].restarts == 1

    run_main(main())


def test_what_cannot_be_restarted_is_refused(run_main: Main) -> None:
    async def main() -> None:
        run = await direct(sends(3), take_all).start()
        with pytest.raises(ValueError, match="no node `nobody`"):
            await run.restart("nobody")
        await run.wait()
        with pytest.raises(thalweg.NodeClosed, match="node `sink` has ended"):
            await run.restart("sink")

    run_main(main())


def test_a_component_that_cannot_start_again_ends_as_failed(run_main: Main, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    node = {
        "id": "load",
        "component": GUESTS / "system-load.wasm",
        "inputs": {"tick": {"timer": "1h"}},
        "outputs": ["cpu"],
        "grants": {"read": {"/data": data}},
    }

    async def main() -> None:
        run = await thalweg.Dataflow.from_dict({"nodes": [node]}).start()
        data.rmdir()
        with pytest.raises(thalweg.StartError, match=r"node `load`.*/data"):
            await run.restart("load")
        assert (await run.wait()).nodes["load"].exit.name == "failed"

    run_main(main())


def test_a_run_that_is_lost_ends_and_its_events_hold_it(run_main: Main) -> None:
    async def main() -> None:
        goes_on, ended = asyncio.Event(), asyncio.Event()

        async def sink(node: thalweg.Node) -> None:
            try:
                async for _ in node.events():
                    goes_on.set()
            except thalweg.NodeClosed:
                ended.set()

        flow = dataflow(ENDLESS)
        flow.node("sink")(sink)
        events = (await flow.start()).events()
        gc.collect()
        assert await anext(events) == NodeStarted("counts")
        for _ in range(10):
            goes_on.clear()
            await goes_on.wait()
        del events
        gc.collect()
        await ended.wait()

    run_main(main())


def test_a_run_belongs_into_any_task(run_main: Main) -> None:
    """As in a notebook, whose loop runs already."""

    async def cell() -> thalweg.RunReport:
        async with direct(sends(3), take_all).start() as run:
            async for event in run.events():
                if isinstance(event, NodeFinished) and event.node == "sink":
                    break
            return await run.wait()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            cells = [group.create_task(cell()) for _ in range(3)]
        assert all(cell.result().ok for cell in cells)

    run_main(main())


WRITTEN = {
    "grace": "2s",
    "nodes": [
        {"id": "source", "embedded": True, "outputs": ("out",)},
        {
            "id": "echo",
            "component": Path("echo.wasm"),
            "inputs": {"in": {"source": "source/out", "queue": 8}},
            "outputs": ["out"],
            "parameters": {"text": 'a "quoted" ü\n\\ text', "number": 1.5e-7, "flag": False},
        },
        {"id": "sink", "embedded": True, "inputs": {"in": "echo/out"}},
    ],
}


def test_a_dataflow_is_written_in_python(run_main: Main) -> None:
    async def main() -> None:
        flow = thalweg.Dataflow.from_dict(WRITTEN, GUESTS)
        flow.node("source")(sends(20))
        flow.node("sink")(take_all)
        async with flow.start() as run:
            report = await run.wait()
        assert report.ok and report.nodes["sink"].inputs[0].delivered == 20

    run_main(main())


def test_what_is_wrong_with_a_written_dataflow_is_named() -> None:
    nodes = [
        {"id": "source", "embedded": True, "outputs": ["out", "one", "out"]},
        {"id": "sink", "embedded": True, "inputs": {"in": {"source": "nobody/out"}, "tick": {"timer": "soon"}}},
        {"id": "other", "embedded": True, "colour": "red"},
    ]
    with pytest.raises(thalweg.DataflowError) as error:
        thalweg.Dataflow.from_dict({"nodes": nodes})
    places = [line.split(": ")[0] for line in str(error.value).splitlines()]
    assert places == [
        "nodes[0].outputs[2]",
        "nodes[1].inputs.in.source",
        "nodes[1].inputs.tick.timer",
        "nodes[2].colour",
    ], str(error.value)
    assert "node `sink`" in str(error.value) and "`nobody`" in str(error.value)
    with pytest.raises(thalweg.DataflowError, match="nodes"):
        thalweg.Dataflow.from_dict({})
    with pytest.raises(TypeError, match="holds no set"):
        thalweg.Dataflow.from_dict({"nodes": {1, 2}})
    with pytest.raises(ValueError, match="not JSON compliant"):
        thalweg.Dataflow.from_dict({"grace": float("nan")})
