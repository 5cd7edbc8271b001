"""A source and a sink that are scripts."""

from __future__ import annotations

from systems import Measure, Node, dora, dora_script, processes, thalweg

RATES_OF_SCRIPTS = {8: (200_000, 30_000), 4 << 10: (100_000, 20_000), 64 << 10: (20_000, 5000), 1 << 20: (2000, 500), 8 << 20: (200, 60)}
"""Messages of this system and of the other where as many are sent as pass, by size."""
LINGER = 0.5
"""Seconds that the nodes of this system stay, only to be looked at."""


def own(count: int, **told: object) -> Measure:
    return processes(thalweg, pair(count), count=count, linger=LINGER, **told)


def peer(count: int, **told: object) -> Measure:
    linger = 1 if told.get("rate") else 3
    return processes(dora, pair(count, dora_script()), count=count, linger=linger, **told)


def pair(count: int, fields: dict[str, object] | None = None) -> list[Node]:
    queue: dict[str, object] = {"queue_size": max(1000, count)} if fields else {}
    source = Node("source", "source", fields=fields or {})
    return [source, Node("sink", "sink", {"in": "source/out"}, queue, fields or {})]
