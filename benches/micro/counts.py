"""Counts the instructions for one event of each micro-bench, and compares them with those that were accepted.

    make counts            fails where one needs more
    make counts ACCEPT=1   accepts what they need now: accepted.toml

callgrind counts what one run executes, on all threads together, whatever else the machine does meanwhile. What
differs between machines is kept out where that is possible: the C library copies by the same instructions everywhere,
and callgrind stands for the processor. The figures of Python nodes are those of one version of Python.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent
ACCEPTED = FOLDER / "accepted.toml"

BOUND = 0.02
"""How much more than accepted is a failure: ten times what runs of the same code differ by."""

AGAIN = 2
"""How often all is counted again where one is too high: two threads that come to meet otherwise only add to a figure."""

LONGEST = 600
"""Seconds; it takes one minute."""

# Without these the C library takes its plain copy; with them, one that fits the machine.
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2:glibc.cpu.x86_non_temporal_threshold=0x300000"

MARKS = ["--dump-before=getppid", "--dump-before=__getppid"]
"""Two names of one function; which one callgrind knows it by depends on how much of the symbols is installed."""

Figures = dict[str, float]


class Accepted(NamedTuple):
    tools: dict[str, str]
    instructions: Figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--driver", type=Path, required=True, help="the micro-benches of the host")
    parser.add_argument("--package", type=Path, required=True, help="where the Python package is")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("counting needs valgrind: apt-get install valgrind")
    if arguments.accept:
        counted = count(arguments.driver, arguments.package)
        ACCEPTED.write_text(as_toml(Accepted(tools(), counted)))
        return print(f"accepted: {len(counted)} figures, in {ACCEPTED}")
    accepted = read()
    counted = least(lambda: count(arguments.driver, arguments.package), accepted, tools())
    table, problems = compare(counted, accepted, tools())
    print(table)
    if problems:
        sys.exit("\n".join([*problems, "where that is as it should be: make counts ACCEPT=1, and commit accepted.toml"]))


def least(count: Callable[[], Figures], accepted: Accepted, tools: Mapping[str, str]) -> Figures:
    """Counts, and counts again where something is wrong: of each figure the least."""
    counted = count()
    for _ in range(AGAIN):
        if not compare(counted, accepted, tools)[1]:
            break
        again = count()
        counted = {name: min(figure, again.get(name, figure)) for name, figure in counted.items()}
    return counted


def count(driver: Path, package: Path) -> Figures:
    """Runs both at the same time, for each keeps one core busy."""
    scripts = {"PYTHONPATH": str(package), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        nodes = [sys.executable, str(FOLDER / "nodes.py")]
        with Run([str(driver), "count"], {}, Path(folder, "host")) as host, Run(nodes, scripts, Path(folder, "python")) as python:
            return host.figures() | python.figures()


class Run:
    """One program under callgrind, which prints `name<tab>events` for all that it does between two marks."""

    def __init__(self, command: list[str], variables: Mapping[str, str], parts: Path) -> None:
        self.parts, self.command = parts, " ".join(command)
        options = ["--tool=callgrind", *MARKS, "--combine-dumps=yes", f"--callgrind-out-file={parts}"]
        # Nothing else of the environment: it shifts the stack, and may change what is run.
        environment = {"PATH": os.defpath, "GLIBC_TUNABLES": TUNABLES, **variables}
        self.process = subprocess.Popen(
            ["valgrind", "--quiet", *options, *command], env=environment, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def figures(self) -> Figures:
        try:
            printed, _ = self.process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            sys.exit(f"{self.command} did not end within {LONGEST} s")
        if self.process.returncode != 0:
            sys.exit(f"{self.command} ended with {self.process.returncode}")
        # What was before a first mark, between it and the second, before the next first one, and so on.
        totals = [int(total) for total in re.findall(r"^totals: (\d+)$", self.parts.read_text(), re.MULTILINE)]
        between, names = totals[1::2], [line.split("\t") for line in printed.splitlines()]
        if len(between) != len(names):
            sys.exit(f"callgrind saw {len(between)} pairs of marks, where {len(names)} were set")
        return {name: total / int(events) for total, (name, events) in zip(between, names)}


def tools() -> dict[str, str]:
    """What the figures are of, beside our own code and what Cargo.lock and rust-toolchain.toml name."""
    version = subprocess.run(["valgrind", "--version"], check=True, capture_output=True, text=True).stdout
    return {
        "machine": platform.machine(),
        "libc": platform.libc_ver()[1],
        "python": platform.python_version(),
        "valgrind": version.strip().removeprefix("valgrind-"),
    }


def read() -> Accepted:
    accepted = tomllib.loads(ACCEPTED.read_text())
    return Accepted(accepted["tools"], accepted["instructions"])


def as_toml(accepted: Accepted) -> str:
    lines = ["# Instructions for one event, as `make counts ACCEPT=1` counted them, and what they were counted with."]
    lines += ["", "[tools]", *(f'{name} = "{version}"' for name, version in accepted.tools.items())]
    lines += ["", "[instructions]", *(f'"{name}" = {figure:.1f}' for name, figure in accepted.instructions.items())]
    return "\n".join(lines) + "\n"


def compare(counted: Figures, accepted: Accepted, tools: Mapping[str, str]) -> tuple[str, list[str]]:
    """A table of all figures, and what is wrong with them."""
    rows, problems = [f"{'instructions for an event':32} {'accepted':>12} {'now':>12}"], []
    for name in sorted({*counted, *accepted.instructions}):
        now, before = counted.get(name), accepted.instructions.get(name)
        if now is None or before is None:
            problems.append(f"`{name}` is " + ("measured no more" if now is None else "new: it has no accepted figure"))
            continue
        more = now / before - 1
        verdict = judged(name, more, accepted.tools, tools)
        rows.append(f"{name:32} {before:12,.1f} {now:12,.1f} {more:+8.2%}  {verdict or ''}".rstrip())
        if verdict == WORSE:
            problems.append(f"`{name}` needs {now:,.1f} instructions for an event, {more:.1%} more than accepted")
    others = [f"{tool} {tools[tool]}, not {version}" for tool, version in accepted.tools.items() if tools[tool] != version]
    if problems and others:
        problems.append(f"they were accepted with other tools, which may be why: here is {'; '.join(others)}")
    return "\n".join(rows), problems


WORSE = "worse"


def judged(name: str, more: float, accepted_with: Mapping[str, str], tools: Mapping[str, str]) -> str | None:
    for tool in ("machine", "python") if name.startswith("python/") else ("machine",):
        if accepted_with[tool] != tools[tool]:
            return f"not compared: accepted with {tool} {accepted_with[tool]}"
    if more > BOUND:
        return WORSE
    return "better: accept it" if more < -BOUND else None


if __name__ == "__main__":
    main()
