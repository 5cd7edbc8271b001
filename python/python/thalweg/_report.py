"""What happened in a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exit:
    """How a node ended."""

    name: str
    """One word: `finished`, `stopped`, `failed`, `exited`, `trapped`, `out-of-memory`, `out-of-time`,
    `unresponsive`, `killed`, `panicked`, ..."""
    ok: bool
    """Whether it ended as it should."""
    text: str
    """The end in words."""
    backtrace: tuple[str, ...] = ()
    """The functions of a component that were active when it trapped, innermost first."""


@dataclass(frozen=True, slots=True)
class InputReport:
    """What became of the messages of an input. `received` is the sum of the other three."""

    id: str
    source: str
    """The output that it reads, as `node/output`."""
    received: int
    delivered: int
    dropped: int
    """Dropped by its overflow rule."""
    discarded: int
    """Still there when the node ended, or later."""


@dataclass(frozen=True, slots=True)
class OutputReport:
    """What was sent by an output."""

    id: str
    sent: int


@dataclass(frozen=True, slots=True)
class Bounded:
    """What must not be passed."""

    limit: int
    peak: int
    """The most that there was at any time."""


@dataclass(frozen=True, slots=True)
class Paced:
    """What is waited for when too much is used in too short a time."""

    per_second: float
    """What may be used in a second."""
    used: float
    waited_seconds: float
    """How long the node waited until it might use more."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """What a node used of its limits, over all of its instances."""

    memory: Bounded | None
    """Bytes of linear memory; none for a process, as the next two."""
    buffers: Bounded | None
    """Bytes of payloads that its handles held."""
    message: Bounded | None
    """Bytes of the largest message that it sent, and `limits.payload`."""
    cpu_share: Paced | None
    """Seconds of CPU time; none without such a limit."""
    rate: Paced | None
    """Messages sent; none without such a limit."""
    log: Paced
    """Bytes written to the log."""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What happened to a node."""

    id: str
    exit: Exit
    last_event: str | None
    """Which event it was given last, where it did not end well."""
    events_in: int
    events_out: int
    restarts: int
    swaps: int
    """How often another component took the place of the one that ran."""
    gave_up: bool
    """Whether it would have been started again but for the limit of its restarts."""
    redelivered: int
    """Events that it was given again, because an instance had them in hand when it ended."""
    watchdog_ends: int
    """How many of its instances its watchdog ended."""
    cpu_seconds: float | None
    """None for what is no component."""
    peak_memory: int | None
    """Bytes of linear memory; none for what is no component."""
    budgets: Budgets | None
    """What it used of its limits; none for what is no component."""
    first_event_seconds: float | None
    """From the start to its first event."""
    last_taken_seconds: float | None
    """From the start to the last time that it took events, to a few milliseconds."""
    inputs: tuple[InputReport, ...]
    outputs: tuple[OutputReport, ...]


@dataclass(frozen=True, slots=True)
class RunReport:
    """What happened in a run.

        >>> await camera.send("image", b"pixels")
        >>> await camera.send("image", b"pixels")
        >>> (await view.next_event()).text()
        'pixels'
        >>> run.kill()
        >>> report = await run.wait()
        >>> report.nodes["camera"].outputs
        (OutputReport(id='image', sent=2),)
        >>> report.nodes["view"].inputs
        (InputReport(id='image', source='camera/image', received=2, delivered=1, dropped=0, discarded=1),)
        >>> report.nodes["view"].exit
        Exit(name='killed', ok=False, text='killed: the dataflow was ended at once', backtrace=())
        >>> report.queued
        Bounded(limit=1073741824, peak=12)
        >>> isinstance(report.nodes["view"], thalweg.NodeReport)
        True
    """

    seconds: float
    stopped_by: str | None
    """The node whose end stopped the dataflow, by `on_failure: stop`."""
    nodes: dict[str, NodeReport]
    """By their ids, in the order of the descriptor."""
    queued: Bounded
    """Bytes that waited in all queues together, and `queued_bytes`."""

    @property
    def ok(self) -> bool:
        """Whether every node ended well."""
        return all(node.exit.ok for node in self.nodes.values())


def read_report(text: str) -> RunReport:
    """The report in its JSON form."""
    report = json.loads(text)
    nodes = {node["id"]: _node(node) for node in report["nodes"]}
    return RunReport(report["seconds"], report["stopped_by"], nodes, Bounded(**report["queued"]))


def _node(node: dict[str, Any]) -> NodeReport:
    exit = node.pop("exit")
    inputs = tuple(InputReport(**input) for input in node.pop("inputs"))
    outputs = tuple(OutputReport(**output) for output in node.pop("outputs"))
    budgets = node.pop("budgets")
    backtrace = tuple(exit.pop("backtrace", ()))
    return NodeReport(
        **node,
        exit=Exit(**exit, backtrace=backtrace),
        budgets=None if budgets is None else _budgets(budgets),
        inputs=inputs,
        outputs=outputs,
    )


def _budgets(budgets: dict[str, Any]) -> Budgets:
    return Budgets(
        memory=_bounded(budgets["memory"]),
        buffers=_bounded(budgets["buffers"]),
        message=_bounded(budgets["message"]),
        cpu_share=_paced(budgets["cpu_share"]),
        rate=_paced(budgets["rate"]),
        log=Paced(**budgets["log"]),
    )


def _bounded(used: dict[str, int] | None) -> Bounded | None:
    return None if used is None else Bounded(**used)


def _paced(used: dict[str, float] | None) -> Paced | None:
    return None if used is None else Paced(**used)
