"""What was promised, and whether it was seen: each goal looks its figures up in what one run measured. A ratio is the
median of those of the rounds, with the least and the most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import units
from rounds import Rounds, Series

Look = Callable[[str, str, str, str], Series]
Unit = Callable[[float], str]
Seen = tuple[str, bool | None]
"""What was seen, and whether that is enough; none where a goal asks for a figure alone."""
DORA, COMPONENTS = "dora-rs Rust → Rust", "component → component"


@dataclass
class Goal:
    figure: str
    goal: str
    seen: Callable[[Look], Seen]


def times(ours: Series, theirs: Series, unit: Unit) -> str:
    """The ratio, and what it is of."""
    return f"{units.ratio((ours / theirs).spread)} ({unit(ours.median)}, {unit(theirs.median)})"


def within(ours: Series, unit: Unit, theirs: Series, most: float) -> Seen:
    """`ours` is at most so many times `theirs`."""
    return times(ours, theirs, unit), (ours / theirs).median <= most


def ahead(ours: Series, unit: Unit, theirs: Series, least: float) -> Seen:
    """`ours` is at least so many times `theirs`."""
    return times(ours, theirs, unit), (ours / theirs).median >= least


def latency(workload: str, case: str, quantile: str, most: float) -> Callable[[Look], Seen]:
    def seen(look: Look) -> Seen:
        ours, theirs = (look(workload, case, system, quantile) for system in (COMPONENTS, DORA))
        return within(ours, units.time, theirs, most)

    return seen


def beside_channel(look: Look) -> Seen:
    """Held against a task of tokio that wakes another at the same pace: no sandbox, and nothing but the way."""
    pairs = ((look("latency", "8 B", COMPONENTS, name), look("limits", "limits", "Rust", f"tokio_{name}")) for name in ("p50", "p99"))
    return "; ".join(times(ours, bare, units.time) for ours, bare in pairs), None


def chain(look: Look) -> Seen:
    ours, theirs = (look("chains", "N = 8, 64 B, paced", system, "p50") for system in ("components", "dora-rs Rust"))
    return within(ours, units.time, theirs, 1 / 50)


def throughput(look: Look) -> Seen:
    ours, default, pressed = (look("throughput", "8 B", system, "rate") for system in (COMPONENTS, DORA, f"{DORA}, `backpressure`"))
    lost = look("throughput", "8 B", COMPONENTS, "lost").spread.most
    by_default, by_pressed = ours / default, ours / pressed
    text = f"{units.spread(ours.spread, units.rate)}, {lost:g} lost; {units.ratio(by_default.spread)} and {units.ratio(by_pressed.spread)}"
    return text, ours.median >= 2e6 and lost == 0 and by_default.median >= 60 and by_pressed.median >= 20


def copies(look: Look) -> Series:
    """Nanoseconds in which 8 MiB are copied once."""
    return (8 << 20) * 1e9 / look("limits", "limits", "Rust", "memcpy_8388608")


def large_chain(look: Look) -> Seen:
    """Held against two copies at the same pace, for which nothing is in the caches either."""
    ours, paced = look("chains", "N = 8, 8 MiB, paced", "components", "p50"), look("limits", "limits", "Rust", "memcpy_paced_p50")
    text, met = within(ours, units.time, paced, 1.3)
    return f"{text}; {times(ours, copies(look) * 2, units.time)} two that find all in the caches", met


def large(look: Look) -> Seen:
    """Held against copies to as many places in turns as messages of that size may wait."""
    made = look("throughput", "8 MiB", f"{COMPONENTS}, read", "bytes")
    by_tuned = made / look("throughput", "8 MiB", f"{DORA}, pool of 1 GB", "bytes")
    warm, in_turns = (look("limits", "limits", "Rust", name) / 2 for name in ("memcpy_8388608", "memcpy_in_turns"))
    text, met = ahead(made, units.bandwidth, in_turns, 0.7)
    text += f"; {times(made, warm, units.bandwidth)} to one warm place; {units.ratio(by_tuned.spread)} dora-rs with a pool of 1 GB"
    return text, bool(met) and by_tuned.median > 1


def fan(read: str, least: float) -> Callable[[Look], Seen]:
    def seen(look: Look) -> Seen:
        ours, theirs = (look("fans", "1 → 8", f"{system}, {read}", "rate") for system in ("components", "dora-rs Rust"))
        return ahead(ours, units.rate, theirs, least)

    return seen


def awaited(system: str, least: float) -> Callable[[Look], Seen]:
    def seen(look: Look) -> Seen:
        ours, theirs = (look("awaiting", "8 B, saturated", name, "rate") for name in (system, "dora-rs"))
        return ahead(ours, units.rate, theirs, least)

    return seen


def woken(look: Look) -> Seen:
    pipes = (look("limits", "limits", "Python", name) for name in ("pipe", "two_pipes"))
    return way_of_scripts(look, ("awaiting", "8 B, paced"), *pipes)


def woken_awake(look: Look) -> Seen:
    case = ("awake", "scripts that await")
    pipes = (look(*case, name, "p50") for name in ("a bare pipe", "two, and a process between them"))
    return way_of_scripts(look, case, *pipes)


def way_of_scripts(look: Look, case: tuple[str, str], bare: Series, two: Series) -> Seen:
    ours, theirs = (look(*case, name, "p50") for name in ("Thalweg, between processes", "dora-rs"))
    by_theirs, by_bare = ours / theirs, ours / bare
    figures = ", ".join(units.time(series.median) for series in (ours, theirs, bare, two))
    text = f"{units.ratio(by_theirs.spread)} dora-rs, {units.ratio(by_bare.spread)} a bare pipe, "
    text += f"{units.ratio((ours / two).spread)} two pipes with a process between them ({figures})"
    return text, by_theirs.median <= 1 / 5 and by_bare.median <= 1.3


def delivered(look: Look) -> Seen:
    """One way between two processes instead of two: one wake-up."""
    ours, theirs = (look("mixed", "8 B, paced", name, "p50") for name in ("component → Python", "dora-rs Rust → Python"))
    bare = look("limits", "limits", "Python", "pipe")
    return f"{times(ours, theirs, units.time)}; {times(ours, bare, units.time)} a bare pipe", (ours / theirs).median <= 1 / 5


def started(look: Look) -> Seen:
    systems = ("components, cache warm", "components, by a program in Python", "dora-rs Rust")
    ours, hosted, theirs = (look("start", "10 nodes", name, "start") for name in systems)
    text, met = within(ours, units.time, theirs, 1 / 10)
    return f"{text}; by a program in Python {times(hosted, theirs, units.time)}", met


def many(look: Look) -> Seen:
    time, memory = (look("start", "10,000 nodes", "components, cache warm", figure) for figure in ("within", "memory"))
    text = f"{units.spread(time.spread, units.time)}, {units.spread(memory.spread, units.size)}"
    return text, time.median <= 1e9 and memory.median <= 400 * 2**20


def growth(look: Look) -> Seen:
    few, most = (look("growth", f"pairs: {pairs}", "components", "cost") for pairs in (1, 5000))
    return within(most, units.time, few, 1.5)


def hop(look: Look) -> Seen:
    ours = 1e9 / look("chains", "N = 8, 8 B, saturated", "components", "rate") / 9
    return times(ours, look("limits", "limits", "Rust", "channels"), units.time), None


GOALS = [
    Goal("component → component, 8 B, paced, p50", "≤ 1/30 of dora-rs Rust → Rust", latency("latency", "8 B", "p50", 1 / 30)),
    Goal("the same, p99", "≤ 1/30", latency("latency", "8 B", "p99", 1 / 30)),
    Goal("p50 and p99 beside a bare channel of tokio at that pace", "the factors", beside_channel),
    Goal("p99 where no core is halted, for either", "≤ 1/30", latency("awake", "components", "p99", 1 / 30)),
    Goal("chain of 8 components, 64 B, paced, p50", "≤ 1/50 of dora-rs", chain),
    Goal("saturated, 8 B, component → component", "≥ 2 M/s, none lost, ≥ 60 × dora-rs, ≥ 20 × `backpressure`", throughput),
    Goal("8 MiB through a chain of 8", "≤ 1.3 × two memcpys at that pace", large_chain),
    Goal("8 MiB, produced and read", "≥ 0.7 of memcpy to 8 places for its two copies, > dora-rs with a pool", large),
    Goal("fan-out 1 → 8, 64 KiB, read", "≥ 5 × dora-rs", fan("read", 5)),
    Goal("the same, not read", "≥ 20 × dora-rs", fan("not read", 20)),
    Goal("`async for`, saturated, in one process", "≥ 50 × dora-rs `recv_async`", awaited("Thalweg, one process", 50)),
    Goal("the same, between processes", "≥ 25 ×", awaited("Thalweg, between processes", 25)),
    Goal("await, idle, between processes, p50", "≤ 1/5 of dora-rs, ≤ 1.3 × a bare pipe", woken),
    Goal("the same where no core is halted, for either", "the same", woken_awake),
    Goal("the same, from a component to a process", "≤ 1/5 of dora-rs Rust → Python", delivered),
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
            seen, met = goal.seen(rounds.series)
            rows.append((goal.figure, goal.goal, seen, VERDICTS[met]))
        except KeyError:
            rows.append((goal.figure, goal.goal, "–", "–"))
    return rows
