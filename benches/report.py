"""The report of a run as Markdown and JSON, and the block of `docs/performance.md` that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import goals
import units
from rounds import Row, Rounds, Spread

BEGIN, END = "<!-- made by `make bench`: begin -->", "<!-- made by `make bench`: end -->"


def write(folder: Path, machine: dict[str, str], rounds: Rounds, workloads: dict[str, ModuleType]) -> None:
    rows = [row.as_dict() for row in rounds.rows]
    (folder / "report.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1))
    (folder / "report.md").write_text(text(machine, rounds, workloads))


def text(machine: dict[str, str], rounds: Rounds, workloads: dict[str, ModuleType]) -> str:
    parts = [", ".join(f"{name} {value}" for name, value in machine.items()) + ".", goal_table(rounds)]
    for name, workload in workloads.items():
        if rounds.cases(name):
            parts.append(f"### {workload.TITLE}\n\n{table(rounds, name)}")
    failures = [f"- {row.workload}, {row.case}, {row.system}, round {row.round}: {row.failure}" for row in rounds.rows if row.failure]
    return "\n\n".join(parts + (["### Without a figure", "\n".join(failures)] if failures else [])) + "\n"


def goal_table(rounds: Rounds) -> str:
    lines = ["| figure | goal | seen | |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in goals.table(rounds)]
    return "\n".join(lines)


def table(rounds: Rounds, workload: str) -> str:
    """Medians, with the least and the most of the rounds."""
    if workload == "limits":
        return limits(rounds)
    cases = rounds.cases(workload)
    figures = {row_figure for row in rounds.rows if row.workload == workload for row_figure in row.figures}
    figures -= hidden(workload, set())
    columns = [name for name in units.COLUMNS if name in figures] or sorted(figures)
    headings = [units.COLUMNS[name][0] if name in units.COLUMNS else name for name in columns]
    lines = [f"| case | system | {' | '.join(headings)} |", f"| --- | --- |{' --- |' * len(columns)}"]
    for case, system in cases:
        spreads = {name: rounds.spread(workload, case, system, name) for name in columns}
        known = {name for name, spread in spreads.items() if spread}
        cells = [cell(None if name in hidden(workload, known) else spread, name) for name, spread in spreads.items()]
        lines.append(f"| {case} | {system} | {' | '.join(cells)} |")
    return "\n".join(lines)


def hidden(workload: str, figures: set[str]) -> set[str]:
    """What says nothing: the rate of one message, and of what is paced; a start where it is not what is measured."""
    if workload == "start":
        return {"rate", "bytes"}
    return {"start", "rate", "bytes"} if "p50" in figures else {"start"}


def limits(rounds: Rounds) -> str:
    """One a line: they have nothing in common but the machine."""
    lines = ["| what | seen |", "| --- | --- |"]
    for name, (text, unit) in units.LIMITS.items():
        system, _, figure = name.partition(": ")
        if spread := rounds.spread("limits", "limits", system, figure):
            lines.append(f"| {text} | {units.spread(spread, unit)} |")
    return "\n".join(lines)


def cell(spread: Spread | None, figure: str) -> str:
    if spread is None:
        return ""
    return units.spread(spread, units.COLUMNS[figure][1] if figure in units.COLUMNS else units.plain)


def figures(row: Row) -> str:
    """Those of one measurement that a table shows, for who watches."""
    told = row.figures.keys() - hidden(row.workload, set(row.figures))
    known = [f"{text} {unit(row.figures[name])}" for name, (text, unit) in units.COLUMNS.items() if name in told]
    return ", ".join(known) or f"{len(row.figures)} figures"


def put_into(page: Path, report: str) -> None:
    """Replaces what stands between the two marks."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{report}\n{END}{after}")
