"""The same events, whatever the node is that receives them: a component, a coroutine of the hosting process,
a process that the host starts, or one that attaches."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tells_events
import thalweg
from scripts import Folder

SCRIPT = Path(tells_events.__file__)

WAYS = {
    "component": "component: guests/events.wasm",
    "in-process": "embedded: true",
    "process": f"python: {SCRIPT}",
    "attached": "attached: true",
}


@dataclass
class Stage:
    """What the embedded nodes of a scenario share."""

    run: thalweg.Run
    held: bool
    lines: list[str] = field(default_factory=list)
    """What the receiving node told, so far."""
    told: asyncio.Condition = field(default_factory=asyncio.Condition)
    instances: int = 0
    """How many instances of the second source have begun."""
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing that the receiving node tells is taken before."""

    async def until(self, pattern: str) -> None:
        """Waits until a line begins with what this regular expression describes."""
        async with self.told:
            await self.told.wait_for(lambda: any(re.match(pattern, line) for line in self.lines))

    async def collect(self, node: thalweg.Node) -> None:
        if self.held:
            await self.opened.wait()
        async for event in node.events("seen"):
            if isinstance(event, thalweg.Input):
                async with self.told:
                    self.lines.append(event.text())
                    self.told.notify_all()


Sender = Callable[[thalweg.Node, Stage], Awaitable[None]]


async def sends_nothing(node: thalweg.Node, stage: Stage) -> None:
    pass


@dataclass(frozen=True)
class Scenario:
    """What a node is sent, and what it is to see of it."""

    inputs: str
    source: Sender
    expected: list[str]
    other: Sender = sends_nothing
    """A second source."""
    held: bool = False
    """Whether the node is held up before it has taken everything; see `hold`."""
    narrowed: tuple[str, ...] = ()
    """The inputs that it looks at; a component sees all."""
    fails: tuple[str, ...] = ()
    """The nodes that do not end well."""
    shown: Callable[[list[str]], list[str]] = list
    """What of its lines is compared."""


async def hold(node: thalweg.Node) -> None:
    """Returns when the receiving node cannot go on before the stage is opened, and has one message of `b` left.

    It waits for room to tell of the second: its first line is where only one has room.
    """
    for _ in range(3):
        await node.send("b", "")


HELD = ["b: #0 raw of 0 bytes, sum 0 (dropped 0)", "b: #1 raw of 0 bytes, sum 0 (dropped 0)"]
LEFT = "b: #2 raw of 0 bytes, sum 0 (dropped 0)"
PACED = "b: { source: source/b, queue: 1 }"
ENDS = ["a: closed (dropped 0)", "stop: inputs-closed"]


def byte(input: str, sequence: int, value: int, dropped: int = 0) -> str:
    return f"{input}: #{sequence} raw of 1 bytes, sum {value} (dropped {dropped})"


async def sends_to_both(node: thalweg.Node, stage: Stage) -> None:
    for number, output in enumerate("abbaaabab"):
        await node.send(output, bytes([number]))


async def sends_a_burst(node: thalweg.Node, stage: Stage) -> None:
    for number in range(500):
        await node.send("a", bytes([number % 256]))


async def sends_ten_to_one_that_is_held(node: thalweg.Node, stage: Stage) -> None:
    await hold(node)
    for number in range(10):
        await node.send("a", bytes([number]))
    stage.opened.set()


SIZES = [0, 1, 8192, 8193, (256 << 10) - 1, 256 << 10, 1 << 20, 3 << 20]


async def sends_large_messages(node: thalweg.Node, stage: Stage) -> None:
    for size in SIZES:
        await node.send("a", b"\1" * size)


async def sends_metadata(node: thalweg.Node, stage: Stage) -> None:
    await node.send("a", "ü", yes=True, no=False, large=2**63 - 1, small=-(2**63))
    await node.send("a", "", half=0.5, whole=-2.0, text="ü", none="", data=b"\0\xff")


async def waits_for_the_end_of_the_other(node: thalweg.Node, stage: Stage) -> None:
    await node.send("a", b"\1")
    await stage.until("c: closed")
    await node.send("a", b"\2")


async def sends_one_behind_the_first(node: thalweg.Node, stage: Stage) -> None:
    await stage.until("a: #0")
    await node.send("c", b"\3")


async def restarts_the_other(node: thalweg.Node, stage: Stage) -> None:
    await stage.until("c: #0")
    await stage.run.restart("other")
    await stage.until("c: closed")


