"""Thalweg beside dora-rs: `python benches [--only NAME,...] [--rounds N] [--quick] [--page]`. `make bench` starts it.

Every case is measured in each round, its systems one after the other, so that what else the machine does is in all
of them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import machine
import plots
import report
from rounds import Row, Rounds
from systems import ROOT
from workloads import Case

WORKLOADS = ["limits", "latency", "throughput", "chains", "awaiting", "start", "fans", "blocking", "mixed", "pictures", "growth"]


def main() -> None:
    options = asked()
    options.folder.mkdir(parents=True, exist_ok=True)
    names = options.only.split(",") if options.only else WORKLOADS
    workloads: dict[str, ModuleType] = {name: importlib.import_module(f"workloads.{name}") for name in names}
    described, rounds = machine.describe(), Rounds([])
    cases = {name: list(workload.cases(options.quick)) for name, workload in workloads.items()}
    for number in range(options.rounds):
        for name, of_workload in cases.items():
            for case in of_workload:
                rounds.rows += measured(name, case, number, options.without)
                report.write(options.folder, described, rounds, workloads)
    print(report.goal_table(rounds))
    if options.page:
        plots.draw(rounds, ROOT / "docs")
        report.put_into(ROOT / "docs/performance.md", report.text(described, rounds, workloads))
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


def measured(workload: str, case: Case, number: int, without: str | None) -> list[Row]:
    rows = []
    for system, measure in case.measures.items():
        if without and system.startswith(without):
            continue
        row = Row(workload, case.name, system, number, {})
        try:
            row.figures = measure()
        except Exception as error:  # a system that fails has no figure; the others have
            row.failure = f"{type(error).__name__}: {error}"
        rows.append(row)
        print(json.dumps(row.as_dict()), file=sys.stderr, flush=True)
    return rows


main()
