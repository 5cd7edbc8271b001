"""Nodes that are started again by themselves, and what they are given again."""

import asyncio

import thalweg
from conftest import Main
from scripts import Folder, see_to_end
from thalweg import NodeFailed, NodeFinished, NodeRestarted, NodeRestarting, NodeStarted

RESTART = "restart: {{ when: on-failure, limit: 20, backoff: 1ms, in_hand: {in_hand} }}"

CHAIN = """
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: node, {code}, inputs: {{ in: {{ source: source/out, queue: {queue} }} }}, outputs: [out], {restart} }}
  - {{ id: sink, embedded: true, inputs: {{ in: node/out }} }}
"""


def chain(code: str, in_hand: str, queue: int = 256) -> str:
    return CHAIN.format(code=code, queue=queue, restart=RESTART.format(in_hand=in_hand))


async def source(node: thalweg.Node) -> None:
    for number in range(100):
        await node.send("out", str(number))


class Sink:
    """Takes everything."""

    def __init__(self) -> None:
        self.texts: list[int] = []

    async def __call__(self, node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                self.texts.append(int(event.text()))


def test_a_process_that_dies_is_given_again_what_it_had_in_hand(folder: Folder) -> None:
    folder.write("node.py", """\
        import os, signal, thalweg
        node = thalweg.Node()
        seen = 0
        for event in node:
            if isinstance(event, thalweg.Input):
                seen += 1
                if seen == 71:
                    os.kill(os.getpid(), signal.SIGKILL)
                node.send_blocking("out", event.value)
        """)
    sink = Sink()
    ended = folder.run(chain("python: node.py", "redeliver"), source=source, sink=sink)
    ended.assert_ok()
    node = ended.report.nodes["node"]
    assert node.restarts >= 1 and node.redelivered >= 1, node
    # In order, but for what begins again; nothing is missing.
    assert sorted(set(sink.texts)) == list(range(100)), sink.texts
    received = node.inputs[0]
    assert received.received == received.delivered == 100, received
    assert len(sink.texts) - 100 <= node.redelivered, (len(sink.texts), node.redelivered)


def test_a_process_that_dies_once_it_is_done_is_not_started_again(folder: Folder) -> None:
    folder.write("node.py", """\
        import os, signal, thalweg
        with thalweg.Node() as node:
            for event in node:
                if isinstance(event, thalweg.Input):
                    node.send_blocking("out", event.value)
        os.kill(os.getpid(), signal.SIGKILL)
        """)
    sink = Sink()
    ended = folder.run(chain("python: node.py", "redeliver"), source=source, sink=sink)
    node = ended.report.nodes["node"]
    assert (node.exit.name, node.restarts, node.redelivered) == ("signaled", 0, 0), node
    assert sink.texts == list(range(100))


def test_a_process_that_dies_loses_what_it_had_in_hand_where_nothing_else_is_said(folder: Folder) -> None:
    folder.write("node.py", """\
        import os, signal, thalweg
        node = thalweg.Node()
        for event in node:
            if isinstance(event, thalweg.Input):
                if event.text() == "50":
                    os.kill(os.getpid(), signal.SIGKILL)
                node.send_blocking("out", event.value)
        """)
    sink = Sink()
    ended = folder.run(chain("python: node.py", "lose", queue=1), source=source, sink=sink)
    ended.assert_ok()
    node = ended.report.nodes["node"]
    assert (node.restarts, node.redelivered) == (1, 0), node
    assert sink.texts == [number for number in range(100) if number != 50]


def test_a_coroutine_that_raises_is_called_again(run_main: Main) -> None:
    instances = 0

    async def node(node: thalweg.Node) -> None:
        nonlocal instances
        instances += 1
        async for event in node.events():
            if isinstance(event, thalweg.Input):
                if event.text() == "50" and instances == 1:
                    raise ValueError("no camera")
                await node.send("out", event.value)

    async def main() -> None:
        flow = thalweg.Dataflow.from_text(chain("embedded: true", "redeliver"))
        sink = Sink()
        flow.node("source")(source)
        flow.node("node")(node)
        flow.node("sink")(sink.__call__)
        run = await flow.start()
        happened = [event async for event in run.events() if getattr(event, "node", "") == "node"]
        report = await run.wait()
        assert report.ok and report.stopped_by is None, report
        assert sink.texts == list(range(100))
        assert (report.nodes["node"].restarts, report.nodes["node"].redelivered) == (1, 1)
        kinds = [NodeStarted, NodeRestarting, NodeRestarted, NodeFinished]
        assert [type(event) for event in happened] == kinds, happened
        restarting = happened[1]
        assert isinstance(restarting, NodeRestarting)
        assert restarting.exit.text.endswith("ValueError: no camera") and 0 < restarting.backoff <= 0.001

    run_main(main())


def test_a_node_that_gives_up_may_stop_the_dataflow(run_main: Main) -> None:
    text = """
on_failure: stop
nodes:
  - { id: bad, embedded: true, restart: { when: on-failure, limit: 2, backoff: 1ms } }
  - { id: endless, embedded: true, inputs: { tick: { timer: 1ms } } }
"""

    async def bad(node: thalweg.Node) -> None:
        raise ValueError("no camera")

    async def endless(node: thalweg.Node) -> None:
        async for _ in node.events():
            pass

    async def main() -> None:
        flow = thalweg.Dataflow.from_text(text)
        flow.node("bad")(bad)
        flow.node("endless")(endless)
        run = await flow.start()
        happened = [event async for event in run.events() if getattr(event, "node", "") == "bad"]
        report = await run.wait()
        assert (report.ok, report.stopped_by) == (False, "bad")
        node = report.nodes["bad"]
        assert (node.restarts, node.gave_up, node.exit.name) == (2, True, "failed")
        assert report.nodes["endless"].exit.name == "stopped"
        assert isinstance(happened[-1], NodeFailed)

    run_main(main())


def test_a_process_that_takes_no_events_is_ended_by_its_watchdog(folder: Folder) -> None:
    folder.write("node.py", """\
        import os, time, thalweg
        node = thalweg.Node()
        for event in node:
            if isinstance(event, thalweg.Input):
                if event.text() == "50":
                    time.sleep(1000)
                node.send_blocking("out", event.value)
        """)
    text = chain("python: node.py, watchdog: 300ms", "lose", queue=1)
    sink = Sink()

    async def main() -> None:
        ended = await see_to_end(await folder.flow(text, source=source, sink=sink).start())
        ended.assert_ok()
        node = ended.report.nodes["node"]
        assert (node.watchdog_ends, node.restarts) == (1, 1), node
        assert sink.texts == [number for number in range(100) if number != 50]

    asyncio.run(main())
