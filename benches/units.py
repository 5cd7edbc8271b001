"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rounds import Spread


def time(nanoseconds: float) -> str:
    return scaled(nanoseconds, (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)))


def rate(events: float) -> str:
    return scaled(events, (("M/s", 1e6), ("k/s", 1e3), ("/s", 1)))


def size(count: float) -> str:
    return scaled(count, (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10), ("B", 1)))


def bandwidth(count: float) -> str:
    return scaled(count, (("GB/s", 1e9), ("MB/s", 1e6), ("kB/s", 1e3), ("B/s", 1)))


def scaled(value: float, units: Iterable[tuple[str, float]]) -> str:
    """In the largest unit of which it is at least one; the last is the smallest."""
    for unit, size in units:
        if value >= size:
            break
    return f"{three(value / size)} {unit}"


def plain(count: float) -> str:
    return f"{count:g}"


def spread(of: Spread, unit: Callable[[float], str]) -> str:
    """The median, and the least and the most where they are another."""
    median, least, most = unit(of.median), unit(of.least), unit(of.most)
    return median if least == most else f"{median} ({least} – {most})"


def ratio(of: Spread) -> str:
    """The same of a factor; as goals are said, a small one is a fraction."""
    return f"{spread(of, factor)} ×"


def factor(value: float) -> str:
    return three(value) if value >= 0.5 else f"1/{three(1 / value)}"


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

LIMITS: dict[str, tuple[str, Callable[[float], str]]] = {
    "Rust: memcpy_65536": ("memcpy of 64 KiB", bandwidth),
    "Rust: memcpy_1048576": ("memcpy of 1 MiB", bandwidth),
    "Rust: memcpy_8388608": ("memcpy of 8 MiB", bandwidth),
    "Rust: memcpy_in_turns": ("memcpy of 8 MiB to 8 places in turns", bandwidth),
    "Rust: memcpy_paced_p50": ("two memcpys of 8 MiB, 25 times a second, p50", time),
    "Rust: memcpy_to_new": ("memcpy of 8 MiB to a new place", bandwidth),
    "Rust: futex_p50": ("a thread wakes another: futex, p50", time),
    "Rust: futex_p99": ("the same, p99", time),
    "Rust: eventfd_p50": ("a thread wakes another: eventfd, p50", time),
    "Rust: pipe_p50": ("a thread wakes another: pipe, p50", time),
    "Rust: tokio_p50": ("a tokio task wakes another by a channel, p50", time),
    "Rust: tokio_p99": ("the same, p99", time),
    "Rust: channel": ("a message through one tokio channel, saturated", time),
    "Rust: channels": ("a message and hop through nine, saturated", time),
    "Python: eventfd": ("a thread wakes a task of asyncio by eventfd, p50", time),
    "Python: pipe": ("a process wakes a task of asyncio by a pipe, p50", time),
    "Python: two_pipes": ("the same by way of a third process, p50", time),
}
"""What is read of the limits, by system and figure."""
