"""How a process waits for its node with an event loop."""

import pytest
import thalweg
from scripts import Ended, Folder

COUNTS = """
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: COUNT } }
  - { id: node, python: node.py, inputs: { in: counts/out } }
"""

LOOPS = {
    "asyncio": "asyncio.new_event_loop",
    "uvloop": "__import__('uvloop').new_event_loop",
}

PRELUDE = """
import asyncio, contextlib, random, thalweg
node = thalweg.Node()
def number(event):
    assert isinstance(event, thalweg.Input), event
    return int.from_bytes(event.value, "little")
"""


@pytest.fixture(params=LOOPS)
def run_coroutine(request: pytest.FixtureRequest) -> str:
    """Runs the coroutine `main`, as the last lines of a script."""
    return f"""
with asyncio.Runner(loop_factory={LOOPS[request.param]}) as runner:
    runner.run(main())
"""


def run(folder: Folder, script: str, count: int) -> Ended:
    """Runs a script that reads so many numbered messages."""
    (folder.path / "node.py").write_text(PRELUDE + script)
    ended = folder.run(COUNTS.replace("COUNT", str(count)))
    ended.assert_ok()
    return ended


def test_events_come_in_order_up_to_the_stop(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    *inputs, closed, stop = [event async for event in node.events()]
    assert [number(event) for event in inputs] == list(range(5000))
    assert isinstance(closed, thalweg.InputClosed) and isinstance(stop, thalweg.Stop)
    assert await node.next_event() is None and await node.next_event() is None
"""
    run(folder, script + run_coroutine, 5000)


def test_waits_are_true_coroutines(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    assert number(await asyncio.create_task(node.next_event())) == 0
    assert number(await asyncio.wait_for(node.next_event(), 10)) == 1
    async with asyncio.timeout(10):
        assert number(await node.next_event()) == 2
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.next_event()) for _ in range(3)]
    assert sorted(number(task.result()) for task in tasks) == [3, 4, 5]
    async with contextlib.aclosing(node.events()) as events:
        assert number(await anext(events)) == 6
    assert [event async for event in events] == []
    assert number(await anext(node.events("in"))) == 7
    batch = await node.next_batch(2)
    assert [number(event) for event in batch] == [8, 9][:len(batch)]
"""
    run(folder, script + run_coroutine, 10)


def test_batches_are_of_all_that_is_there(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    seen = []
    while batch := await node.next_batch(50):
        assert len(batch) <= 50
        seen += batch
    assert [number(event) for event in seen[:-2]] == list(range(5000))
    assert await node.next_batch(1) == []
    try:
        await node.next_batch(0)
    except ValueError as error:
        print(error)
"""
    ended = run(folder, script + run_coroutine, 5000)
    assert ended.lines_of("node") == ["a batch is of at least one event, not of 0"]


def test_each_event_goes_to_exactly_one_of_several_tasks(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    seen = []
    async def take():
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                seen.append(number(event))
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(take())
    assert sorted(seen) == list(range(5000))
"""
    run(folder, script + run_coroutine, 5000)


def test_what_comes_while_a_message_is_sent_wakes_who_waits_for_it(folder: Folder, run_coroutine: str) -> None:
    script = """
import select
async def main():
    waiting = asyncio.create_task(node.next_event())
    await asyncio.sleep(0)
    assert node.try_send("out", "first")
    select.select([node._linked.fileno()], [], [])
    assert not node.try_send("out", "second"), "the queue is full; a tick was read with this"
    assert isinstance(await asyncio.wait_for(waiting, 10), thalweg.Tick)
"""
    (folder.path / "node.py").write_text(PRELUDE + script + run_coroutine)

    async def full(node: thalweg.Node) -> None:
        async for _ in node.events("end"):
            pass

    folder.run("""
nodes:
  - { id: node, python: node.py, inputs: { tick: { timer: 50ms } }, outputs: [out, end] }
  - { id: full, embedded: true, inputs: { in: { source: node/out, queue: 1 }, end: node/end } }
""", full=full).assert_ok()


def test_waits_that_are_given_up_at_random_lose_nothing(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    chance, seen, given_up = random.Random(7), [], 0
    while True:
        wait = asyncio.create_task(node.next_event())
        if chance.random() < 0.1:
            await asyncio.wait([wait], timeout=chance.random() / 5000)
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
        wait.cancel()
        try:
            event = await wait
        except asyncio.CancelledError:
            given_up += 1
            continue
        if event is None:
            break
        if isinstance(event, thalweg.Input):
            seen.append(number(event))
    assert seen == list(range(10000)) and given_up > 100, given_up
"""
    run(folder, script + run_coroutine, 10_000)


def test_a_time_limit_loses_nothing(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    seen, given_up = [], 0
    while True:
        try:
            event = await asyncio.wait_for(node.next_event(), 0.0002)
        except TimeoutError:
            given_up += 1
            continue
        if isinstance(event, thalweg.Stop):
            break
        if isinstance(event, thalweg.Input):
            seen.append(number(event))
    assert seen == list(range(20)) and given_up > 0, given_up
"""
    (folder.path / "node.py").write_text(PRELUDE + script + run_coroutine)
    slowly = COUNTS.replace("COUNT", "20, per-tick: 1").replace("outputs", "inputs: { tick: { timer: 5ms } }, outputs")
    folder.run(slowly).assert_ok()


def test_some_inputs_are_read_without_taking_from_the_others(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    *first, closed = [event async for event in node.events("b")]
    assert [number(event) for event in first] == list(range(1000)) and closed.id == "b"
    rest = [event async for event in node.events()]
    assert [number(event) for event in rest[:200]] == list(range(200))
    assert [type(event) for event in rest[200:]] == [thalweg.InputClosed, thalweg.Stop]
    assert rest[200].id == "a"
"""
    (folder.path / "node.py").write_text(PRELUDE + script + run_coroutine)
    folder.run("""
nodes:
  - { id: a, component: guests/counts.wasm, outputs: [out], parameters: { count: 200 } }
  - { id: b, component: guests/counts.wasm, outputs: [out], parameters: { count: 1000 } }
  - { id: node, python: node.py, inputs: { a: a/out, b: b/out } }
""").assert_ok()


def test_a_busy_stream_leaves_turns_to_other_tasks(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    turns = 0
    async def count_turns():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)
    ticker = asyncio.create_task(count_turns())
    async for _ in node.events():
        pass
    ticker.cancel()
    assert turns > 20000 // 256 // 2, turns
"""
    run(folder, script + run_coroutine, 20_000)


FULL = """
nodes:
  - { id: node, python: node.py, inputs: { tick: { timer: 1h } }, outputs: [out] }
  - { id: full, embedded: true, inputs: { in: { source: node/out, queue: 1 } } }
"""


def test_a_send_waits_for_room_and_knows_exactly_when_there_is_some(folder: Folder, run_coroutine: str) -> None:
    """The reader takes one message each time that the script asks it to."""
    script = """
async def main():
    assert node.try_send("out", "0")
    assert not node.try_send("out", "1")
    assert not node.try_send("out", "1")
    waiting = asyncio.create_task(node.send("out", "1"))
    given_up = asyncio.create_task(node.send("out", "given up"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    given_up.cancel()
    await asyncio.wait([given_up])
    assert given_up.cancelled()
    await node.send("ask", "")
    await waiting
    assert not node.try_send("out", "2"), "the reader took one, and there is room for one"
    try:
        async with asyncio.timeout(0.05):
            await node.send("out", "given up, too")
    except TimeoutError:
        pass
    for _ in range(10):
        await node.send("ask", "")
    for number in range(2, 11):
        await node.send("out", str(number))
"""
    (folder.path / "node.py").write_text(PRELUDE + script + run_coroutine)
    texts: list[str] = []

    async def reader(node: thalweg.Node) -> None:
        async for _ in node.events("ask"):
            async for event in node.events("in"):
                if isinstance(event, thalweg.Input):
                    texts.append(event.text())
                break

    ended = folder.run("""
nodes:
  - { id: node, python: node.py, outputs: [out, ask] }
  - { id: reader, embedded: true, inputs: { in: { source: node/out, queue: 1 }, ask: node/ask } }
""", reader=reader)
    ended.assert_ok()
    assert texts == [str(number) for number in range(11)]


def test_an_output_whose_readers_have_ended_is_closed(folder: Folder, run_coroutine: str) -> None:
    script = """
async def main():
    try:
        while True:
            await node.send("out", "x")
    except thalweg.OutputClosed as error:
        print(error)
    try:
        await node.send("out", "x")
    except thalweg.OutputClosed:
        print("closed")
    try:
        node.try_send("out", "x")
    except thalweg.OutputClosed:
        print("closed")
"""
    (folder.path / "node.py").write_text(PRELUDE + script + run_coroutine)

    async def full(node: thalweg.Node) -> None:
        await node.next_event()

    ended = folder.run(FULL, full=full)
    ended.assert_ok()
    first, *more = ended.lines_of("node")
    assert "`out`" in first and more == ["closed"] * 2
