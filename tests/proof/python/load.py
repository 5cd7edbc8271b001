"""A dataflow of everything that there is: components, processes, coroutines and a node to attach to; fan-out, fan-in and
a cycle; small and large payloads; every overflow rule; nodes that redeliver and nodes that lose."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from support import HERE

Fields = dict[str, Any]

NEVER = 1 << 60
"""At which event a component traps that is to trap never."""


REDELIVER = ("copies", "views", "waits", "ping", "pong", "disk", "door")
"""Who may lose what it has in hand or be given it again: it does not fail by that itself."""


def descriptor(folder: Path, *, injured: bool, endless: bool, redeliver: Collection[str] = ()) -> Fields:
    """Its nodes write into `folder`. Where it is `injured`, some trap by themselves; where it is not `endless`, all of
    its sources end when they are told to. `redeliver` are some of `REDELIVER`. `hear` reads every node."""
    # Where nobody stands still, a busy machine must not make it look so.
    watchdog = {"watchdog": "1s" if injured else "60s"}
    nodes = [*chain(injured, watchdog), *told(watchdog), *large(watchdog), *cycle(endless), *beside(folder, endless)]
    if endless:
        nodes += sources(folder, injured)
    for node in nodes:
        # Where a message of the cycle comes to its end by being lost, it is not given again.
        if node["id"] in redeliver and (endless or node["id"] != "pong"):
            node["restart"] = restart(in_hand="redeliver")
    inputs = {node["id"]: {"source": f"{node['id']}/out", **HEARD.get(node["id"], {})} for node in nodes if "outputs" in node}
    nodes.append({"id": "hear", "embedded": True, "inputs": inputs})
    return {"queued_bytes": "48MiB", "grace": "10s", "nodes": nodes}


HEARD: dict[str, Fields] = {
    "copies": {"overflow": "latest"},
    "ping": {"overflow": "drop-newest", "queue": 32},
    "steady": {"overflow": "drop-oldest", "queue": 32},
}


def chain(injured: bool, watchdog: Fields) -> list[Fields]:
    """Nodes that lose nothing, whatever happens to them."""
    again = {"restart": restart(in_hand="redeliver"), "outputs": ["out"]}
    traps = {"component": "stumbles.wasm", "parameters": {"at": 2000 if injured else NEVER}}
    relay = {**script("relaying"), "args": ["asyncio"], **watchdog}
    return [
        coroutine("numbers"),
        {"id": "worker", **traps, **again, "inputs": {"in": "numbers/out"}},
        {"id": "relay", **relay, **again, "inputs": {"in": "worker/out"}},
        {"id": "stumble", "embedded": True, **again, "inputs": {"in": "numbers/out"}},
    ]


def told(watchdog: Fields) -> list[Fields]:
    """Components that do harm where they are told to, and lose what they have in hand by it."""
    limits = {"cpu": "50ms", "memory": "16MiB", "buffers": "8MiB"}
    harmful = {"parameters": {"how": "as-told"}, "limits": limits, **watchdog, **passing("orders/out")}
    return [
        coroutine("orders"),
        {"id": "handler", "component": "misbehaves.wasm", **harmful},
        {"id": "program", "component": "misbehaves-program.wasm", **harmful},
    ]


def large(watchdog: Fields) -> list[Fields]:
    """Payloads of all sizes, copied by a component and shared with processes."""
    latest = {"source": "frames/out", "overflow": "latest"}
    return [
        coroutine("frames"),
        {"id": "copies", "component": "copies.wasm", **passing("frames/out")},
        {"id": "views", **script("relaying"), "args": ["uvloop"], **passing("copies/out")},
        {"id": "waits", **script("relaying"), "args": ["blocking"], **watchdog, **passing(latest)},
    ]


def cycle(endless: bool) -> list[Fields]:
    """Two nodes that read each other. It comes to rest: a message goes round five times, or is lost by one that traps.
    Where nobody stops it that one is a component, because a process might still begin to send."""
    ping = passing({"source": "orders/out", "overflow": "drop-newest", "queue": 16})
    ping["inputs"]["back"] = {"source": "pong/out", "overflow": "drop-oldest", "queue": 8}
    traps = {"component": "stumbles.wasm", "parameters": {"at": 100}}
    pong = script("bouncing") if endless else traps
    return [{"id": "ping", "component": "echo.wasm", **ping}, {"id": "pong", **pong, **passing("ping/out")}]


def beside(folder: Path, endless: bool) -> list[Fields]:
    """One that writes to the disk, one to which processes attach, and a pair that nobody harms."""
    steady = {"count": NEVER if endless else 5000, "sizes": "8*20,100000"}
    orders = {"source": "orders/out", "overflow": "drop-oldest"}
    numbers = {"source": "numbers/out", "overflow": "drop-oldest"}
    return [
        {"id": "disk", **script("writing"), "args": [str(folder / "written")], **passing(orders)},
        {"id": "door", "attached": True, **passing(numbers)},
        {"id": "steady", "component": "counts.wasm", "parameters": steady, "limits": {"rate": 1000}, "outputs": ["out"]},
        {"id": "verify", "component": "verify.wasm", "inputs": {"in": "steady/out"}},
    ]


def sources(folder: Path, injured: bool) -> list[Fields]:
    """Sources that go on, or are started again, as long as nobody stops them."""
    traps = {"component": "stumbles.wasm", "parameters": {"at": 50 if injured else NEVER}}
    fifo = {"component": "reads-file.wasm", "parameters": {"path": "/in/fifo"}, "grants": {"read": {"/in": folder}}}
    return [
        {"id": "ticks", **traps, **passing({"timer": "1ms"})},
        {"id": "fifo", **fifo, "outputs": ["out"], "restart": restart("always")},
        {"id": "lines", "component": "logs.wasm", "restart": restart("always")},
    ]


def coroutine(id: str) -> Fields:
    return {"id": id, "embedded": True, "outputs": ["out"], "restart": restart()}


def script(name: str) -> Fields:
    return {"python": HERE / "nodes" / f"{name}.py"}


def passing(source: str | Fields) -> Fields:
    """The fields of a node that passes on what it reads, and loses what it has in hand when it fails."""
    return {"inputs": {"in": source}, "outputs": ["out"], "restart": restart()}


def restart(when: str = "on-failure", in_hand: str = "lose") -> Fields:
    often = {"limit": 10_000, "window": "1s", "backoff": "1ms", "max_backoff": "50ms"}
    return {"when": when, "in_hand": in_hand, **often}
