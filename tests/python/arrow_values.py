"""Arrow arrays of every type, for the tests."""

import datetime
import decimal
import uuid

import pyarrow as pa


def primitives() -> list[pa.Array]:
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
    numbers = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
    return [
        *(pa.array([1, None, 3], type) for type in [*numbers, pa.float16(), pa.float32(), pa.float64()]),
        pa.array([1, 2, 3]),
        pa.array([True, None, False]),
        pa.nulls(3),
        pa.array([moment.date(), None], pa.date32()),
        pa.array([moment.date(), None], pa.date64()),
        pa.array([moment.time(), None], pa.time64("us")),
        pa.array([1, None], pa.time32("ms")),
        pa.array([moment, None], pa.timestamp("us")),
        pa.array([moment, None], pa.timestamp("ns", "Europe/Zurich")),
        pa.array([1, None], pa.duration("ms")),
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        pa.array([decimal.Decimal("1.5"), None], pa.decimal32(5, 2)),
        pa.array([decimal.Decimal("1.5"), None], pa.decimal64(9, 2)),
        pa.array([decimal.Decimal("1.5"), None], pa.decimal128(20, 2)),
        pa.array([decimal.Decimal("-1.5"), None], pa.decimal256(50, 2)),
    ]


def texts() -> list[pa.Array]:
    words = ["a", None, "", "ü" * 20, "thalweg"]
    blobs = [b"a", None, b"", b"\xff" * 20]
    return [
        *(pa.array(words, type) for type in [pa.string(), pa.large_string(), pa.string_view()]),
        *(pa.array(blobs, type) for type in [pa.binary(), pa.large_binary(), pa.binary_view()]),
        pa.array([b"abc", None, b"def"], pa.binary(3)),
    ]


def nested() -> list[pa.Array]:
    lists = [[1, 2], None, [], [None, 3]]
    list_types = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]
    pair = pa.struct([pa.field("x", pa.int64(), nullable=False), pa.field("y", pa.string())])
    pairs = [{"x": 1, "y": "a"}, {"x": 2, "y": None}, {"x": 3, "y": "c"}]
    codes = pa.array(["x", "y", None, "x"]).dictionary_encode()
    kinds = pa.array([0, 1, 0, 1], pa.int8())
    members = [pa.array([1, 2, 3, 4]), pa.array(["a", "b", "c", "d"])]
    return [
        *(pa.array(lists, make(pa.int32())) for make in list_types),
        pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int16(), 2)),
        pa.array(pairs, pair),
        pa.array([*pairs, None], pair),
        pa.array([[("a", 1)], None, [("b", None)]], pa.map_(pa.string(), pa.int32())),
        codes,
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 1], pa.uint8()), ["lo", "hi"], ordered=True),
        pa.ListArray.from_arrays([0, 1, 4], codes),
        pa.StructArray.from_arrays([codes, codes], ["one", "two"]),
        pa.UnionArray.from_sparse(kinds, members),
        pa.UnionArray.from_dense(kinds, pa.array([0, 0, 1, 1], pa.int32()), members),
        pa.RunEndEncodedArray.from_arrays([2, 5], pa.array(["x", None])),
        pa.array([uuid.UUID(int=7).bytes, None], pa.uuid()),
        pa.array([[[{"x": 1, "y": "deep"}]], [], None], pa.list_(pa.list_(pair))),
    ]


EVERY_TYPE: list[pa.Array] = [*primitives(), *texts(), *nested()]
