import asyncio
import inspect
import random
from contextlib import aclosing

import pytest
import thalweg
from conftest import DIRECT, ECHO, Main, number, run_flow, sends

given_up: asyncio.Event


def test_events_come_in_order_and_end_with_stop(run_main: Main) -> None:
    seen: list[thalweg.Event] = []

    async def sink(node: thalweg.Node) -> None:
        async for event in node.events():
            seen.append(event)
        assert await node.next_event() is None
        assert await node.next_event() is None

    report = run_main(run_flow(ECHO, source=sends(1000), sink=sink))
    assert report.ok
    *inputs, closed, stop = seen
    assert [number(event) for event in inputs] == list(range(1000))
    assert isinstance(closed, thalweg.InputClosed) and closed.id == "in"
    assert isinstance(stop, thalweg.Stop) and stop.reason == "inputs-closed"


def test_events_match() -> None:
    async def sink(node: thalweg.Node) -> None:
        match await node.next_event():
            case thalweg.Input("in", value):
                assert bytes(value) == bytes(8)
            case other:
                raise AssertionError(other)

    assert asyncio.run(run_flow(DIRECT, source=sends(1), sink=sink)).ok


def test_waits_are_true_coroutines(run_main: Main) -> None:
    async def sink(node: thalweg.Node) -> None:
        wait = node.next_event()
        assert inspect.iscoroutine(wait)
        assert number(await asyncio.create_task(wait)) == 0
        assert number(await asyncio.wait_for(node.next_event(), 10)) == 1
        async with asyncio.timeout(10):
            assert number(await node.next_event()) == 2
        async with asyncio.TaskGroup() as group:
            task = group.create_task(node.next_event())
        assert number(task.result()) == 3
        async with aclosing(node.events()) as events:
            assert number(await anext(events)) == 4

    assert run_main(run_flow(DIRECT, source=sends(5), sink=sink)).nodes["sink"].exit.ok


def test_each_event_goes_to_exactly_one_of_several_tasks(run_main: Main) -> None:
    seen: list[int] = []

    async def sink(node: thalweg.Node) -> None:
        async def take() -> None:
            async for event in node.events():
                if isinstance(event, thalweg.Input):
                    seen.append(number(event))

        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(take())

    assert run_main(run_flow(ECHO, source=sends(2000), sink=sink)).ok
    assert sorted(seen) == list(range(2000))


def test_a_wait_that_is_given_up_loses_nothing(run_main: Main) -> None:
    seen: list[int] = []
    chance = random.Random(7)

    async def source(node: thalweg.Node) -> None:
        for count in range(3000):
            await node.send("out", count.to_bytes(8, "little"))
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)

    async def sink(node: thalweg.Node) -> None:
        while True:
            wait = asyncio.create_task(node.next_event())
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            wait.cancel()
            try:
                event = await wait
            except asyncio.CancelledError:
                continue
            if event is None:
                return
            if isinstance(event, thalweg.Input):
                seen.append(number(event))

    assert run_main(run_flow(DIRECT, source=source, sink=sink)).ok
    assert seen == list(range(3000))


def test_a_busy_stream_leaves_turns_to_other_tasks(run_main: Main) -> None:
    turns = 0

    async def sink(node: thalweg.Node) -> None:
        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        ticker = asyncio.create_task(count_turns())
        async for _ in node.events():
            pass
        ticker.cancel()

    text = """
nodes:
  - { id: source, component: counts.wasm, outputs: [out], parameters: { count: 50000 } }
  - { id: sink, embedded: true, inputs: { in: source/out } }
"""
    assert run_main(run_flow(text, sink=sink)).ok
    assert turns > 50000 // 256 // 2


def test_some_inputs_are_read_without_taking_from_the_others(run_main: Main) -> None:
    text = """
nodes:
  - { id: source, embedded: true, outputs: [a, b] }
  - { id: sink, embedded: true, inputs: { a: source/a, b: source/b } }
"""

    async def source(node: thalweg.Node) -> None:
        for count in range(100):
            for output in "ab":
                await node.send(output, count.to_bytes(8, "little"))

    async def sink(node: thalweg.Node) -> None:
        *inputs, closed = [event async for event in node.events("b")]
        assert [number(event) for event in inputs] == list(range(100))
        assert isinstance(closed, thalweg.InputClosed) and closed.id == "b"
        rest = [event async for event in node.events()]
        assert [number(event) for event in rest[:100]] == list(range(100))
        assert {type(event) for event in rest[100:]} == {thalweg.InputClosed, thalweg.Stop}
        with pytest.raises(ValueError, match="no input `c`; it has `a`, `b`"):
            node.events("c")

    report = run_main(run_flow(text, source=source, sink=sink))
    assert report.ok, report


def test_a_batch_is_all_that_is_there(run_main: Main) -> None:
    async def sink(node: thalweg.Node) -> None:
        seen: list[thalweg.Event] = []
        while batch := await node.next_batch(50):
            assert len(batch) <= 50
            seen += batch
        assert [number(event) for event in seen[:-2]] == list(range(1000))
        assert await node.next_batch(1) == []
        with pytest.raises(ValueError, match="at least one event"):
            await node.next_batch(0)

    report = run_main(run_flow(DIRECT, source=sends(1000), sink=sink))
    assert report.ok, report


def test_an_iteration_goes_on_after_a_wait_that_was_given_up(run_main: Main) -> None:
    async def source(node: thalweg.Node) -> None:
        await given_up.wait()
        await sends(3)(node)

    async def sink(node: thalweg.Node) -> None:
        events = node.events()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.01)
        given_up.set()
        assert [number(await anext(events)) for _ in range(3)] == [0, 1, 2]
        await events.aclose()
        assert [event async for event in events] == []
        assert isinstance(await node.next_event(), thalweg.InputClosed)

    async def main() -> thalweg.RunReport:
        global given_up
        given_up = asyncio.Event()
        return await run_flow(DIRECT, source=source, sink=sink)

    report = run_main(main())
    assert report.ok, report
