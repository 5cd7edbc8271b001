"""Processes that attach to a node of a dataflow that runs."""

import asyncio
import os
import re
import socket
import stat
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import thalweg
from scripts import Folder, assert_balanced
from thalweg import _native

FLOW = """
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 1000 } }
  - { id: supervisor, attached: true, inputs: { in: counts/out }, outputs: [out] }
  - { id: told, embedded: true, inputs: { in: supervisor/out } }
"""
"""The source waits in its sends: more are to come than wait in an inbox."""

NUMBERS = """
import asyncio, os, sys, thalweg
def number(event):
    return int.from_bytes(event.value, "little")
"""


async def take_all(node: thalweg.Node) -> None:
    async for _ in node.events():
        pass


@asynccontextmanager
async def running(folder: Folder) -> AsyncIterator[thalweg.Run]:
    async with folder.flow(FLOW, told=take_all).start() as run:
        try:
            yield run
        finally:
            run.kill()


async def start(folder: Folder, script: str) -> Process:
    """A process that the dataflow did not start. What it writes to both streams comes on one."""
    path = folder.path / "outside.py"
    path.write_text(NUMBERS + script)
    return await asyncio.create_subprocess_exec(sys.executable, "-u", str(path), stdin=PIPE, stdout=PIPE, stderr=STDOUT)


