"""The examples run as they stand, and their pictures show something."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.colors
import matplotlib.image
import numpy
import pytest
import thalweg
from conftest import run_flow
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
COMMAND = Path(sys.executable).parent / "thalweg"

Pixels = NDArray[numpy.float64]


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)


def report_of(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The nodes of a run with `--report json`, by their names."""
    assert ended.returncode == 0, ended.stderr
    nodes = {node["id"]: node for node in json.loads(ended.stdout)["nodes"]}
    assert all(node["exit"]["ok"] for node in nodes.values()), nodes
    return nodes


def picture(path: Path) -> Pixels:
    """Rows of red, green and blue, from 0 to 1."""
    return numpy.asarray(matplotlib.image.imread(path), dtype=float)[:, :, :3]


def share(pixels: Pixels, colour: str) -> float:
    """How much of the picture has the colour, or nearly so."""
    wanted = numpy.array(matplotlib.colors.to_rgb(colour))
    return float((numpy.abs(pixels - wanted).max(axis=2) < 0.1).mean())


def test_the_quick_start_draws_what_its_plot_saw(tmp_path: Path) -> None:
    ended = run(tmp_path, COMMAND, "run", EXAMPLES / "quickstart.yaml", "--report", "json")
    nodes = report_of(ended)
    sent = sum(output["sent"] for id in ("load", "anomaly") for output in nodes[id]["outputs"])
    received = sum(input["delivered"] for input in nodes["plot"]["inputs"])
    assert received == sent >= 2 * 79
    assert "plot    | what it saw is in build/quickstart.png" in ended.stderr
    drawn = picture(tmp_path / "build" / "quickstart.png")
    assert drawn.shape == (600, 960, 3)
    assert share(drawn, "white") > 0.5
    for curve in ("#1f5fa8", "#e8871e"):
        assert share(drawn, curve) > 0.001, curve


def test_a_plot_that_saw_nothing_is_empty_but_there(tmp_path: Path) -> None:
    inputs = ", ".join(f"{id}: silent/{id}" for id in ("cpu", "memory", "smooth", "alert"))
    flow = f"""
    nodes:
      - {{ id: silent, python: silent.py, outputs: [cpu, memory, smooth, alert] }}
      - {{ id: plot, python: {EXAMPLES}/plot.py, args: [empty.png], inputs: {{ {inputs} }} }}
    """
    (tmp_path / "silent.py").write_text("import thalweg\nthalweg.Node()\n")
    (tmp_path / "flow.yaml").write_text(flow)
    report_of(run(tmp_path, COMMAND, "run", "flow.yaml", "--report", "json"))
    drawn = picture(tmp_path / "empty.png")
    assert drawn.shape == (600, 960, 3) and share(drawn, "#e8871e") < 0.001


ANOMALY = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: anomaly, component: anomaly.wasm, inputs: { heat: source/out }, outputs: [smooth, alert] }
  - { id: sink, embedded: true, inputs: { smooth: anomaly/smooth, alert: anomaly/alert } }
"""


def test_what_is_usual_is_told_once_enough_is_known() -> None:
    async def source(node: thalweg.Node) -> None:
        for value in [20] * 10 + [90]:
            await node.send("out", str(value), unit="degrees")

    async def sink(node: thalweg.Node) -> None:
        seen.extend([event async for event in node.events() if isinstance(event, thalweg.Input)])

    seen: list[thalweg.Input] = []
    report = asyncio.run(run_flow(ANOMALY, source=source, sink=sink))
    assert report.ok, report
    *early, tenth, alert, last = [event.metadata for event in seen]
    assert early == [{"unit": "degrees", "input": "heat"}] * 9
    assert tenth == {"unit": "degrees", "input": "heat", "low": 18.5, "high": 21.5}
    assert alert == {"of": "heat", "value": 90.0} and float(last["high"]) > 90


def test_edges_of_real_pictures_come_on_a_contact_sheet(tmp_path: Path) -> None:
    ended = run(tmp_path, COMMAND, "run", EXAMPLES / "images" / "images.yaml", "--report", "json")
    nodes = report_of(ended)
    assert [nodes[id]["events_out"] for id in ("pictures", "edges")] == [4, 4]
    assert "4 pictures and their edges are in build/edges.png" in ended.stderr
    drawn = picture(tmp_path / "build" / "edges.png")
    height, width, _ = drawn.shape
    assert 500 < height < 700 and 1300 < width < 1600, drawn.shape
    above, below = drawn[: height // 2], drawn[height // 2 :]
    assert colourfulness(above) > 0.1 and above.std() > 0.2
    assert colourfulness(below) < 0.001 and 0.05 < below.std() < 0.3


def colourfulness(pixels: Pixels) -> float:
    return float((pixels.max(axis=2) - pixels.min(axis=2)).mean())


EDGES = """
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: edges, component: edges.wasm, inputs: { in: source/out }, outputs: [edges], parameters: { widest: 8 } }
  - { id: sink, embedded: true, inputs: { in: edges/edges } }
"""


def edges_of(pixels: NDArray[numpy.uint8], **metadata: int) -> tuple[thalweg.RunReport, list[thalweg.Input]]:
    async def source(node: thalweg.Node) -> None:
        await node.send("out", pixels.data, **metadata)

    async def sink(node: thalweg.Node) -> None:
        seen.extend([event async for event in node.events() if isinstance(event, thalweg.Input)])

    seen: list[thalweg.Input] = []
    report = asyncio.run(run_flow(EDGES, source=source, sink=sink))
    return report, seen


def test_an_edge_is_where_the_brightness_changes() -> None:
    halves = numpy.zeros((4, 8, 3), dtype=numpy.uint8)
    halves[:, 4:] = 100
    report, [event] = edges_of(halves, width=8, height=4)
    assert report.ok and event.metadata == {"width": 8, "height": 4}
    rows = numpy.frombuffer(memoryview(event.payload), dtype=numpy.uint8).reshape(4, 8)
    assert (rows == [0, 0, 0, 100, 100, 0, 0, 0]).all(), rows


def test_a_picture_that_is_too_wide_is_scaled_down() -> None:
    report, [event] = edges_of(numpy.zeros((10, 32, 3), dtype=numpy.uint8), width=32, height=10)
    assert report.ok and event.metadata == {"width": 8, "height": 2} and len(event.payload) == 16


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"width": 8}, "the picture has no `height`"),
        ({"width": 8, "height": 5}, "96 bytes are too few for a picture of 8 × 5"),
        ({"width": -8, "height": 5}, "expected"),
    ],
)
def test_what_is_no_picture_is_told(metadata: dict[str, int], problem: str) -> None:
    report, seen = edges_of(numpy.zeros((4, 8, 3), dtype=numpy.uint8), **metadata)
    assert seen == [] and problem in report.nodes["edges"].exit.text, report


def test_the_orchestration_restarts_a_node_and_prints_the_report() -> None:
    ended = run(ROOT, sys.executable, "-W", "error", EXAMPLES / "orchestrate.py")
    assert ended.returncode == 0 and ended.stderr == "", ended.stderr
    events, table = ended.stdout.split("\nnode ")
    lines = events.splitlines()
    assert sorted(lines[:2]) == ["load has started", "report has started"]
    assert lines.count("report runs again (restarts: 1)") == 1
    assert "report has ended: stopped" in lines and "load has ended: stopped" in lines
    columns = [row.split() for row in table.splitlines()[1:3]]
    assert [(id, end, restarts) for id, end, _, _, restarts in columns] == [
        ("load", "stopped", "0"),
        ("report", "stopped", "1"),
    ]
    assert table.endswith("every node ended well: True\n")
