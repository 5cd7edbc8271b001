import array
import asyncio

import pytest
import thalweg
from conftest import DIRECT, ECHO, Main, address, number, received, run_flow, sends

room: asyncio.Event
given_up: asyncio.Event

SLOW = DIRECT.replace("in: source/out", "in: { source: source/out, queue: 1 }")


@pytest.mark.parametrize("size", [0, 1, 8192, 8193, 8 << 20])
def test_bytes_arrive_as_they_were_sent(size: int) -> None:
    sent = bytes(range(256)) * (size // 256 + 1)
    [event] = received(ECHO, sent[:size])
    assert isinstance(event.value, memoryview) and event.value.readonly
    assert event.value == sent[:size]


def test_anything_with_a_buffer_can_be_sent() -> None:
    doubles = array.array("d", [1.5, 2.5])
    events = received(DIRECT, b"a", bytearray(b"b"), memoryview(b"xcx")[1:2], "däd", doubles)
    values = [bytes(event.value) for event in events]
    assert values == [b"a", b"b", b"c", "däd".encode(), doubles.tobytes()]
    assert events[3].text() == "däd"


def test_a_payload_is_sent_on_and_outlives_its_event() -> None:
    [event] = received(DIRECT, b"kept")
    payload, value = event.payload, event.value
    del event
    assert bytes(value) == b"kept" and len(payload) == 4
    [again] = received(DIRECT, payload)
    assert bytes(again.value) == b"kept"


def test_views_of_what_was_received_are_sent_on_without_a_copy() -> None:
    [event] = received(DIRECT, bytes(range(100)))
    view = memoryview(event.payload)
    whole, part, packed = received(DIRECT, event.value, view[10:20], view[::2])
    assert address(whole.payload) == address(event.payload)
    assert address(part.payload) == address(event.payload) + 10 and bytes(part.value) == bytes(range(10, 20))
    assert bytes(packed.value) == bytes(range(0, 100, 2))


@pytest.mark.parametrize("size", [(256 << 10) - 1, 256 << 10, 1 << 20])
def test_large_values_are_copied_as_they_are(size: int) -> None:
    text, data, changing = received(DIRECT, "x" * size, b"y" * size, bytearray(b"z" * size))
    assert bytes(text.value) == b"x" * size
    assert bytes(data.value) == b"y" * size
    assert bytes(changing.value) == b"z" * size


def test_a_payload_is_made_once_and_sent_more_often() -> None:
    changing = bytearray(b"made")
    payload = thalweg.Payload(changing)
    changing[:] = b"else"
    events = received(DIRECT, payload, payload)
    assert [bytes(event.value) for event in events] == [b"made", b"made"]
    assert {address(event.payload) for event in events} == {address(payload)}
    assert payload.encoding == "raw" and len(payload) == 4
    with pytest.raises(TypeError, match="cannot send a value of type `int`"):
        thalweg.Payload(7)  # type: ignore[arg-type]


def test_metadata_keeps_its_types() -> None:
    metadata: dict[str, thalweg.Parameter] = {"b": True, "i": -1, "f": 0.5, "s": "ü", "y": b"\0"}
    [event] = received(ECHO, "", **metadata)
    assert event.metadata == metadata
    assert [type(value) for value in event.metadata.values()] == [bool, int, float, str, bytes]
    assert event.encoding == "raw" and event.sequence == 0 and event.timestamp > 1e18


def test_a_send_waits_for_room(run_main: Main) -> None:
    async def source(node: thalweg.Node) -> None:
        assert node.try_send("out", bytes(8))
        assert not node.try_send("out", bytes(8))
        waiting = asyncio.create_task(node.send("out", (1).to_bytes(8, "little")))
        await asyncio.sleep(0)
        assert not waiting.done()
        room.set()
        await waiting

    async def sink(node: thalweg.Node) -> None:
        await room.wait()
        assert number(await node.next_event()) == 0
        assert number(await node.next_event()) == 1

    async def main() -> thalweg.RunReport:
        global room
        room = asyncio.Event()
        return await run_flow(SLOW, source=source, sink=sink)

    report = run_main(main())
    assert report.ok, report


def test_what_changes_while_a_send_waits_is_sent_as_it_was() -> None:
    async def source(node: thalweg.Node) -> None:
        changing = bytearray(b"before")
        await node.send("out", "first")
        waiting = asyncio.create_task(node.send("out", changing))
        await asyncio.sleep(0)
        assert not waiting.done()
        changing[:] = b"after!"
        room.set()
        await waiting

    async def sink(node: thalweg.Node) -> None:
        await room.wait()
        texts = [event.text() async for event in node.events() if isinstance(event, thalweg.Input)]
        assert texts == ["first", "before"]

    async def main() -> thalweg.RunReport:
        global room
        room = asyncio.Event()
        return await run_flow(SLOW, source=source, sink=sink)

    report = asyncio.run(main())
    assert report.ok, report


def test_a_send_that_is_given_up_sends_nothing(run_main: Main) -> None:
    async def source(node: thalweg.Node) -> None:
        await node.send("out", "first")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await node.send("out", "given up")
        given_up.set()
        await node.send("out", "last")

    async def sink(node: thalweg.Node) -> None:
        await given_up.wait()
        texts = [event.text() async for event in node.events() if isinstance(event, thalweg.Input)]
        assert texts == ["first", "last"]

    async def main() -> thalweg.RunReport:
        global given_up
        given_up = asyncio.Event()
        return await run_flow(SLOW, source=source, sink=sink)

    report = run_main(main())
    assert report.ok, report


def test_what_cannot_be_sent_says_why() -> None:
    async def source(node: thalweg.Node) -> None:
        with pytest.raises(ValueError, match="no output `other`"):
            await node.send("other", "x")
        with pytest.raises(ValueError, match="over the limit of"):
            await node.send("out", bytes((64 << 20) + 1))
        with pytest.raises(TypeError, match="cannot send a value of type `object`"):
            await node.send("out", object())  # type: ignore[arg-type]
        released = memoryview(b"x")
        released.release()
        with pytest.raises(ValueError, match="released memoryview"):
            await node.send("out", released)
        with pytest.raises(TypeError, match="metadata `key` is of type `list`"):
            await node.send("out", "x", key=[])  # type: ignore[arg-type]

    async def sink(node: thalweg.Node) -> None:
        async for _ in node.events():
            pass

    report = asyncio.run(run_flow(DIRECT, source=source, sink=sink))
    assert report.ok, report


def test_an_output_whose_readers_have_ended_is_closed() -> None:
    async def source(node: thalweg.Node) -> None:
        with pytest.raises(thalweg.OutputClosed, match="`out`"):
            while True:
                await node.send("out", "x")

    async def sink(node: thalweg.Node) -> None:
        await node.next_event()

    report = asyncio.run(run_flow(DIRECT, source=source, sink=sink))
    assert report.ok, report


def test_sources_and_sinks_keep_books() -> None:
    async def sink(node: thalweg.Node) -> None:
        for _ in range(10):
            await node.next_event()

    report = asyncio.run(run_flow(DIRECT, source=sends(20), sink=sink))
    [books] = report.nodes["sink"].inputs
    assert books.received == books.delivered + books.dropped + books.discarded
    assert books.delivered == 10 and report.nodes["source"].outputs[0].sent == books.received
