"""Reads Arrow batches in place: where their bytes are, and what taking them costs this process."""

import asyncio
import json
import os
import time
from pathlib import Path

import numpy
import pyarrow as pa
import thalweg


def addresses(buffer: object) -> tuple[int, int]:
    """Where the bytes of a buffer begin and end."""
    view = numpy.frombuffer(memoryview(buffer), dtype=numpy.uint8)  # type: ignore[arg-type]
    return view.ctypes.data, view.ctypes.data + view.nbytes


def is_shared(begin: int, end: int) -> bool:
    """Whether all of it is in one mapping of the memory that the host and this process share."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        low, high = (int(number, 16) for number in line.split(maxsplit=1)[0].split("-"))
        if low <= begin and end <= high:
            return "/memfd:thalweg" in line and line.split()[1] == "r--s"
    return False


def check(batch: pa.RecordBatch, event: thalweg.Input) -> int:
    """That the columns are parts of the payload, and that it is shared. Gives the bytes of the columns."""
    begin, end = addresses(event.payload)
    assert is_shared(begin, end), "the payload is in no shared memory"
    columns = [column.buffers()[1] for column in batch.columns]
    for column in columns:
        assert begin <= column.address and column.address + column.size <= end, "a column was copied"
    return sum(column.size for column in columns)


async def main() -> None:
    count, checked, rows = 0, 0, int(os.environ["ROWS"])
    checking = 0.0
    async with thalweg.Node() as node:
        began, cpu = 0.0, time.process_time()
        async for event in node.events("in"):
            began = began or time.perf_counter()
            if not isinstance(event, thalweg.Input):
                continue
            batch = pa.record_batch(event.value)
            assert batch.num_rows == rows and batch["index"][-1].as_py() == rows - 1
            if count % 10 == 0:
                before = time.process_time()
                checked += check(batch, event)
                checking += time.process_time() - before
            count += 1
        spent = {"cpu": time.process_time() - cpu - checking, "seconds": time.perf_counter() - began}
        await node.send("found", json.dumps({"count": count, "checked": checked, **spent}))


asyncio.run(main())
