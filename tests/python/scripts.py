"""A folder with scripts, and dataflows that run them."""

import asyncio
import os
import select
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import thalweg
from thalweg import LogLine
from thalweg._run import NodeFunction

COMMAND = Path(sys.executable).parent / "thalweg"

ONE = "nodes:\n  - { id: node, python: node.py }\n"


@dataclass(frozen=True)
class Ended:
    """What is left of a dataflow."""

    report: thalweg.RunReport
    lines: list[LogLine]

    def lines_of(self, node: str) -> list[str]:
        return [line.text for line in self.lines if line.node == node]

    def exit(self, node: str = "node") -> thalweg.Exit:
        return self.report.nodes[node].exit

    def assert_ok(self) -> None:
        ends = {id: node.exit.text for id, node in self.report.nodes.items()}
        assert self.report.ok, (ends, self.lines)


async def see_to_end(run: thalweg.Run) -> Ended:
    lines = [event async for event in run.events() if isinstance(event, LogLine)]
    return Ended(await run.wait(), lines)


class Folder:
    """A folder with scripts, in which `guests` are the components of the tests."""

    def __init__(self, path: Path, guests: Path) -> None:
        self.path = path
        (path / "guests").symlink_to(guests)

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.write_text(textwrap.dedent(text))
        return path

    def flow(self, text: str, **nodes: NodeFunction) -> thalweg.Dataflow:
        """A dataflow; `nodes` are its embedded ones."""
        flow = thalweg.Dataflow.from_text(text, self.path)
        for id, function in nodes.items():
            flow.node(id)(function)
        return flow

    def run(self, text: str, **nodes: NodeFunction) -> Ended:
        """Runs a dataflow to its end."""

        async def main() -> Ended:
            return await see_to_end(await self.flow(text, **nodes).start())

        return asyncio.run(main())

    def run_script(self, script: str) -> Ended:
        """Runs a dataflow of one node, with this script."""
        self.write("node.py", script)
        return self.run(ONE)

    def start_command(self, text: str) -> "subprocess.Popen[str]":
        """`thalweg run` with this descriptor."""
        self.write("flow.yaml", text)
        command = [str(COMMAND), "run", "--report", "none", "flow.yaml"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.path, stdout=pipe, stderr=pipe, text=True)

    def start_script(self, script: str, *arguments: str) -> "subprocess.Popen[str]":
        """A process that no dataflow has started. What it writes to both streams comes on one."""
        path = self.write("outside.py", script)
        command = [sys.executable, "-u", str(path), *arguments]
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        return subprocess.Popen(command, cwd=self.path, stdin=pipe, stdout=pipe, stderr=both, text=True)

    def fifo(self, name: str = "fifo") -> Callable[[], str]:
        """A pipe in the folder. Gives what reads it until nobody has it open for writing any more."""
        os.mkfifo(self.path / name)
        reader = os.open(self.path / name, os.O_RDONLY | os.O_NONBLOCK)

        def read_to_end() -> str:
            opened = select.poll()
            opened.register(reader, select.POLLIN)
            opened.poll()
            os.set_blocking(reader, True)
            with open(reader) as pipe:
                return pipe.read()

        return read_to_end


def assert_balanced(report: thalweg.RunReport) -> None:
    """Whatever was sent was delivered, dropped or discarded."""
    sent = {f"{node.id}/{output.id}": output.sent for node in report.nodes.values() for output in node.outputs}
    for node in report.nodes.values():
        for books in node.inputs:
            assert books.received == books.delivered + books.dropped + books.discarded, books
            assert books.received == sent.get(books.source, books.received), (books, sent)
