import array
import asyncio
import gc
import resource
from collections.abc import Iterator
from pathlib import Path

import nanoarrow
import numpy
import polars
import pyarrow as pa
import pytest
import thalweg
from arrow_values import EVERY_TYPE
from conftest import DIRECT, ECHO, address, received, run_flow

# `copies.wasm` sends bytes out of its own memory: what arrives is not what the sender made.
COPIES = ECHO.replace("echo.wasm", "copies.wasm")

RAMP = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: ramp, component: arrow-ramp.wasm, inputs: { go: source/out }, outputs: [out], parameters: { rows: ROWS } }
  - { id: sink, embedded: true, inputs: { in: ramp/out } }
"""

SUM = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sum, component: arrow-sum.wasm, inputs: { in: source/out }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: sum/out } }
"""


def value(event: thalweg.Input) -> thalweg.ArrowValue:
    assert event.encoding == "arrow" and isinstance(event.value, thalweg.ArrowValue)
    return event.value


def buffers(array: pa.Array) -> Iterator[pa.Buffer]:
    """Those that have bytes, of the array and of its dictionary."""
    yield from (buffer for buffer in array.buffers() if buffer is not None and buffer.size > 0)
    if isinstance(array, pa.DictionaryArray):
        yield from buffers(array.dictionary)


def shared_bytes(array: pa.Array, event: thalweg.Input) -> int:
    """How many bytes the buffers have, all of which lie within the payload."""
    start = address(event.payload)
    for buffer in buffers(array):
        assert start <= buffer.address and buffer.address + buffer.size <= start + len(event.payload)
    return sum(buffer.size for buffer in buffers(array))


def same(sent: pa.Array, event: thalweg.Input) -> pa.Array:
    """The array that arrived, which is the one that was sent."""
    arrived = pa.array(value(event))
    arrived.validate(full=True)
    assert arrived.type.equals(sent.type, check_metadata=True) and arrived.equals(sent)
    return arrived


@pytest.mark.parametrize("flow", [DIRECT, COPIES])
def test_arrays_of_every_type_arrive_as_they_were_sent(flow: str) -> None:
    slices = [part for whole in EVERY_TYPE for part in (whole, whole[1:], whole[1:2], whole[:0])]
    for sent, event in zip(slices, received(flow, *slices), strict=True):
        assert len(value(event)) == len(sent)
        shared_bytes(same(sent, event), event)


def test_batches_arrive_as_they_were_sent() -> None:
    columns = [column for column in EVERY_TYPE if len(column) > 1]
    fields = [
        pa.field(f"column {number}", column.type, metadata={"number": str(number)})
        for number, column in enumerate(columns)
    ]
    schema = pa.schema(fields, metadata={"of": "the schema", "thalweg:array": "is not for batches"})
    sent = pa.record_batch([column[:2] for column in columns], schema=schema)
    [event] = received(DIRECT, sent)
    arrived = pa.record_batch(value(event))
    arrived.validate(full=True)
    assert arrived.equals(sent) and arrived.schema.equals(schema.with_metadata({"of": "the schema"}), True)
    assert repr(value(event)).endswith(", 2 rows)")


def test_a_batch_may_have_thousands_of_columns_and_a_thousand_dictionaries() -> None:
    coded = pa.array(["x"]).dictionary_encode()
    plain = [array for array in EVERY_TYPE if "dictionary" not in str(array.type)]
    columns = [plain[number % len(plain)][:1] for number in range(5000)] + [coded] * 1024
    wide = pa.record_batch(columns, [f"column {number}" for number in range(len(columns))])
    [event] = received(DIRECT, wide)
    assert pa.record_batch(value(event)).equals(wide)


def test_a_field_keeps_whether_it_can_be_null() -> None:
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.int64())])
    [event] = received(DIRECT, pa.record_batch([[1], [None]], schema=schema))
    assert pa.schema(value(event)).equals(schema)


def test_a_batch_may_have_rows_and_no_columns() -> None:
    sent = pa.RecordBatch.from_struct_array(pa.array([{}, {}, {}], pa.struct([])))
    [event] = received(DIRECT, sent)
    assert pa.record_batch(value(event)).num_rows == len(value(event)) == 3


def test_tables_and_chunks_arrive_as_one() -> None:
    chunks = pa.chunked_array([["a", "b"], [None], []]).dictionary_encode()
    table = pa.table({"text": chunks, "number": pa.chunked_array([[1], [2, 3]])})
    none = pa.chunked_array([], pa.int8())
    whole, joined, empty = received(DIRECT, table, chunks, none)
    assert pa.table(value(whole)).equals(table.combine_chunks().unify_dictionaries())
    assert pa.array(value(joined)).equals(chunks.combine_chunks())
    assert same(pa.array([], pa.int8()), empty).type == pa.int8()


