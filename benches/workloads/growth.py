"""What an event costs as a dataflow grows, and what an idle node needs."""

from __future__ import annotations

from collections.abc import Iterator

from systems import driver

from workloads import Case

TITLE = "Cost as work grows"
MANY = {"pairs": (1, 10, 100, 1000, 5000), "subscribers": (1, 10, 100, 1000), "inputs": (1, 10, 100, 1000)}
NODES = (10, 100, 1000, 10_000)


def cases(quick: bool) -> Iterator[Case]:
    events = 500_000 if quick else 2_000_000
    for of, numbers in MANY.items():
        for many in (numbers[0], numbers[-1]) if quick else numbers:
            yield Case(f"{of}: {many}", {"components": driver("growth", of=of, many=many, events=events)})
    for nodes in (NODES[-1],) if quick else NODES:
        yield Case(f"idle: {nodes}", {"components": driver("start", nodes=nodes, shape="star")})