async def line(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().rstrip("\n")


async def output(process: Process) -> str:
    """What it writes to the end, when it is given no more input."""
    printed, _ = await process.communicate(b"")
    return printed.decode()


async def printed(folder: Folder, script: str) -> str:
    return await output(await start(folder, script))


TAKES_ALL = {
    "a script": """
with thalweg.Node("supervisor") as node:
    numbers = [number(event) for event in node if isinstance(event, thalweg.Input)]
""",
    "a coroutine": """
async def main():
    async with thalweg.Node("supervisor") as node:
        return [number(event) async for event in node.events() if isinstance(event, thalweg.Input)]
numbers = asyncio.run(main())
""",
}


@pytest.mark.parametrize("kind", TAKES_ALL)
def test_a_process_attaches_to_a_dataflow_of_the_command(folder: Folder, kind: str) -> None:
    flow = FLOW.replace("embedded: true", "python: told.py") + "  - { id: logs, component: guests/logs.wasm }\n"
    folder.write("told.py", "import thalweg\nprint(len(list(thalweg.Node())))\n")

    async def main() -> None:
        with folder.start_command(flow) as host:
            assert host.stdout is not None
            assert "a line on stdout" in host.stdout.readline()
            shown = await printed(folder, TAKES_ALL[kind] + "print(numbers == list(range(1000)))")
            assert shown == "True\n"
            assert "told   | 2\n" in host.stdout.read().replace("told       ", "told   ")
        assert host.returncode == 0

    asyncio.run(main())


@pytest.mark.parametrize("kind", TAKES_ALL)
def test_a_process_attaches_to_a_dataflow_of_a_script(folder: Folder, kind: str) -> None:
    async def main() -> None:
        async with running(folder) as run:
            shown = await printed(folder, TAKES_ALL[kind] + "print(numbers == list(range(1000)))")
            report = await run.wait()
        assert shown == "True\n"
        assert report.ok and report.nodes["supervisor"].exit.name == "finished"
        assert_balanced(report)

    asyncio.run(main())


def test_the_second_process_is_refused_with_the_first_one_named(folder: Folder) -> None:
    async def main() -> None:
        async with running(folder):
            first = await start(folder, "node = thalweg.Node('supervisor')\nprint(node.id)\nsys.stdin.read()\n")
            assert await line(first) == "supervisor"
            shown = await printed(folder, "thalweg.Node('supervisor')")
            assert "thalweg.AttachError: no running dataflow has a node `supervisor` to attach to" in shown
            assert f"process {first.pid} is attached to node `supervisor` already" in shown
            await output(first)

    asyncio.run(main())


def test_what_is_not_there_is_told(folder: Folder, runtime_folder: Path) -> None:
    place = runtime_folder / "thalweg"

    async def main() -> None:
        with pytest.raises(thalweg.AttachError) as error:
            thalweg.Node("supervisor")
        expected = f"no running dataflow has a node `supervisor` to attach to; looked in {place}: nothing listens there"
        assert str(error.value) == expected
        async with running(folder):
            shown = await printed(folder, "thalweg.Node('camera')")
            assert "it has no node `camera` with `attached: true`; it has `supervisor`" in shown, shown
            shown = await printed(folder, "thalweg.Node('told')")
            assert "it has no node `told` with `attached: true`; it has `supervisor`" in shown, shown
            shown = await printed(folder, "thalweg.Node('supervisor', dataflow='other')")
            assert "no running dataflow `other` has a node `supervisor`" in shown, shown
            shown = await printed(folder, "thalweg.Node('supervisor', dataflow='/no/such.sock')")
            assert "such.sock: no dataflow answers: No such file or directory" in shown, shown

    asyncio.run(main())


def test_one_of_several_dataflows_is_chosen_by_its_name_or_its_socket(folder: Folder, runtime_folder: Path) -> None:
    async def main() -> None:
        runs = []
        for name in ("first", "second"):
            flow = thalweg.Dataflow.from_file(folder.write(f"{name}.yaml", FLOW))
            flow.node("told")(take_all)
            runs.append(await flow.start())
        sockets = sorted((runtime_folder / "thalweg").iterdir())
        assert [path.name.split(".")[0] for path in sockets] == ["first", "second"]
        shown = await printed(folder, "thalweg.Node('supervisor')")
        names = ", ".join(path.name for path in sockets)
        assert f"AttachError: several dataflows have a node `supervisor` ({names}): say which by `dataflow=`" in shown
        chosen = "with thalweg.Node('supervisor', dataflow={!r}) as node:\n    print(len(list(node)))"
        assert await printed(folder, chosen.format("second")) == "1002\n"
        assert (await runs[1].wait()).ok
        assert await printed(folder, chosen.format(str(sockets[0]))) == "1002\n"
        assert (await runs[0].wait()).ok

    asyncio.run(main())


def test_a_killed_process_leaves_the_node_and_its_events_to_the_next(folder: Folder) -> None:
    async def main() -> None:
        async with running(folder) as run:
            first = await start(folder, """
node = thalweg.Node("supervisor")
numbers = [number(event) for event, _ in zip(node, range(10))]
assert numbers == list(range(10))
print("taken")
sys.stdin.read()
""")
            assert await line(first) == "taken"
            first.kill()
            await first.wait()
            shown = await printed(folder, TAKES_ALL["a script"] + "print(*numbers)")
            numbers = [int(number) for number in shown.split()]
            assert numbers == list(range(numbers[0], 1000))
            assert 10 <= numbers[0] <= 64, "only what was on its way is gone"
            report = await run.wait()
        assert report.nodes["supervisor"].exit.name == "finished"
        assert_balanced(report)

    asyncio.run(main())


def test_a_process_that_goes_without_a_word_leaves_the_node_to_the_next(folder: Folder) -> None:
    async def main() -> None:
        async with running(folder) as run:
            assert await printed(folder, "node = thalweg.Node('supervisor')\nprint(next(iter(node)).id)") == "in\n"
            shown = await printed(folder, TAKES_ALL["a script"] + "print(numbers[-1])")
            assert shown == "999\n"
            report = await run.wait()
        assert report.ok and report.nodes["supervisor"].exit.name == "finished"

    asyncio.run(main())


def test_closing_the_node_ends_it(folder: Folder) -> None:
    async def main() -> None:
        async with running(folder) as run:
            attached = await start(folder, """
node = thalweg.Node("supervisor")
for event, _ in zip(node, range(10)):
    node.send_blocking("out", event.value)
node.close()
print("closed")
sys.stdin.read()
try:
    thalweg.Node("supervisor")
except thalweg.AttachError as error:
    print(error)
""")
            assert await line(attached) == "closed"
            report = await run.wait()
            assert await output(attached) != ""
        assert report.ok, report
        books = report.nodes["supervisor"].inputs[0]
        assert report.nodes["supervisor"].exit.name == "finished" and books.discarded > 0
        assert report.nodes["told"].events_in == 12
        assert_balanced(report)

    asyncio.run(main())


def test_an_exception_ends_the_node_as_failed(folder: Folder) -> None:
    async def main() -> thalweg.Exit:
        async with running(folder) as run:
            await printed(folder, "with thalweg.Node('supervisor') as node:\n    raise ValueError('no such lamp')\n")
            return (await run.wait()).nodes["supervisor"].exit

    exit = asyncio.run(main())
    assert exit.name == "failed" and exit.text.endswith("ValueError: no such lamp") and "outside.py" in exit.text


def test_a_node_to_which_nobody_attaches_is_named_so(folder: Folder) -> None:
    async def main() -> None:
        flow = folder.flow("nodes:\n  - { id: supervisor, attached: true, inputs: { tick: { timer: 1h } } }\n")
        async with flow.start() as run:
            run.stop()
            report = await run.wait()
        exit = report.nodes["supervisor"].exit
        assert (exit.name, exit.ok) == ("unattached", True)
        assert_balanced(report)

    asyncio.run(main())


def test_a_socket_on_which_nobody_listens_is_passed_over(folder: Folder, runtime_folder: Path) -> None:
    async def main() -> None:
        async with running(folder) as run:
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(str(runtime_folder / "thalweg" / "aaa.1.0.sock"))
            with pytest.raises(thalweg.AttachError, match="aaa.1.0.sock: no dataflow answers: Connection refused"):
                thalweg.Node("nobody")
            assert await printed(folder, TAKES_ALL["a script"] + "print(len(numbers))") == "1000\n"
            assert (await run.wait()).ok
        async with running(folder):
            names = [path.name for path in (runtime_folder / "thalweg").iterdir()]
            assert len(names) == 1 and re.fullmatch(rf"dataflow\.{os.getpid()}\.\d+\.sock", names[0]), names
        assert list((runtime_folder / "thalweg").iterdir()) == []

    asyncio.run(main())


def test_no_other_user_reaches_the_socket(folder: Folder, runtime_folder: Path) -> None:
    async def main() -> None:
        place = runtime_folder / "thalweg"
        async with running(folder):
            [path] = place.iterdir()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(place.stat().st_mode) == 0o700
        place.chmod(0o750)
        with pytest.raises(thalweg.StartError) as error:
            await folder.flow(FLOW, told=take_all).start()
        assert str(error.value).startswith(f"node `supervisor`: `{place}` is not a folder of this user alone (mode 700)")

    asyncio.run(main())


def test_a_runtime_folder_that_cannot_be_used_is_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(place: str) -> str:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        with pytest.raises(thalweg.StartError) as error:
            await folder.flow(FLOW, told=take_all).start()
        return str(error.value)

    missing = asyncio.run(refused("/no/such/folder"))
    assert missing == "node `supervisor`: cannot listen for processes in `/no/such/folder/thalweg`: No such file or directory (os error 2)"
    long = folder.path / ("x" * 100)
    long.mkdir()
    assert f"cannot listen for processes in `{long}/thalweg`: path must be shorter" in asyncio.run(refused(str(long)))


def test_an_attached_process_outlives_its_dataflow(folder: Folder) -> None:
    async def main() -> None:
        async with running(folder) as run:
            attached = await start(folder, """
node = thalweg.Node("supervisor")
print("attached")
sys.stdin.readline()
try:
    for event in node:
        pass
except thalweg.NodeClosed as error:
    print(error)
try:
    node.send_blocking("out", "x")
except thalweg.NodeClosed as error:
    print("closed")
""")
            assert await line(attached) == "attached"
            run.kill()
            await run.wait()
        shown, _ = await attached.communicate(b"\n")
        assert shown.decode() == "the dataflow has ended the node, or has ended itself\nclosed\n"
        assert attached.returncode == 0

    asyncio.run(main())


def test_a_process_that_does_not_get_ready_leaves_the_node_to_others(folder: Folder) -> None:
    script = """
while True:
    try:
        print(thalweg.Node("supervisor").id)
        break
    except thalweg.AttachError:
        pass
"""

    async def main() -> None:
        async with running(folder):
            [path] = (Path(os.environ["XDG_RUNTIME_DIR"]) / "thalweg").iterdir()
            silent = await asyncio.to_thread(_native.LinkPorts.attach, path, "supervisor")
            assert silent.id() == "supervisor"
            assert await asyncio.wait_for(printed(folder, script), 30) == "supervisor\n"
            with pytest.raises(thalweg.NodeClosed):
                silent.pump()

    asyncio.run(main())
