"""What was measured: rows of one system in one case and round; and what is made of them."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass

from systems import Figures


@dataclass
class Row:
    """Figures, or why there are none."""

    workload: str
    case: str
    system: str
    round: int
    figures: Figures
    failure: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass
class Spread:
    median: float
    least: float
    most: float
    rounds: int


class Rounds:
    """All rows."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def cases(self, workload: str) -> list[tuple[str, str]]:
        """Case and system, as they were measured first."""
        return list(dict.fromkeys((row.case, row.system) for row in self.rows if row.workload == workload))

    def spread(self, workload: str, case: str, system: str, figure: str) -> Spread | None:
        wanted = (workload, case, system)
        rows = [row.figures for row in self.rows if (row.workload, row.case, row.system) == wanted]
        values = [figures[figure] for figures in rows if figure in figures]
        if not values:
            return None
        return Spread(statistics.median(values), min(values), max(values), len(values))

    def median(self, workload: str, case: str, system: str, figure: str) -> float:
        """Raises `KeyError` where it was not measured."""
        spread = self.spread(workload, case, system, figure)
        if spread is None:
            raise KeyError(f"{workload}, {case}, {system}: {figure}")
        return spread.median
