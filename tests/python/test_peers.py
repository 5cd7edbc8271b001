"""What readers see of the failure of a script, and how scripts without asyncio see failures and restarts."""

import asyncio
import os

import pytest
import thalweg
from scripts import Folder

SCRIPT_FIRST = """
nodes:
  - { id: node, python: node.py, outputs: [out] }
  - { id: reader, embedded: true, inputs: { in: node/out } }
"""

SCRIPT_LAST = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: node, python: node.py, inputs: { in: source/out } }
"""


@pytest.mark.parametrize("ends", [
    ("raise ValueError('no light')", "failed"),
    ("raise SystemExit(3)", "exited"),
    ("os._exit(4)", "exited"),
    ("os.kill(os.getpid(), 9)", "signaled"),
])
def test_readers_see_how_a_script_failed_before_they_see_it_close(folder: Folder, ends: tuple[str, str]) -> None:
    how, reason = ends
    folder.write("node.py", f"""\
        import os, thalweg
        node = thalweg.Node()
        node.send_blocking("out", "last words")
        {how}
        """)
    seen: list[thalweg.Event] = []

    async def reader(node: thalweg.Node) -> None:
        seen.extend([event async for event in node.events("in")])

    ended = folder.run(SCRIPT_FIRST, reader=reader)
    message, failed, closed = seen
    assert isinstance(message, thalweg.Input) and isinstance(closed, thalweg.InputClosed)
    assert isinstance(failed, thalweg.InputFailed) and failed.id == "in" and not failed.restarts
    assert failed.reason == reason == ended.exit().name


def test_a_script_that_failed_closes_its_outputs_once_its_process_has_ended(folder: Folder) -> None:
    os.mkfifo(folder.path / "go")
    folder.write("node.py", f"""\
        import thalweg
        try:
            with thalweg.Node() as node:
                node.send_blocking("out", "last words")
                raise ValueError("no light")
        finally:
            open({str(folder.path / "go")!r}).read()
        """)
    seen: list[str] = []

    async def reader(node: thalweg.Node) -> None:
        async for event in node.events("in"):
            seen.append(type(event).__name__)
            if isinstance(event, thalweg.Input):
                (folder.path / "go").write_text("go")

    folder.run(SCRIPT_FIRST, reader=reader)
    assert seen == ["Input", "InputFailed", "InputClosed"]


def test_a_script_without_asyncio_sees_failures_and_restarts(folder: Folder) -> None:
    folder.write("node.py", """\
        import thalweg
        with thalweg.Node() as node:
            for event in node:
                match event:
                    case thalweg.Input(id):
                        print(id, event.text(), flush=True)
                    case thalweg.InputRestarted(id, count):
                        print(id, "restarted", count)
                    case thalweg.InputFailed(id, reason, restarts):
                        print(id, "failed", reason, restarts)
        """)

    async def main() -> list[str]:
        sent = asyncio.Event()

        async def source(node: thalweg.Node) -> None:
            if sent.is_set():
                await node.send("out", "second")
                raise ValueError("no light")
            await node.send("out", "first")
            sent.set()
            await asyncio.Event().wait()

        lines: list[str] = []
        async with folder.flow(SCRIPT_LAST, source=source).start() as run:
            async for event in run.events():
                if isinstance(event, thalweg.LogLine):
                    lines.append(event.text)
                    if len(lines) == 1:
                        await run.restart("source")
        return lines

    failed = "in failed failed False"
    assert asyncio.run(main()) == ["in first", "in restarted 1", "in second", failed]