def test_other_libraries_send_and_receive() -> None:
    frame = polars.DataFrame({"number": [1, 2, None], "text": ["a", None, "c" * 99]})
    frame = frame.with_columns(category=polars.Series(["x", "y", "x"], dtype=polars.Categorical))
    series = polars.Series("text", ["a", None])
    numbers = nanoarrow.Array([1, None, 3], nanoarrow.int32())
    events = received(DIRECT, frame, series, numbers)
    assert polars.DataFrame(value(events[0])).equals(frame)
    assert polars.Series(value(events[1])).equals(series)
    assert nanoarrow.Array(value(events[2])).to_pylist() == [1, None, 3]


def test_an_array_shares_the_bytes_of_the_message() -> None:
    [event] = received(DIRECT, pa.array(range(1_000_000)))
    arrived = pa.array(event.value)
    assert shared_bytes(arrived, event) >= 8_000_000
    assert pa.array(event.value).buffers()[1].address == arrived.buffers()[1].address
    view = numpy.asarray(arrived)
    assert view.ctypes.data == arrived.buffers()[1].address and not view.flags.writeable


def test_what_is_sent_is_aligned_for_every_type() -> None:
    for event in received(DIRECT, *EVERY_TYPE):
        assert all(buffer.address % 64 == 0 for buffer in buffers(pa.array(value(event))))


def test_what_comes_out_of_a_component_is_shared_too() -> None:
    wide = pa.array([1, None, 3] * 100_000).cast(pa.decimal128(38, 2))
    [event] = received(COPIES, wide)
    assert shared_bytes(same(wide, event), event) >= 16 * 300_000


def test_the_encoding_can_be_matched() -> None:
    seen = []
    for event in received(DIRECT, pa.array([1, 2]), b"raw"):
        match event:
            case thalweg.Input("in", thalweg.ArrowValue() as typed):
                seen.append(pa.array(typed).to_pylist())
            case thalweg.Input("in", memoryview() as raw):
                seen.append(bytes(raw))
    assert seen == [[1, 2], b"raw"]


def test_a_value_outlives_its_event_and_its_dataflow() -> None:
    [event] = received(COPIES, pa.array(range(100_000)))
    arrived, schema = pa.array(event.value), event.value
    del event, schema
    for _ in range(3):
        gc.collect()
        assert len([bytes(800_000) for _ in range(10)]) == 10
    assert arrived.equals(pa.array(range(100_000)))


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_what_nobody_holds_any_more_is_freed() -> None:
    numbers = pa.array(range(1_000_000))
    grown = 0

    async def source(node: thalweg.Node) -> None:
        for _ in range(100):
            await node.send("out", numbers)

    async def sink(node: thalweg.Node) -> None:
        nonlocal grown
        before = resident()
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                assert len(pa.array(event.value)) == 1_000_000
                # Capsules that nobody takes, too.
                value(event).__arrow_c_array__()
        grown = resident() - before

    report = asyncio.run(run_flow(DIRECT, source=source, sink=sink))
    assert report.ok and report.nodes["sink"].events_in == 102, report
    assert grown < 200e6, grown


def test_a_value_is_read_once() -> None:
    [event] = received(DIRECT, pa.array([1]))
    assert event.value is event.value


def test_what_was_received_is_sent_on_without_a_copy() -> None:
    [event] = received(DIRECT, pa.array(range(10_000)))
    by_value, by_payload, by_view = received(ECHO, event.value, event.payload, memoryview(event.payload))
    assert address(by_value.payload) == address(by_payload.payload) == address(event.payload)
    assert pa.array(value(by_value)).equals(pa.array(value(by_payload)))
    assert event.payload.encoding == thalweg.Payload(pa.array([1])).encoding == "arrow"
    # Bytes are bytes, also those of an Arrow payload.
    assert by_view.encoding == "raw" and bytes(by_view.value) == bytes(value(event))


def test_arrow_goes_before_the_buffer_protocol_and_only_where_it_is_there() -> None:
    class Both(bytearray):
        def __arrow_c_array__(self, requested_schema: object | None = None) -> object:
            return pa.array([1, 2]).__arrow_c_array__(requested_schema)

    doubles = array.array("d", [1.5])
    raw = [b"x", "x", bytearray(b"x"), memoryview(b"x"), numpy.array([1.5]), doubles, pa.py_buffer(b"x")]
    both, *others = received(DIRECT, Both(b"raw"), *raw)
    assert pa.array(value(both)).to_pylist() == [1, 2]
    assert [event.encoding for event in others] == ["raw"] * 7


