"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Callable


def time(nanoseconds: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{three(nanoseconds / size)} {unit}"
    return f"{three(nanoseconds)} ns"


def rate(events: float) -> str:
    return f"{events / 1e6:.2f} M/s" if events >= 1e6 else f"{three(events / 1e3)} k/s" if events >= 1e3 else f"{three(events)} /s"


def size(count: float) -> str:
    for unit, least in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= least:
            return f"{three(count / least)} {unit}"
    return f"{count:.0f} B"


def bandwidth(count: float) -> str:
    return f"{count / 1e9:.2f} GB/s"


def plain(count: float) -> str:
    return f"{count:g}"


def three(value: float) -> str:
    """With three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "p50": ("p50", time),
    "p99": ("p99", time),
    "rate": ("events/s", rate),
    "bytes": ("bandwidth", bandwidth),
    "start": ("to the last first event", time),
    "cost": ("for an event", time),
    "memory": ("memory", size),
    "per_node": ("for a node", size),
    "lost": ("lost", plain),
}
"""What tables show, where it was measured."""
