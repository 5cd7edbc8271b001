"""Starts a dataflow, follows what happens to its nodes, restarts one of them, stops, and prints the report.

    python examples/orchestrate.py
"""

import asyncio
from pathlib import Path

import thalweg

COMPONENTS = Path(__file__).parents[1] / "guests" / "target" / "components"

flow = thalweg.Dataflow.from_dict(
    {
        "nodes": [
            {
                "id": "load",
                "component": COMPONENTS / "system-load.wasm",
                "inputs": {"tick": {"timer": "100ms"}},
                "outputs": ["cpu", "memory"],
                "grants": {"read": {"/proc": "/proc"}},
            },
            {
                "id": "report",
                "component": COMPONENTS / "report-line.wasm",
                "inputs": {"cpu": "load/cpu", "memory": "load/memory"},
            },
        ]
    }
)


async def main() -> None:
    async with flow.start() as run:
        lines = 0
        async for event in run.events():
            print(told(event))
            if isinstance(event, thalweg.LogLine):
                lines += 1
                if lines == 5:
                    await run.restart("report")
                elif lines == 10:
                    run.stop()
    print_report(await run.wait())


def told(event: thalweg.RunEvent) -> str:
    match event:
        case thalweg.NodeStarted(node):
            return f"{node} has started"
        case thalweg.NodeRestarting(node, exit):
            return f"{node} is started again: {exit.text}"
        case thalweg.NodeRestarted(node, count):
            return f"{node} runs again (restarts: {count})"
        case thalweg.NodeSwapped(node, count):
            return f"{node} has a new component (swaps: {count})"
        case thalweg.NodeFinished(node, exit) | thalweg.NodeFailed(node, exit):
            return f"{node} has ended: {exit.text}"
        case thalweg.LogLine(node, text=text):
            return f"{node} prints: {text}"
        case thalweg.LinesDropped(count):
            return f"{count} lines came too fast"


def print_report(report: thalweg.RunReport) -> None:
    print(f"\n{'node':<10}{'end':<12}{'in':>6}{'out':>6}{'restarts':>10}")
    for node in report.nodes.values():
        counts = f"{node.events_in:>6}{node.events_out:>6}{node.restarts:>10}"
        print(f"{node.id:<10}{node.exit.name:<12}{counts}")
    print(f"\nevery node ended well: {report.ok}")


asyncio.run(main())
