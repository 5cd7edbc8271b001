"""Messages that a process sends one behind the other are written together, and none waits for what the process does next."""

import asyncio
import sys

import pytest
import thalweg
from scripts import Folder, assert_balanced

COUNT = 200
"""Fewer than wait in an inbox: no send waits for room, which would write what is held."""

FLOW = """
nodes:
  - { id: node, python: node.py, outputs: [out] }
  - { id: told, embedded: true, inputs: { in: node/out } }
"""

BURST = f"""
import asyncio, os, sys, thalweg
COUNT, FOLDER = {COUNT}, os.path.dirname(__file__)
node = thalweg.Node({{}})
def message(number):
    return number.to_bytes({{}}, "little")
def burst(send):
    for number in range(COUNT):
        while send("out", message(number)) is False:
            pass  # The host has to read first.
def compute(bursts=1):
    while not os.path.exists(os.path.join(FOLDER, f"seen {{{{bursts}}}}")):
        pass
"""

SENDS = {
    "tries": """
burst(node.try_send)
compute()
""",
    "blocks": """
burst(node.send_blocking)
compute()
""",
    "awaits": """
async def main():
    for number in range(COUNT):
        await node.send("out", message(number))
    compute()
asyncio.run(main())
""",
}

ENDS = {
    "ends": ("", "finished"),
    "closes": ("node.close()", "finished"),
    "fails": ("raise ValueError('no more')", "failed"),
    "exits": ("sys.exit(3)", "exited"),
    "is forgotten": ("del node", "finished"),
}


def numbers_of(folder: Folder, script: str) -> tuple[thalweg.RunReport, list[int]]:
    """What a node sends. A file tells it of each burst that has come."""
    folder.write("node.py", script)
    numbers: list[int] = []

    async def told(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                numbers.append(int.from_bytes(event.value, "little"))
            if len(numbers) % COUNT == 0:
                (folder.path / f"seen {len(numbers) // COUNT}").touch()

    ended = folder.run(FLOW, told=told)
    assert_balanced(ended.report)
    return ended.report, numbers


@pytest.mark.parametrize("size", [8, 30_000])
@pytest.mark.parametrize("sends", SENDS)
def test_a_burst_arrives_while_its_node_computes(folder: Folder, sends: str, size: int) -> None:
    report, numbers = numbers_of(folder, BURST.format("", size) + SENDS[sends])
    assert report.ok and numbers == list(range(COUNT))


def test_one_burst_after_the_other_arrives(folder: Folder) -> None:
    script = "for bursts in range(1, 21):\n    burst(node.send_blocking)\n    compute(bursts)\n"
    report, numbers = numbers_of(folder, BURST.format("", 8) + script)
    assert report.ok and numbers == 20 * list(range(COUNT))


def test_a_burst_arrives_from_a_process_that_can_open_nothing_more(folder: Folder) -> None:
    script = """
import resource
next = os.dup(0)
os.close(next)
resource.setrlimit(resource.RLIMIT_NOFILE, (next, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
"""
    report, numbers = numbers_of(folder, BURST.format("", 8) + script + SENDS["tries"])
    assert report.ok and numbers == list(range(COUNT))


@pytest.mark.parametrize("end", ENDS)
def test_a_burst_arrives_before_the_end_of_its_process(folder: Folder, end: str) -> None:
    line, name = ENDS[end]
    report, numbers = numbers_of(folder, f"{BURST.format('', 8)}\nburst(node.try_send)\n{line}\n")
    assert report.nodes["node"].exit.name == name and numbers == list(range(COUNT))


def test_a_burst_is_written_by_the_process_before_a_fork_alone(folder: Folder) -> None:
    script = """
burst(node.try_send)
if os.fork() == 0:
    node.close()
    sys.exit()
burst(node.send_blocking)
os.wait()
"""
    report, numbers = numbers_of(folder, BURST.format("", 8) + script)
    assert report.ok and numbers == 2 * list(range(COUNT))


def test_a_burst_arrives_from_a_process_that_attached_and_goes_without_a_word(folder: Folder) -> None:
    script = folder.write("outside.py", BURST.format('"node"', 8) + "burst(node.try_send)\n")

    async def main() -> list[int]:
        come: asyncio.Queue[int] = asyncio.Queue()

        async def told(node: thalweg.Node) -> None:
            async for event in node.events():
                if isinstance(event, thalweg.Input):
                    come.put_nowait(int.from_bytes(event.value, "little"))

        async with folder.flow(FLOW.replace("python: node.py", "attached: true"), told=told).start() as run:
            process = await asyncio.create_subprocess_exec(sys.executable, str(script))
            assert await process.wait() == 0
            numbers = [await come.get() for _ in range(COUNT)]
            run.stop()  # The node is left to the next process.
            assert_balanced(await run.wait())
        return numbers

    assert asyncio.run(main()) == list(range(COUNT))