async def fails_after_a_restart(node: thalweg.Node, stage: Stage) -> None:
    stage.instances += 1
    await node.send("c", bytes([stage.instances]))
    if stage.instances == 1:
        await asyncio.Event().wait()
    raise RuntimeError("it broke")


async def restarts_the_other_while_one_is_held(node: thalweg.Node, stage: Stage) -> None:
    await hold(node)
    for _ in range(2):
        await stage.run.restart("other")
    stage.opened.set()
    await stage.until("c: closed")


async def sends_once_it_is_not_restarted_any_more(node: thalweg.Node, stage: Stage) -> None:
    await stage.opened.wait()
    await node.send("c", b"\3")


async def stops_when_one_is_seen(node: thalweg.Node, stage: Stage) -> None:
    await stage.until("tick: tick")
    stage.run.stop()


async def sends_on_after_the_stop(node: thalweg.Node, stage: Stage) -> None:
    await hold(node)
    await node.send("a", b"\0")
    stage.run.stop()
    assert isinstance(await node.next_event(), thalweg.Stop)
    await node.send("a", b"\1")
    await node.send("a", b"\2")
    stage.opened.set()


async def holds_for_many_ticks(node: thalweg.Node, stage: Stage) -> None:
    await asyncio.sleep(0.2)  # What is awaited is that ticks come due.
    stage.opened.set()
    await stage.until(JOINED)
    stage.run.stop()


def without_ticks(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("tick: tick")]


JOINED = r"tick: tick \(missed \d\d"


def many_missed(lines: list[str]) -> list[str]:
    """Whether a tick stands for many. How many come otherwise is by chance."""
    return ["joined"] if any(re.match(JOINED, line) for line in lines) else lines


SCENARIOS = {
    "order across inputs": Scenario(
        "a: source/a, b: source/b",
        sends_to_both,
        [
            *(byte(input, sequence, number) for number, (input, sequence) in enumerate(
                [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("a", 3), ("b", 2), ("a", 4), ("b", 3)]
            )),
            "a: closed (dropped 0)",
            "b: closed (dropped 0)",
            "stop: inputs-closed",
        ],
    ),
    "a burst into a short queue": Scenario(
        "a: { source: source/a, queue: 2 }",
        sends_a_burst,
        [*(byte("a", number, number % 256) for number in range(500)), *ENDS],
    ),
    "drop-oldest": Scenario(
        f"{PACED}, a: {{ source: source/a, queue: 3, overflow: drop-oldest }}",
        sends_ten_to_one_that_is_held,
        [
            *HELD, LEFT, byte("a", 7, 7, dropped=7), byte("a", 8, 8), byte("a", 9, 9),
            "a: closed (dropped 0)", "b: closed (dropped 0)", "stop: inputs-closed",
        ],
        held=True,
    ),
    "drop-newest": Scenario(
        f"{PACED}, a: {{ source: source/a, queue: 3, overflow: drop-newest }}",
        sends_ten_to_one_that_is_held,
        [
            *HELD, LEFT, byte("a", 0, 0), byte("a", 1, 1), byte("a", 2, 2),
            "a: closed (dropped 7)", "b: closed (dropped 0)", "stop: inputs-closed",
        ],
        held=True,
    ),
    "latest": Scenario(
        f"{PACED}, a: {{ source: source/a, overflow: latest }}",
        sends_ten_to_one_that_is_held,
        [
            *HELD, LEFT, byte("a", 9, 9, dropped=9),
            "a: closed (dropped 0)", "b: closed (dropped 0)", "stop: inputs-closed",
        ],
        held=True,
    ),
    "large payloads": Scenario(
        "a: source/a",
        sends_large_messages,
        [*(f"a: #{n} raw of {size} bytes, sum {size} (dropped 0)" for n, size in enumerate(SIZES)), *ENDS],
    ),
    "metadata": Scenario(
        "a: source/a",
        sends_metadata,
        [
            "a: #0 raw of 2 bytes, sum 383 yes=bool 1 no=bool 0 large=int 9223372036854775807"
            " small=int -9223372036854775808 (dropped 0)",
            "a: #1 raw of 0 bytes, sum 0 half=float 0.5 whole=float -2.0 text=str ü none=str "
            " data=bytes [0, 255] (dropped 0)",
            *ENDS,
        ],
    ),
    "one input closes before the other": Scenario(
        "a: source/a, c: other/c",
        waits_for_the_end_of_the_other,
        [byte("a", 0, 1), byte("c", 0, 3), "c: closed (dropped 0)", byte("a", 1, 2), *ENDS],
        other=sends_one_behind_the_first,
    ),
    "a restart and a failure of another node": Scenario(
        "a: source/a, c: other/c",
        restarts_the_other,
        [
            byte("c", 0, 1), "c: restarted (count 1)", byte("c", 1, 2),
            "c: failed (restarts 0) RuntimeError: it broke", "c: closed (dropped 0)", *ENDS,
        ],
        other=fails_after_a_restart,
        fails=("other",),
    ),
    "a restart and a failure, of an input alone": Scenario(
        "a: source/a, c: other/c",
        restarts_the_other,
        [
            byte("c", 0, 1), "c: restarted (count 1)", byte("c", 1, 2),
            "c: failed (restarts 0) RuntimeError: it broke", "c: closed (dropped 0)",
        ],
        other=fails_after_a_restart,
        narrowed=("c",),
        fails=("other",),
    ),
    "restarts are joined": Scenario(
        f"{PACED}, c: other/c",
        restarts_the_other_while_one_is_held,
        [
            *HELD, LEFT, "c: restarted (count 2)", byte("c", 0, 3),
            "c: closed (dropped 0)", "b: closed (dropped 0)", "stop: inputs-closed",
        ],
        other=sends_once_it_is_not_restarted_any_more,
        held=True,
    ),
    "a stop by request": Scenario(
        "tick: { timer: 5ms }",
        stops_when_one_is_seen,
        ["tick: closed (dropped 0)", "stop: requested"],
        shown=without_ticks,
    ),
    "a stop that drains": Scenario(
        f"{PACED}, a: source/a",
        sends_on_after_the_stop,
        [
            *HELD, LEFT, byte("a", 0, 0), byte("a", 1, 1), byte("a", 2, 2),
            "a: closed (dropped 0)", "b: closed (dropped 0)", "stop: requested",
        ],
        held=True,
    ),
    "missed ticks are joined": Scenario(
        "tick: { timer: 5ms }",
        holds_for_many_ticks,
        ["joined"],
        held=True,
        shown=many_missed,
    ),
    "some inputs alone": Scenario(
        "a: source/a, b: source/b",
        sends_to_both,
        [byte("b", 0, 1), byte("b", 1, 2), byte("b", 2, 6), byte("b", 3, 8), "b: closed (dropped 0)"],
        narrowed=("b",),
    ),
}


