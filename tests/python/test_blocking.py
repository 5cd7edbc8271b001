"""How a process waits for its node without an event loop."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
import thalweg
from scripts import Folder

IDLE = "nodes:\n  - { id: node, python: node.py, inputs: { tick: { timer: 1h } } }\n"

FULL = """
nodes:
  - { id: node, python: node.py, inputs: { tick: { timer: 1h } }, outputs: [out] }
  - { id: full, embedded: true, inputs: { in: { source: node/out, queue: 1 } } }
"""


def test_blocking_leaves_the_interpreter_to_other_threads(folder: Folder) -> None:
    folder.write("node.py", """\
        import threading, thalweg
        counted, ended = 0, threading.Event()
        def count():
            global counted
            while not ended.is_set():
                counted += 1
        counting = threading.Thread(target=count)
        node = thalweg.Node()
        counting.start()
        before = []
        for event in node:
            before.append(counted)
            if len(before) == 3:
                break
        ended.set()
        counting.join()
        assert before[2] - before[1] > 1000, before
        """)
    folder.run(IDLE.replace("1h", "50ms")).assert_ok()


WAITS = [
    "for event in node: pass",
    "asyncio.run(wait())",
    "while True: node.send_blocking('out', 'x')",
]

@pytest.mark.parametrize("waits", WAITS)
def test_an_interrupt_is_served_at_once(folder: Folder, waits: str) -> None:
    folder.write("node.py", f"""\
        import asyncio, os, thalweg, time
        node = thalweg.Node()
        async def wait():
            await node.next_event()
        print(os.getpid())
        try:
            {waits}
        except KeyboardInterrupt:
            print(time.monotonic())
        """)

    async def main() -> None:
        interrupted = asyncio.Event()

        async def full(node: thalweg.Node) -> None:
            await interrupted.wait()

        run = await folder.flow(FULL, full=full).start()
        lines = (event.text async for event in run.events() if isinstance(event, thalweg.LogLine))
        process = int(await anext(lines))
        await sleeps(process)
        began = time.monotonic()
        os.kill(process, signal.SIGINT)
        assert float(await anext(lines)) - began < 0.5
        interrupted.set()
        assert (await run.wait()).ok

    asyncio.run(main())


async def sleeps(process: int) -> None:
    """Returns when the first thread of the process waits in the kernel. Nothing tells when but its state."""
    while Path(f"/proc/{process}/stat").read_text().split()[2] != "S":
        await asyncio.sleep(0.001)


def test_blocking_in_a_running_loop_is_refused(folder: Folder) -> None:
    folder.write("node.py", """\
        import asyncio, thalweg
        node = thalweg.Node()
        async def main():
            for use in (lambda: next(iter(node)), lambda: node.send_blocking("out", "x")):
                try:
                    use()
                except RuntimeError as error:
                    print(error)
        asyncio.run(main())
        """)
    ended = folder.run(IDLE)
    ended.assert_ok()
    assert ended.lines_of("node") == ["this would block the running event loop: `async for event in node.events()`"] * 2


def test_blocking_sends_wait_for_room(folder: Folder) -> None:
    folder.write("node.py", """\
        import thalweg
        node = thalweg.Node()
        for number in range(2000):
            node.send_blocking("out", str(number), number=number)
        """)
    seen: list[tuple[str, object]] = []

    async def full(node: thalweg.Node) -> None:
        async for event in node.events("in"):
            if isinstance(event, thalweg.Input):
                seen.append((event.text(), event.metadata["number"]))

    folder.run(FULL, full=full).assert_ok()
    assert seen == [(str(number), number) for number in range(2000)]


def test_one_thread_may_receive_while_another_sends_and_closes(folder: Folder) -> None:
    folder.write("node.py", """\
        import sys, threading, thalweg
        sys.setswitchinterval(1e-6)
        node = thalweg.Node()
        def send():
            for number in range(5000):
                node.send_blocking("out", str(number))
            node.close()
        sending = threading.Thread(target=send)
        sending.start()
        try:
            for event in node:
                assert isinstance(event, thalweg.Tick), event
        except thalweg.NodeClosed as error:
            print(error)
        sending.join()
        """)
    texts: list[str] = []

    async def full(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                texts.append(event.text())

    ended = folder.run(FULL.replace("1h", "1ms"), full=full)
    ended.assert_ok()
    assert texts == [str(number) for number in range(5000)] and ended.lines_of("node") == ["the node is closed"]
