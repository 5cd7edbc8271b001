"""How a measurement is made with either system: by the driver in Rust (`thalweg/`), or by a dataflow of
processes whose sinks write what they found. Each gives figures by name; times are in nanoseconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import memory
from orphans import none_left

ROOT = Path(__file__).resolve().parents[1]
DRIVER = Path(os.environ.get("BENCH_DRIVER", ROOT / "target/release/examples/bench"))
"""Another build than that for figures may be named: to see that it works."""
DORA_NODE = ROOT / "build/bench/dora/release/dora-bench"
SCRIPTS = ROOT / "benches/nodes"
BIN = Path(sys.executable).parent
LONGEST = 90
"""Seconds, far beyond what a measurement takes: one that hangs is a failure."""

Figures = dict[str, float]
Measure = Callable[[], Figures]


def driver(measurement: str, **settings: object) -> Measure:
    """One measurement of `benches/thalweg/`."""
    command = [str(DRIVER), measurement, *(f"{key}={value}" for key, value in settings.items())]

    def measure() -> Figures:
        with none_left():
            ran = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
        if ran.returncode:
            raise RuntimeError(f"{' '.join(command)}: {ran.stderr.strip()}")
        return flat(json.loads(ran.stdout))

    return measure


def flat(found: dict[str, Any], before: str = "") -> Figures:
    figures: Figures = {}
    for name, value in found.items():
        if isinstance(value, dict):
            figures |= flat(value, "" if name == "delay" else f"{before}{name}_")
        else:
            figures[before + name] = value
    return figures


@dataclass
class Node:
    """A node that is a process, and what its script is told. `reads` are outputs by input."""

    id: str
    role: str
    reads: dict[str, str] = field(default_factory=dict)
    queue: dict[str, object] = field(default_factory=dict)
    fields: dict[str, object] = field(default_factory=dict)


System = Callable[[list[Node], Path, dict[str, str]], list[str]]
"""Makes a dataflow of nodes in a folder, which are told this, and gives the command that runs it."""


def processes(start: System, nodes: list[Node], **told: object) -> Measure:
    """Runs a dataflow with what `start` makes of it: a command. All nodes are told the same."""

    def measure() -> Figures:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            command = start(nodes, folder, {key.upper(): str(value) for key, value in told.items()})
            began = time.time_ns()
            needed = watched(command, folder)
            sinks = [node for node in nodes if node.role == "sink"]
            found = [json.loads((folder / f"{node.id}.json").read_text()) for node in sinks]
            sent = int(str(told["count"])) * sum(len(node.reads) for node in sinks)
            return summed(found, sent, int(str(told["size"])), began) | needed

    return measure


def summed(found: list[dict[str, int]], sent: int, size: int, began: int) -> Figures:
    count = sum(sink["count"] for sink in found)
    if not count:
        raise RuntimeError(f"nothing came of {sent} messages")
    came = [sink for sink in found if sink["count"]]
    seconds = (max(sink["last"] for sink in came) - min(sink["first"] for sink in came)) / 1e9
    figures: Figures = {"lost": sent - count, "delivered": count, "seconds": seconds}
    figures |= {"rate": count / seconds, "bytes": count * size / seconds} if seconds > 0 else {}
    figures |= {name: came[0][name] for name in ("p50", "p99", "max") if came[0].get(name)}
    figures |= {"start": came[0]["served"] - began} if came[0]["served"] else {}
    return figures


def watched(command: list[str], folder: Path) -> Figures:
    """Runs it to its end; the memory that it and its children had when the first of them had told what it did."""
    variables = os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "DORA_ZENOH_MULTICAST": "off",
        "VIRTUAL_ENV": str(BIN.parent),
    }
    with (folder / "log").open("w") as log, none_left():
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        needed = memory.of_all(process, LONGEST, lambda: any(folder.glob("*.json")))
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(folder / 'log').read_text()[-2000:]}")
    return needed


def dora(nodes: list[Node], folder: Path, told: dict[str, str]) -> list[str]:
    """A node whose `fields` say no `path` is the one in Rust."""
    described = []
    for node in nodes:
        queue = {"queue_size": 1000} | node.queue
        described.append(
            {
                "id": node.id,
                "path": str(DORA_NODE),
                "env": told | {"ROLE": node.role, "FOUND": str(folder / f"{node.id}.json")},
                "inputs": {name: {"source": source} | queue for name, source in node.reads.items()},
                "outputs": ["out"],
            }
            | node.fields
        )
    # JSON is YAML.
    (folder / "dataflow.yml").write_text(json.dumps({"nodes": described}))
    return [str(BIN / "dora"), "run", "dataflow.yml"]


def dora_script() -> dict[str, object]:
    return {"path": str(SCRIPTS / "dora_node.py")}


def thalweg(nodes: list[Node], folder: Path, told: dict[str, str]) -> list[str]:
    """A node whose `fields` say no code is a script."""
    return [str(BIN / "thalweg"), "run", str(written(nodes, folder, told))]


def hosted(nodes: list[Node], folder: Path, told: dict[str, str]) -> list[str]:
    """The same by a program that takes what came: it is the sink itself, or is told by the component that is."""
    [sink] = [node for node in nodes if node.role == "sink"]
    role = "sink" if "embedded" in sink.fields else "found"
    told = told | {"ROLE": role, "FOUND": str(folder / f"{sink.id}.json")}
    settings = [f"{name}={value}" for name, value in told.items()]
    return ["env", *settings, sys.executable, str(SCRIPTS / "hosting.py"), str(written(nodes, folder, told))]


def written(nodes: list[Node], folder: Path, told: dict[str, str]) -> Path:
    described: list[dict[str, object]] = []
    for node in nodes:
        own: dict[str, object] = {"env": told | {"ROLE": node.role, "FOUND": str(folder / f"{node.id}.json")}}
        script = {"python": str(SCRIPTS / "thalweg_node.py")} | own | node.fields
        code = node.fields if node.fields.keys() & {"component", "embedded"} else script
        reads = {name: {"source": source} | node.queue for name, source in node.reads.items()}
        outputs: dict[str, object] = {"outputs": ["out"]} if node.role != "sink" else {}
        described.append({"id": node.id, "inputs": reads} | outputs | code)
    path = folder / "dataflow.yaml"
    path.write_text(json.dumps({"nodes": described}))
    return path


def one_process(nodes: list[Node], folder: Path, told: dict[str, str]) -> list[str]:
    """A source and a sink that are coroutines of one program."""
    [sink] = [node for node in nodes if node.role == "sink"]
    variables = told | {"FOUND": str(folder / f"{sink.id}.json"), "HOW": "awaiting"}
    settings = [f"{name}={value}" for name, value in variables.items()]
    return ["env", *settings, sys.executable, str(SCRIPTS / "embedded.py")]
