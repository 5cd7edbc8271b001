"""What waiting costs without this package, in nanoseconds: what the figures of the proofs are held against."""

import asyncio
import os
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

PERIOD = 0.002

NUMBER = struct.Struct("<q")

WRITER = f"""
import os, sys, time
pipe, count = int(sys.argv[1]), int(sys.argv[2])
for _ in range(count):
    time.sleep({PERIOD})
    os.write(pipe, time.time_ns().to_bytes(8, "little"))
"""

RELAY = """
import os, sys
read, write = int(sys.argv[1]), int(sys.argv[2])
while numbers := os.read(read, 4096):
    os.write(write, numbers)
"""


async def queue(count: int) -> float:
    """`Queue.get` of a queue that is never empty."""
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    for _ in range(count):
        queue.put_nowait(b"12345678")
    began = time.perf_counter_ns()
    for _ in range(count):
        await queue.get()
    return (time.perf_counter_ns() - began) / count


async def eventfd(count: int) -> float:
    """From a thread that writes an eventfd to the task that waits for it."""
    fd, sent = os.eventfd(0, os.EFD_NONBLOCK), deque[int]()

    def write() -> None:
        for _ in range(count):
            time.sleep(PERIOD)
            sent.append(time.time_ns())
            os.eventfd_write(fd, 1)

    thread = threading.Thread(target=write)
    thread.start()
    delay = await median_delay(fd, count, lambda: [sent.popleft() for _ in range(os.eventfd_read(fd))])
    thread.join()
    os.close(fd)
    return delay


async def pipe(count: int) -> float:
    """From another process that writes a pipe to the task that waits for it."""
    ours, theirs = os.pipe()
    with started(WRITER, [theirs], count):
        return await piped(ours, count)


async def two_pipes(count: int) -> float:
    """The same by way of a third process, which reads one pipe and writes another."""
    read, write = os.pipe()
    ours, theirs = os.pipe()
    with started(RELAY, [read, theirs]), started(WRITER, [write], count):
        return await piped(ours, count)


def started(code: str, pipes: list[int], *arguments: int) -> subprocess.Popen[bytes]:
    """A process that runs `code` and is the only one to have the pipes: it sees their end."""
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, [*pipes, *arguments])], pass_fds=pipes)
    for pipe in pipes:
        os.close(pipe)
    return process


async def piped(pipe: int, count: int) -> float:
    delay = await median_delay(pipe, count, lambda: [number for (number,) in NUMBER.iter_unpack(os.read(pipe, 4096))])
    os.close(pipe)
    return delay


async def median_delay(fd: int, count: int, read: Callable[[], list[int]]) -> float:
    """`read` gives when each was sent that has come since."""
    loop, delays, come = asyncio.get_running_loop(), list[int](), deque[int]()
    waiter = loop.create_future()

    def woken() -> None:
        come.extend(read())
        if not waiter.done():
            waiter.set_result(None)

    loop.add_reader(fd, woken)
    while len(delays) < count:
        await waiter
        waiter = loop.create_future()
        while come:
            delays.append(time.time_ns() - come.popleft())
    loop.remove_reader(fd)
    return statistics.median(delays)