def test_an_array_goes_before_a_stream() -> None:
    class Both:
        def __arrow_c_array__(self, requested_schema: object | None = None) -> object:
            return pa.array([1]).__arrow_c_array__()

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            raise AssertionError

    [event] = received(DIRECT, Both())
    assert pa.array(value(event)).to_pylist() == [1]


class Gives:
    """What it is given, by both methods of the interface or by one."""

    def __init__(self, method: str, result: object) -> None:
        self.__dict__[method] = lambda *_: result


def test_what_is_no_arrow_says_why() -> None:
    schema, taken = pa.array([1]).__arrow_c_array__()
    pa.Array._import_from_c_capsule(schema, taken)
    again = pa.array([1]).__arrow_c_array__()
    reader = pa.table({"a": [1]}).__arrow_c_stream__()
    pa.RecordBatchReader._import_from_c_capsule(reader)
    coded = pa.array(["a"]).dictionary_encode()
    inner = pa.DictionaryArray.from_arrays([0], ["a"])
    no_nulls = pa.schema([pa.field("a", pa.int64(), nullable=False)])

    def fails() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("the source is dry")

    wrong = [
        (Gives("__arrow_c_array__", 7), TypeError, "`__arrow_c_array__` gave no capsule named `arrow_array`"),
        (Gives("__arrow_c_array__", (again[1], again[0])), TypeError, "no capsule named `arrow_schema`"),
        (Gives("__arrow_c_array__", (again[0], 7)), TypeError, "no capsule named `arrow_array`"),
        (Gives("__arrow_c_array__", (schema, taken)), ValueError, "the Arrow capsule was used before"),
        (Gives("__arrow_c_stream__", 7), TypeError, "no capsule named `arrow_array_stream`"),
        (Gives("__arrow_c_stream__", reader), ValueError, "the Arrow capsule was used before"),
        (pa.DictionaryArray.from_arrays([0], inner), ValueError, "type `DictionaryArray` as Arrow: .*dictionary"),
        (pa.record_batch([coded] * 1025, [""] * 1025), ValueError, "it has more than 1024 dictionaries"),
        (pa.nulls((1 << 28) + 1), ValueError, "type `NullArray` as Arrow: .*more than 0 bytes can hold"),
        (pa.record_batch([[None]], schema=no_nulls), ValueError, "type `RecordBatch` as Arrow: .*null"),
        (
            pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), fails()),
            ValueError,
            "the source is dry",
        ),
        (pa.Array, TypeError, "__arrow_c_array__"),
    ]

    async def source(node: thalweg.Node) -> None:
        for sent, error, text in wrong:
            with pytest.raises(error, match=text):
                await node.send("out", sent)

    async def sink(node: thalweg.Node) -> None:
        assert [event async for event in node.events() if isinstance(event, thalweg.Input)] == []

    report = asyncio.run(run_flow(DIRECT, source=source, sink=sink))
    assert report.ok, report


def test_a_component_sends_arrow_to_python_without_a_copy() -> None:
    [event] = received(RAMP.replace("ROWS", "100000"), b"go")
    batch = pa.record_batch(event.value)
    assert batch.schema.names == ["index", "value"] and batch.schema.types == [pa.int64(), pa.float64()]
    assert batch["index"].equals(pa.array(range(100_000)))
    assert batch["value"].equals(pa.array(numpy.arange(100_000) / 2))
    for column in batch.columns:
        assert shared_bytes(column, event) == 800_000


def test_a_component_receives_arrow_from_python() -> None:
    sent = [
        pa.record_batch({"a": [1, None, 3]}),
        pa.array([0.5, None, None, 0.25]),
        pa.array(range(1_000_000))[1:],
    ]
    events = received(SUM, *sent)
    sums = [pa.array(value(event)) for event in events]
    assert sums == [pa.array([4]), pa.array([0.75]), pa.array([sum(range(1_000_000))])]
    assert [event.metadata for event in events] == [
        {"rows": 3, "nulls": 1},
        {"rows": 4, "nulls": 2},
        {"rows": 999_999, "nulls": 0},
    ]


def test_a_component_refuses_what_it_did_not_expect() -> None:
    async def main(sent: object) -> str:
        async def source(node: thalweg.Node) -> None:
            await node.send("out", sent)  # type: ignore[arg-type]

        async def sink(node: thalweg.Node) -> None:
            async for _ in node.events():
                pass

        report = await run_flow(SUM, source=source, sink=sink)
        return report.nodes["sum"].exit.text

    assert "not of the encoding `arrow`" in asyncio.run(main(b"raw"))
    assert "type Utf8, not Int64 or Float64" in asyncio.run(main(pa.array(["text"])))
