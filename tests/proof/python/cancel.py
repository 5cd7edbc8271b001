"""Waits that are given up at random, around the time at which events come: each event once, in order."""

import thalweg
from nodes.cancelling import take_all
from support import Figures, counter, counting, finish, found_by, run

EMBEDDED = 1_000_000
LINKED = 200_000


def prove() -> Figures:
    here = run(embedded())
    # Every event is looked at where it is taken: one that is missing or out of order fails the node.
    there = run(found_by("cancelling", counter(LINKED), COUNT=LINKED))
    figures = [
        f"{EMBEDDED} events once and in order with {here} waits given up",
        f"{LINKED} over the link with {there}",
    ]
    return figures, here > 1000 and there > 1000


async def embedded() -> int:
    flow, given_up = counting(EMBEDDED), 0

    @flow.node("sink")
    async def sink(node: thalweg.Node) -> None:
        nonlocal given_up
        given_up = await take_all(node, EMBEDDED)

    report = await finish(flow)
    assert report.nodes["sink"].inputs[0].delivered == EMBEDDED, report
    return given_up
