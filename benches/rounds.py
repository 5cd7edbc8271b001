"""What was measured: rows of one system in one case and round; and what is made of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from operator import mul, truediv

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


class Series:
    """A figure by round. Two are divided round by round: what else the machine did then is in both."""

    def __init__(self, values: dict[int, float]) -> None:
        self.values = values

    def __truediv__(self, other: Series | float) -> Series:
        return self._with(other, truediv)

    def __mul__(self, other: Series | float) -> Series:
        return self._with(other, mul)

    def __rtruediv__(self, number: float) -> Series:
        return Series({round: number / value for round, value in self.values.items()})

    def _with(self, other: Series | float, operation: Callable[[float, float], float]) -> Series:
        """Raises `KeyError` where no round has both."""
        theirs = other.values if isinstance(other, Series) else dict.fromkeys(self.values, other)
        both = {round: operation(value, theirs[round]) for round, value in self.values.items() if round in theirs}
        if not both:
            raise KeyError("no round has both")
        return Series(both)

    @property
    def median(self) -> float:
        return self.spread.median

    @property
    def spread(self) -> Spread:
        values = self.values.values()
        return Spread(statistics.median(values), min(values), max(values))


class Rounds:
    """All rows."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    @property
    def last(self) -> int:
        return max((row.round for row in self.rows), default=0)

    def cases(self, workload: str) -> list[tuple[str, str]]:
        """Case and system, as they were measured first."""
        return list(dict.fromkeys((row.case, row.system) for row in self.rows if row.workload == workload))

    def series(self, workload: str, case: str, system: str, figure: str) -> Series:
        """Raises `KeyError` where it was not measured."""
        wanted = (workload, case, system)
        rows = [row for row in self.rows if (row.workload, row.case, row.system) == wanted]
        if values := {row.round: row.figures[figure] for row in rows if figure in row.figures}:
            return Series(values)
        raise KeyError(f"{workload}, {case}, {system}: {figure}")

    def spread(self, workload: str, case: str, system: str, figure: str) -> Spread | None:
        try:
            return self.series(workload, case, system, figure).spread
        except KeyError:
            return None
