"""Thalweg beside dora-rs: `python benches [--only NAME,...] [--rounds N] [--quick] [--page]`. `make bench` starts it.

Every case is measured in each round, its systems one after the other, so that what else the machine does is in all
of them. The report is written anew after each case: a run that is interrupted leaves what it had.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from types import ModuleType

import machine
import orphans
import plots
import report
from rounds import Row, Rounds
from systems import ROOT, Measure
from workloads import Case

WORKLOADS = ["limits", "latency", "throughput", "chains", "awaiting", "start", "fans", "blocking", "mixed", "pictures", "growth", "awake"]


def main() -> None:
    options = asked()
    options.folder.mkdir(parents=True, exist_ok=True)
    orphans.adopt()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = options.only.split(",") if options.only else WORKLOADS
    workloads = {name: importlib.import_module(f"workloads.{name}") for name in names}
    described, rounds = machine.describe(), Rounds([])
    try:
        for rows in measured(workloads, options):
            rounds.rows += rows
            described["round"] = f"{rounds.last + 1} of {options.rounds}"
            report.write(options.folder, described, rounds, workloads)
    except KeyboardInterrupt:
        sys.exit(f"interrupted: what it had is in {options.folder}/report.md")
    print(report.goal_table(rounds))
    if options.page:
        shown = plots.draw(rounds, ROOT / "docs")
        report.put_into(ROOT / "docs/performance.md", f"{shown}\n\n{report.text(described, rounds, workloads)}")
    if failed := [row for row in rounds.rows if row.failure]:
        sys.exit(f"{len(failed)} of {len(rounds.rows)} measurements failed: see {options.folder}/report.md")


def asked() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="benches", description=__doc__)
    options.add_argument("--only", help="workloads: " + ", ".join(WORKLOADS))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--quick", action="store_true", help="fewer sizes and messages")
    options.add_argument("--without", help="systems whose names begin so")
    options.add_argument("--folder", type=Path, default=ROOT / "build/bench")
    options.add_argument("--page", action="store_true", help="write the report into docs/performance.md, and its plots")
    return options.parse_args()


def measured(workloads: dict[str, ModuleType], options: argparse.Namespace) -> Iterator[list[Row]]:
    """The rows of one case after the other, round by round; tells what it does meanwhile."""
    cases = [(name, case) for name, workload in workloads.items() for case in workload.cases(options.quick)]
    began = monotonic()
    for round in range(options.rounds):
        for number, (name, case) in enumerate(cases):
            minutes = (monotonic() - began) / 60
            print(f"round {round + 1} of {options.rounds}, case {number + 1} of {len(cases)}, {minutes:.1f} min: {name}, {case.name}", file=sys.stderr)
            yield list(measured_once(name, case, round, options.without))


def measured_once(workload: str, case: Case, round: int, without: str | None) -> Iterator[Row]:
    for system, measure in case.measures.items():
        if without and system.startswith(without):
            continue
        began = monotonic()
        row = row_of(measure, Row(workload, case.name, system, round, {}))
        print(f"    {system}: {row.failure or report.figures(row)} ({monotonic() - began:.1f} s)", file=sys.stderr, flush=True)
        yield row


def row_of(measure: Measure, row: Row) -> Row:
    try:
        row.figures = measure()
    except Exception as error:  # a system that fails has no figure; the others have
        row.failure = f"{type(error).__name__}: {error}"
    return row


main()
