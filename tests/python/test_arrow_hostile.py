"""Payloads that claim to be Arrow: a valid value or an error that says why, and never more than that."""

import asyncio
import random
import re
import struct
from collections.abc import Callable, Iterable

import flatbuffers
import numpy
import pyarrow as pa
import pytest
import thalweg
from arrow_values import EVERY_TYPE
from conftest import DIRECT, address, received, run_flow

LIES = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: claims, component: claims-arrow.wasm, inputs: { in: source/out }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: claims/out } }
"""

# Numbers of the format, for the schemas that are written by hand.
STRUCT, VERSION_5, SCHEMA_HEADER = 13, 4, 1

# Rules about what numbers mean: whoever breaks them gets odd values, but none that is not there.
MEANING = "fit in precision|whole number of days|acceptable range|non-monotonic offset"


def encoded(*batches: pa.RecordBatch, **options: object) -> bytes:
    """A stream as pyarrow writes it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write(batch)
    return bytes(sink.getvalue())


def messages(stream: bytes) -> list[bytes]:
    """The messages of a stream, which are a stream without its end when they are joined."""
    return [bytes(message.serialize()) for message in pa.ipc.MessageReader.open_stream(stream)]


def batch(*columns: pa.Array, **metadata: str) -> pa.RecordBatch:
    named = pa.record_batch(list(columns), [str(number) for number in range(len(columns))])
    return named.replace_schema_metadata(metadata)


def outcomes(payloads: Iterable[bytes]) -> list[pa.Array | str]:
    """What a node gets of each payload: the array, or the text of the `ValueError`."""
    seen: list[pa.Array | str] = []

    async def source(node: thalweg.Node) -> None:
        for payload in payloads:
            await node.send("out", payload)

    async def sink(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                try:
                    seen.append(pa.array(event.value))
                except ValueError as error:
                    seen.append(str(error))

    report = asyncio.run(run_flow(LIES, source=source, sink=sink))
    assert report.ok, report
    return seen


def patched(stream: bytes, old: tuple[int, ...], new: tuple[int, ...]) -> bytes:
    """With other numbers: of buffers (each an offset and a length) or of nodes (a length and nulls)."""
    before, after = (struct.pack(f"<{len(numbers)}q", *numbers) for numbers in (old, new))
    assert stream.count(before) == 1, old
    return stream.replace(before, after)


def schema(*, big_endian: bool = False, depth: int = 0, name: str = "") -> bytes:
    """A schema as no writer here makes it: of the other byte order, or with structs of structs of this
    depth, where both fields of each struct are at the same bytes."""
    builder = flatbuffers.Builder()

    def table(slots: int, *offsets: tuple[int, int]) -> None:
        builder.StartObject(slots)
        for slot, offset in offsets:
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)

    named = builder.CreateString(name)
    table(0)
    empty = builder.EndObject()
    builder.StartVector(4, 0, 4)
    fields = builder.EndVector()
    for _ in range(depth):
        table(7, (0, named), (3, empty), (5, fields))
        builder.PrependUint8Slot(2, STRUCT, 0)
        field = builder.EndObject()
        builder.StartVector(4, 2, 4)
        builder.PrependUOffsetTRelative(field)
        builder.PrependUOffsetTRelative(field)
        fields = builder.EndVector()
    table(4, (1, fields))
    builder.PrependInt16Slot(0, int(big_endian), 0)
    header = builder.EndObject()
    table(5, (2, header))
    builder.PrependInt16Slot(0, VERSION_5, 0)
    builder.PrependUint8Slot(1, SCHEMA_HEADER, 0)
    builder.Finish(builder.EndObject())
    message = bytes(builder.Output())
    message += bytes(-len(message) % 8)
    return struct.pack("<iI", -1, len(message)) + message


