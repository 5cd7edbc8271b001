"""What was promised, and whether it was seen: each goal looks its figures up in the medians of one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import units
from rounds import Rounds

Median = Callable[[str, str, str, str], float]
Seen = tuple[str, bool | None]
"""What was seen, and whether that is enough; none where a goal asks for a figure alone."""
DORA, COMPONENTS = "dora-rs Rust → Rust", "component → component"


@dataclass
class Goal:
    figure: str
    goal: str
    seen: Callable[[Median], Seen]


def within(value: float, unit: Callable[[float], str], of: float, most: float) -> Seen:
    """`value` is at most so many times `of`."""
    return f"{units.three(value / of)} × ({unit(value)}, {unit(of)})", value <= most * of


def ahead(value: float, unit: Callable[[float], str], of: float, least: float) -> Seen:
    """`value` is at least so many times `of`."""
    return f"{units.three(value / of)} × ({unit(value)}, {unit(of)})", value >= least * of


def latency(case: str, quantile: str, most: float) -> Callable[[Median], Seen]:
    def seen(median: Median) -> Seen:
        ours, theirs = (median("latency", case, system, quantile) for system in (COMPONENTS, DORA))
        return within(ours, units.time, theirs, most)

    return seen


def chain(median: Median) -> Seen:
    ours, theirs = (median("chains", "N = 8, 64 B, paced", system, "p50") for system in ("components", "dora-rs Rust"))
    return within(ours, units.time, theirs, 1 / 50)


def throughput(median: Median) -> Seen:
    ours, default, pressed = (
        median("throughput", "8 B", system, "rate") for system in (COMPONENTS, DORA, f"{DORA}, `backpressure`")
    )
    lost = median("throughput", "8 B", COMPONENTS, "lost")
    text = f"{units.rate(ours)}, {lost:g} lost; {ours / default:.0f} × and {ours / pressed:.0f} ×"
    return text, ours >= 2e6 and lost == 0 and ours >= 60 * default and ours >= 20 * pressed


def large_chain(median: Median) -> Seen:
    passed = median("chains", "N = 8, 8 MiB, paced", "components", "p50")
    return within(passed, units.time, 2 * (8 << 20) / median("limits", "limits", "Rust", "memcpy_8388608") * 1e9, 1.3)


def large(median: Median) -> Seen:
    made = median("throughput", "8 MiB", f"{COMPONENTS}, read", "bytes")
    tuned = median("throughput", "8 MiB", f"{DORA}, pool of 1 GB", "bytes")
    copies = median("limits", "limits", "Rust", "memcpy_8388608") / 2
    text, met = ahead(made, units.bandwidth, copies, 0.7)
    return f"{text}; {made / tuned:.2f} × dora-rs with a pool of 1 GB", bool(met) and made > tuned


def fan(read: str, least: float) -> Callable[[Median], Seen]:
    def seen(median: Median) -> Seen:
        ours, theirs = (median("fans", "1 → 8", f"{system}, {read}", "rate") for system in ("components", "dora-rs Rust"))
        return ahead(ours, units.rate, theirs, least)

    return seen


def awaited(system: str, least: float) -> Callable[[Median], Seen]:
    def seen(median: Median) -> Seen:
        ours, theirs = (median("awaiting", "8 B, saturated", name, "rate") for name in (system, "dora-rs"))
        return ahead(ours, units.rate, theirs, least)

    return seen


def woken(median: Median) -> Seen:
    ours, theirs = (median("awaiting", "8 B, paced", name, "p50") for name in ("Thalweg, between processes", "dora-rs"))
    bare = median("limits", "limits", "Python", "pipe")
    text = f"{ours / theirs:.2f} × dora-rs, {ours / bare:.2f} × a bare pipe ({units.time(ours)}, {units.time(theirs)}, {units.time(bare)})"
    return text, ours <= theirs / 5 and ours <= 1.3 * bare


def started(median: Median) -> Seen:
    ours, theirs = (median("start", "10 nodes", name, "start") for name in ("components, cache warm", "dora-rs Rust"))
    return within(ours, units.time, theirs, 1 / 10)


def many(median: Median) -> Seen:
    time, memory = (median("start", "10,000 nodes", "components, cache warm", figure) for figure in ("within", "memory"))
    return f"{units.time(time)}, {units.size(memory)}", time <= 1e9 and memory <= 400 * 2**20


def growth(median: Median) -> Seen:
    few, most = (median("growth", f"pairs: {pairs}", "components", "cost") for pairs in (1, 5000))
    return within(most, units.time, few, 1.5)


def hop(median: Median) -> Seen:
    ours = 1e9 / median("chains", "N = 8, 8 B, saturated", "components", "rate") / 9
    text, _ = within(ours, units.time, median("limits", "limits", "Rust", "channels"), 0)
    return text, None


GOALS = [
    Goal("component → component, 8 B, paced, p50", "≤ 1/30 of dora-rs Rust → Rust", latency("8 B", "p50", 1 / 30)),
    Goal("the same, p99", "≤ 1/30", latency("8 B", "p99", 1 / 30)),
    Goal("chain of 8 components, 64 B, paced, p50", "≤ 1/50 of dora-rs", chain),
    Goal("saturated, 8 B, component → component", "≥ 2 M/s, none lost, ≥ 60 × dora-rs, ≥ 20 × `backpressure`", throughput),
    Goal("8 MiB through a chain of 8", "≤ 1.3 × two memcpys", large_chain),
    Goal("8 MiB, produced and read", "≥ 0.7 of memcpy for its two copies, > dora-rs with a pool", large),
    Goal("fan-out 1 → 8, 64 KiB, read", "≥ 5 × dora-rs", fan("read", 5)),
    Goal("the same, not read", "≥ 20 × dora-rs", fan("not read", 20)),
    Goal("`async for`, saturated, in one process", "≥ 50 × dora-rs `recv_async`", awaited("Thalweg, one process", 50)),
    Goal("the same, between processes", "≥ 25 ×", awaited("Thalweg, between processes", 25)),
    Goal("await, idle, between processes, p50", "≤ 1/5 of dora-rs, ≤ 1.3 × a bare pipe", woken),
    Goal("start of 10 nodes to the last first event, warm", "≤ 1/10 of dora-rs", started),
    Goal("10,000 components served", "≤ 1 s, ≤ 400 MiB", many),
    Goal("an event among 10,000 nodes, beside 2", "within 1.5 ×", growth),
    Goal("component hop beside a tokio channel hop, saturated", "the factor", hop),
]


VERDICTS = {True: "met", False: "not met", None: ""}


def table(rounds: Rounds) -> list[tuple[str, str, str, str]]:
    """Figure, goal, what was seen, and whether it was met; `–` where this run did not measure it."""
    rows = []
    for goal in GOALS:
        try:
            seen, met = goal.seen(rounds.median)
            rows.append((goal.figure, goal.goal, seen, VERDICTS[met]))
        except KeyError:
            rows.append((goal.figure, goal.goal, "–", "–"))
    return rows
