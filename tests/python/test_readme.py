"""The commands and programs of README.md and docs/ do what is said there."""

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import thalweg

ROOT = Path(__file__).parents[2]
COMMANDS = Path(sys.executable).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[tuple[str, list[str]]]:
    """Each command after `$ `, and the lines that are shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks(page, "console")).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip() not in ("", "..."):
            found[-1][1].append(line)
    return found


SHOWN = [pytest.param(*command, id=command[0]) for page in PAGES for command in commands(page)]


def shape(line: str) -> str:
    """A line without what changes from run to run: digits are one digit, and lengths do not count."""
    line = re.sub("[0-9]", "0", line.strip()).replace("▪", " ")
    line = re.sub("([0 ─])\\1*", "\\1", line)
    return line.replace("0.0", "0").replace(" ms", " s").rstrip()


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_commands_print_what_is_shown(command: str, shown: list[str], tmp_path: Path) -> None:
    program, *arguments = command.split()
    if program == "make":
        assert f"\n{arguments[0]}:" in (ROOT / "Makefile").read_text(), "there is no such target"
        return
    if program == "pip":
        assert arguments[:1] == ["install"] and (ROOT / arguments[-1]).exists()
        return
    assert program in ("thalweg", "python"), "it is not known here"
    line = [str(COMMANDS / program), *(argument.replace("/tmp", str(tmp_path)) for argument in arguments)]
    without_colour = {name: value for name, value in os.environ.items() if name != "CLICOLOR_FORCE"}
    ended = subprocess.run(
        line, cwd=ROOT, env={**without_colour, "COLUMNS": "100"}, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stderr
    printed = iter([shape(line) for line in (ended.stdout + ended.stderr).splitlines()])
    for line_shown in shown:
        # `in` goes on behind the line that it finds.
        assert shape(line_shown) in printed, f"{line_shown!r} is not printed:\n{ended.stdout}{ended.stderr}"


def test_dataflows_of_the_readme_are_examples() -> None:
    first, plot = blocks(ROOT / "README.md", "yaml")
    assert first == (ROOT / "examples" / "load.yaml").read_text()
    assert (ROOT / "examples" / "quickstart.yaml").read_text().endswith(plot)


CODE = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "python"))
    if "# dora-rs" not in code
]
"""Programs, scripts of nodes, and parts of either."""

PROGRAMS = [block for block in CODE if "flow.start()" in str(block.values[0]) and "\nimport" in str(block.values[0])]
SCRIPTS = [block for block in CODE if "thalweg.Node()" in str(block.values[0])]
ATTACHING = [block for block in CODE if 'thalweg.Node("watch")' in str(block.values[0])]

WITHIN = """\
import asyncio
import thalweg

async def part(node: thalweg.Node, flow: thalweg.Dataflow, run: thalweg.Run, event: thalweg.Event) -> None:
"""


def test_code_has_the_right_types(tmp_path: Path) -> None:
    for number, block in enumerate(CODE):
        code = str(block.values[0])
        whole = code if "import thalweg" in code else WITHIN + textwrap.indent(code, "    ")
        (tmp_path / f"block{number}.py").write_text(whole)
    config = Path(__file__).with_name("mypy.ini")
    cache = tmp_path / "cache"
    line = [COMMANDS / "mypy", "--strict", "--config-file", config, "--cache-dir", cache, tmp_path]
    checked = subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=100)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_run_their_dataflow_to_its_end(program: str) -> None:
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    *lines, last = ended.stdout.splitlines()
    assert last == "every node ended well: True"
    assert any("cpu" in line for line in lines)


LOAD = """
nodes:
  - id: load
    component: system-load.wasm
    inputs: { tick: { timer: 10ms } }
    outputs: [cpu, memory]
    parameters: { samples: SAMPLES }
    grants: { read: { /proc: /proc } }
  - id: watch
    inputs: { cpu: load/cpu, memory: load/memory, image: load/memory }
    outputs: [out, size]
"""


def load(code: str, samples: int = 0) -> thalweg.Dataflow:
    """The load of this machine, and a node `watch` that reads it; without `samples`, until it is stopped."""
    text = LOAD.replace("SAMPLES", str(samples)) + f"    {code}\n"
    return thalweg.Dataflow.from_text(text, ROOT / "guests" / "target" / "components")


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_nodes(script: str, tmp_path: Path) -> None:
    async def main() -> thalweg.RunReport:
        async with load(f"python: {tmp_path}/script.py", samples=5).start() as run:
            return await run.wait()

    (tmp_path / "script.py").write_text(script)
    report = asyncio.run(main())
    assert report.ok and report.nodes["watch"].events_in > 5, report


@pytest.mark.parametrize("script", ATTACHING)
def test_scripts_attach(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> thalweg.RunReport:
        async with load("attached: true").start() as run:
            attached = await asyncio.create_subprocess_exec(
                sys.executable, "-u", "-c", script, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            assert attached.stdout is not None
            await attached.stdout.readline()
            run.stop()
            stdout, stderr = await attached.communicate()
            assert (attached.returncode, stderr) == (0, b""), stderr
            assert stdout.decode().splitlines()[-1] == 'Stop(reason="requested")'
            return await run.wait()

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert asyncio.run(main()).nodes["watch"].exit.name == "stopped"


def test_cells_of_the_guide_run_in_a_loop_that_runs() -> None:
    async def main() -> list[object]:
        flow = load("embedded: true")
        flow.node("watch")(awaits_its_end)
        names = {"flow": flow}
        return [await in_cell(cell, names) for cell in cells]

    async def awaits_its_end(node: thalweg.Node) -> None:
        async for _ in node.events():
            pass

    guide = (ROOT / "docs" / "python.md").read_text()
    cells = re.findall("^```python\n(.*?)^```", guide.split("**In a notebook**")[1], re.MULTILINE | re.DOTALL)
    assert len(cells) == 3
    last = asyncio.run(main())[-1]
    assert isinstance(last, thalweg.NodeReport) and last.restarts == 1 and last.exit.ok, last


async def in_cell(code: str, names: dict[str, Any]) -> object:
    """What a notebook does with a cell: the value of its last line."""
    *lines, last = code.splitlines()
    for part, mode in [("\n".join(lines), "exec"), (last, "eval" if "=" not in last else "exec")]:
        value = eval(compile(part, "cell", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if inspect.iscoroutine(value):
            value = await value
    return value
