"""The commands and programs of README.md and docs/ do what is said there."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

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


def test_the_first_dataflow_of_the_readme_is_an_example() -> None:
    assert blocks(ROOT / "README.md", "yaml")[0] == (ROOT / "examples" / "load.yaml").read_text()