async def seen(folder: Folder, way: str, scenario: Scenario) -> list[str]:
    """What a node of this kind tells of a scenario."""
    begun: asyncio.Future[Stage] = asyncio.get_running_loop().create_future()

    async def source(node: thalweg.Node) -> None:
        stage = await begun
        await scenario.source(node, stage)
        await stage.until("")  # A node to which nobody has attached ends with its sources.

    async def other(node: thalweg.Node) -> None:
        await scenario.other(node, await begun)

    async def collect(node: thalweg.Node) -> None:
        await (await begun).collect(node)

    async def sink(node: thalweg.Node) -> None:
        await tells_events.tell_events(node, *scenario.narrowed)

    arguments = f"args: {['', *scenario.narrowed]}, " if way == "process" else ""
    text = f"""
nodes:
  - {{ id: source, embedded: true, outputs: [a, b] }}
  - {{ id: other, embedded: true, outputs: [c] }}
  - {{ id: sink, {WAYS[way]}, {arguments}inputs: {{ {scenario.inputs} }}, outputs: [seen] }}
  - {{ id: collect, embedded: true, inputs: {{ seen: {{ source: sink/seen, queue: 1 }} }} }}
"""
    embedded = {"sink": sink} if way == "in-process" else {}
    run = await folder.flow(text, source=source, other=other, collect=collect, **embedded).start()
    stage = Stage(run, scenario.held)
    begun.set_result(stage)
    if way == "attached":
        command = [sys.executable, str(SCRIPT), "sink", *scenario.narrowed]
        process = await asyncio.create_subprocess_exec(*command)
        assert await process.wait() == 0
    report = await run.wait()
    assert {id for id, node in report.nodes.items() if not node.exit.ok} == {*scenario.fails}, report
    return stage.lines


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_kind_of_node_sees_the_same_events(folder: Folder, name: str, way: str) -> None:
    scenario = SCENARIOS[name]
    if scenario.narrowed and way == "component":
        pytest.skip("components take their events as they come")
    assert scenario.shown(asyncio.run(seen(folder, way, scenario))) == scenario.expected
