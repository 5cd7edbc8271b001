"""A ticker of 1 ms beside a stream that is never empty."""

import thalweg
from nodes.ticking import alone, beside
from support import Figures, counter, counting, finish, found_by, run

COUNT = 2_000_000


def prove() -> Figures:
    rounds = {"embedded": run(embedded()), "over the link": run(found_by("ticking", counter(COUNT)))}
    figures = [
        f"worst gap {busy * 1e3:.1f} ms beside {events} events {where} ({control * 1e3:.1f} ms alone)"
        for where, (busy, events, control) in rounds.items()
    ]
    ok = all(busy < control + 0.010 and events > COUNT for busy, events, control in rounds.values())
    return figures, ok


async def embedded() -> tuple[float, int, float]:
    flow, found = counting(COUNT), (0.0, 0)
    control = await alone()

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        nonlocal found
        found = await beside(node)

    await finish(flow)
    return (*found, control)
