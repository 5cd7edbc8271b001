"""Workloads: each module has a `TITLE`, and `cases(quick)`."""

from __future__ import annotations

from dataclasses import dataclass

from systems import Measure

SIZES = {"8 B": 8, "4 KiB": 4 << 10, "64 KiB": 64 << 10, "1 MiB": 1 << 20, "8 MiB": 8 << 20}
RATES = {8: 500, 64: 500, 4 << 10: 500, 64 << 10: 500, 1 << 20: 100, 8 << 20: 25}
"""Paced messages a second, by size."""


@dataclass
class Case:
    """What is measured beside each other, in turns."""

    name: str
    measures: dict[str, Measure]


def sizes(quick: bool) -> dict[str, int]:
    return {name: size for name, size in SIZES.items() if not quick or name in ("8 B", "8 MiB")}


def paced(size: int, quick: bool) -> dict[str, int]:
    """How many messages at which rate: about three seconds, or one."""
    rate = RATES[size]
    return {"size": size, "rate": rate, "count": rate * (1 if quick else 3)}