INTEGERS = encoded(batch(pa.array([1, None, 3])))
SCHEMA, BATCH = messages(INTEGERS)
END = INTEGERS[-8:]
FIRST = pa.array(["a"]).dictionary_encode()
GROWN = pa.DictionaryArray.from_arrays(pa.array([1], pa.int32()), ["a", "b"])
CODED, DICTIONARY, CODES, DELTA, _ = messages(encoded(batch(FIRST), batch(GROWN), emit_dictionary_deltas=True))
NULLS = encoded(batch(pa.nulls(1234)))
UNION = encoded(batch(pa.UnionArray.from_sparse(pa.array([0] * 77, pa.int8()), [pa.array([None] * 77, pa.int8())])))
TEXT = encoded(batch(pa.array(["thalweg"])))
TENSOR = pa.BufferOutputStream()
pa.ipc.write_tensor(pa.Tensor.from_numpy(numpy.zeros(2)), TENSOR)

WRONG = {
    "empty": (b"", "no record batch where"),
    "no batch": (SCHEMA + END, "no record batch where"),
    "no schema": (BATCH + END, "no schema where"),
    "no schema before a dictionary": (DICTIONARY + CODED + CODES, "no schema where"),
    "two schemas": (SCHEMA + SCHEMA + BATCH, "more than one schema"),
    "two batches": (SCHEMA + BATCH + BATCH, "more than one record batch"),
    "a tensor": (bytes(TENSOR.getvalue()), "neither schema, dictionary nor record batch"),
    "half a word": (INTEGERS[:2], "ends within a message"),
    "half a message": (INTEGERS[:20], "ends within a message"),
    "half a body": (SCHEMA + BATCH[:-1], "ends within a message"),
    "bytes after the end": (INTEGERS + b"x", "bytes after the end"),
    "big-endian": (schema(big_endian=True), "it is big-endian"),
    "a schema that unfolds": (schema(depth=15, name="x" * 8000), "malformed: .*[Aa]pparent size"),
    "compressed": (encoded(batch(pa.array(["x"] * 999)), compression="lz4"), "compressed; send them uncompressed"),
    "a delta": (CODED + DICTIONARY + DELTA + CODES, "sent as a delta"),
    "too many dictionaries": (CODED + DICTIONARY * 1025 + CODES, "more than 1024 dictionaries"),
    "a buffer outside": (patched(INTEGERS, (8, 24), (16, 24)), "lies outside"),
    "a negative offset": (patched(INTEGERS, (8, 24), (-8, 24)), "a length is negative"),
    "an offset that overflows": (patched(INTEGERS, (8, 24), (2**63 - 1, 2**63 - 1)), "lies outside"),
    "buffers that overlap": (patched(INTEGERS, (0, 1), (0, 32)), "overlap"),
    "a negative length": (patched(INTEGERS, (3, 1), (-3, 1)), "a length is negative"),
    "more nulls than values": (patched(INTEGERS, (3, 1), (3, 4)), "smaller than a number of nulls"),
    "nulls that are none": (patched(INTEGERS, (3, 1), (3, 2)), "null_count"),
    "more values than bytes": (patched(INTEGERS, (3, 1), (300, 1)), "Need at least|too small"),
    "rows without bytes": (patched(NULLS, (1234, 1234), (2**40, 2**40)), "more than 0 bytes can hold"),
    "a union that is too long": (patched(UNION, (77, 0, 77, 77), (777, 0, 77, 77)), "contradict each other"),
    "marked, but two columns": (
        encoded(batch(pa.nulls(1), pa.nulls(1), **{"thalweg:array": ""})),
        "marked `thalweg:array` but has 2 columns",
    ),
    "text that is none": (TEXT.replace(b"thalweg", b"thal\xff\xffg"), "(?i)utf-?8"),
    "zeros": (bytes(1000), "bytes after the end"),
    "text": (b"an ordinary text, which is longer than its first word says", "ends within a message"),
    "no flatbuffer": (struct.pack("<iI", -1, 64) + bytes(range(64)), "a message is malformed"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_arrow_value_says_why(case: str) -> None:
    payload, reason = WRONG[case]
    [outcome] = outcomes([payload])
    assert isinstance(outcome, str) and outcome.startswith("the message of input `in` is no valid Arrow value: ")
    assert re.search(reason, outcome)


def test_a_wrong_payload_can_still_be_looked_at() -> None:
    async def source(node: thalweg.Node) -> None:
        await node.send("out", b"not Arrow")

    async def sink(node: thalweg.Node) -> None:
        event = await node.next_event()
        assert isinstance(event, thalweg.Input) and event.encoding == "arrow"
        assert bytes(event.payload) == b"not Arrow" and event.text() == "not Arrow"
        for _ in range(2):
            with pytest.raises(ValueError, match="ends within a message"):
                event.value

    report = asyncio.run(run_flow(LIES, source=source, sink=sink))
    assert report.ok, report


def test_streams_of_others_are_read() -> None:
    """Without the mark of the end, with 8-byte alignment, and of the format before 2020."""
    expected = pa.array([1, None, 3])
    older = encoded(batch(expected), use_legacy_format=True)
    for outcome in outcomes([INTEGERS, SCHEMA + BATCH, older, messages_of_four_bytes(INTEGERS)]):
        assert isinstance(outcome, pa.StructArray), outcome
        assert outcome.field(0).equals(expected)


def messages_of_four_bytes(stream: bytes) -> bytes:
    """With a schema whose length is no multiple of 8: what follows is not aligned."""
    schema, rest = messages(stream)[0], stream[len(messages(stream)[0]) :]
    return struct.pack("<iI", -1, len(schema) - 8 + 4) + schema[8:] + bytes(4) + rest


def test_a_stream_at_an_odd_address_is_copied() -> None:
    sent = batch(pa.array(range(10_000)))
    [raw] = received(DIRECT, b"x" + encoded(sent))
    [event] = received(LIES, memoryview(raw.payload)[1:])
    assert address(event.payload) == address(raw.payload) + 1
    arrived = pa.record_batch(event.value)
    assert arrived.equals(sent) and arrived.columns[0].buffers()[1].address % 8 == 0


@pytest.mark.parametrize("sent", EVERY_TYPE, ids=lambda sent: str(sent.type))
def test_a_stream_cut_short_is_refused_or_whole(sent: pa.Array) -> None:
    stream = encoded(batch(sent))
    whole = batch(sent).to_struct_array()
    for outcome in outcomes(stream[:length] for length in range(len(stream))):
        assert isinstance(outcome, str) or outcome.equals(whole)


def flipped(chance: random.Random, stream: bytearray) -> None:
    stream[chance.randrange(len(stream))] ^= 1 << chance.randrange(8)


def overwritten(chance: random.Random, stream: bytearray) -> None:
    place = chance.randrange(len(stream))
    extremes = [0, 1, 0x7F, 0x80, 0xFF]
    stream[place : place + chance.choice([1, 2, 4, 8])] = bytes([chance.choice(extremes)]) * chance.choice([1, 4, 8])


def moved(chance: random.Random, stream: bytearray) -> None:
    """Eight bytes are where eight others were: numbers of another place."""
    source, target = (chance.randrange(0, len(stream) - 8, 4) for _ in range(2))
    stream[target : target + 8] = stream[source : source + 8]


CHANGES: list[Callable[[random.Random, bytearray], None]] = [flipped, overwritten, moved]


def changed(seed: int, streams: list[bytes]) -> bytes:
    chance = random.Random(seed)
    stream = bytearray(chance.choice(streams))
    for _ in range(chance.choice([1, 1, 2, 5])):
        chance.choice(CHANGES)(chance, stream)
    return bytes(stream)


def test_a_changed_stream_is_refused_or_valid() -> None:
    streams = [encoded(batch(array)) for array in EVERY_TYPE]
    seen = outcomes(changed(seed, streams) for seed in range(20_000))
    refused = sum(isinstance(outcome, str) for outcome in seen)
    assert 10_000 < refused < 19_500, refused
    for seed, outcome in enumerate(seen):
        if not isinstance(outcome, str):
            try:
                outcome.validate(full=True)
            except pa.ArrowInvalid as error:
                assert re.search(MEANING, str(error)), (seed, outcome.type, error)
