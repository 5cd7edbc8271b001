"""How nodes that are processes begin, end, and are ended."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import thalweg
from scripts import ONE, Folder, assert_balanced, see_to_end
from thalweg import _native

ENDLESS = """
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 1000000000 } }
  - { id: node, python: node.py, inputs: { in: counts/out }, outputs: [out] }
  - { id: told, embedded: true, inputs: { in: node/out, all: counts/out } }
"""


async def take_all(node: thalweg.Node) -> None:
    async for _ in node.events():
        pass


@pytest.mark.parametrize(
    ("script", "name", "text"),
    [
        ("thalweg.Node()", "finished", "finished"),
        ("thalweg.Node().close()", "finished", "finished"),
        ("thalweg.Node(); sys.exit()", "finished", "finished"),
        ("thalweg.Node(); sys.exit(0)", "finished", "finished"),
        ("thalweg.Node(); sys.exit(3)", "exited", "exited with code 3"),
        ("thalweg.Node(); sys.exit('no lamp')", "exited", "exited with code 1"),
        ("thalweg.Node(); os._exit(4)", "exited", "exited with code 4"),
        ("thalweg.Node(); os.kill(os.getpid(), signal.SIGKILL)", "signaled", "ended by signal 9 (SIGKILL)"),
        ("thalweg.Node(); os.kill(os.getpid(), signal.SIGTERM)", "signaled", "ended by signal 15 (SIGTERM)"),
    ],
)
def test_each_end_of_a_script_has_a_name(folder: Folder, script: str, name: str, text: str) -> None:
    exit = folder.run_script(f"import os, signal, sys, thalweg\n{script}\n").exit()
    assert (exit.name, exit.text, exit.ok) == (name, text, name == "finished")


def test_what_a_script_prints_beyond_its_limit_waits_and_is_not_lost(folder: Folder) -> None:
    flow = "nodes: [{ id: node, python: node.py, limits: { log: 64KiB } }]\n"
    # Half of it is still in the pipe when the script ends, and is taken at once.
    folder.write("node.py", "import thalweg\nthalweg.Node().close()\nfor _ in range(2048): print('x' * 63)\n")
    ended = folder.run(flow)
    assert ended.lines_of("node") == ["x" * 63] * 2048
    budgets = ended.report.nodes["node"].budgets
    assert budgets is not None and budgets.memory is budgets.buffers is budgets.message is None
    assert (budgets.log.per_second, budgets.log.used) == (65536, 131072)
    assert budgets.log.waited_seconds > 0.5, budgets


def test_an_exception_ends_its_node_with_a_traceback_that_begins_in_the_script(folder: Folder) -> None:
    ended = folder.run_script("""\
        import thalweg
        def light():
            raise ValueError("no such lamp")
        with thalweg.Node() as node:
            light()
        """)
    script = folder.path / "node.py"
    trace = f"""Traceback (most recent call last):
  File "{script}", line 5, in <module>
    light()
  File "{script}", line 3, in light
    raise ValueError("no such lamp")
ValueError: no such lamp"""
    assert ended.exit().name == "failed" and ended.exit().text == f"failed: {trace}"
    assert ended.lines_of("node") == trace.splitlines(), "it is printed, too"


def test_an_exception_in_a_coroutine_ends_its_node_with_its_traceback(folder: Folder) -> None:
    ended = folder.run_script("""\
        import asyncio, thalweg
        async def main():
            async with thalweg.Node() as node:
                await node.send("nowhere", "x")
        asyncio.run(main())
        """)
    first, second, *_, last = ended.exit().text.splitlines()
    assert first == "failed: Traceback (most recent call last):"
    assert second == f'  File "{folder.path}/node.py", line 4, in main'
    assert last == "ValueError: the node has no output `nowhere`"
    assert "_process.py" not in "".join(ended.lines_of("node")), "what is printed begins in the script"


def test_a_process_that_is_killed_in_the_middle_of_traffic_harms_nobody(folder: Folder) -> None:
    folder.write("node.py", """\
        import os, thalweg
        node = thalweg.Node()
        node.send_blocking("out", str(os.getpid()))
        for event in node:
            node.send_blocking("out", event.value)
        """)
    pids: list[int] = []

    async def told(node: thalweg.Node) -> None:
        seen = 0
        async for event in node.events():
            if isinstance(event, thalweg.InputClosed) and event.id == "in":
                break
            if isinstance(event, thalweg.Input) and event.id == "in":
                seen += 1
                if seen == 1:
                    pids.append(int(event.text()))
                if seen == 500:
                    os.kill(pids[0], signal.SIGKILL)
        for _ in range(5000):
            later = await node.next_event()
            assert isinstance(later, thalweg.Input) and later.id == "all", "the others go on"

    async def main() -> None:
        for _ in range(3):
            ended = await see_to_end(await folder.flow(ENDLESS, told=told).start())
            assert ended.exit().text == "ended by signal 9 (SIGKILL)"
            assert ended.exit("told").ok, ended.exit("told").text
            assert_balanced(ended.report)
            assert not Path(f"/proc/{pids.pop()}").exists(), "not even a zombie"
            open_descriptors.append(len(os.listdir("/proc/self/fd")))

    open_descriptors: list[int] = []
    asyncio.run(main())
    assert open_descriptors[1] == open_descriptors[2]


ORPHANS = {
    "awaits": """
import asyncio
async def main():
    node = thalweg.Node()
    begin()
    try:
        async for event in node.events():
            pass
    except thalweg.NodeClosed:
        tell("closed")
asyncio.run(main())
""",
    "blocks": """
node = thalweg.Node()
begin()
try:
    for event in node:
        pass
except thalweg.NodeClosed:
    tell("closed")
""",
    "busy": """
node = thalweg.Node()
begin()
while True:
    pass
""",
    "deaf": """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
node = thalweg.Node()
begin()
while True:
    pass
""",
}

TELLS = """
import os, signal, thalweg
fifo = os.open(os.path.join(os.path.dirname(__file__), os.environ["THALWEG_NODE"]), os.O_WRONLY)
def tell(text):
    os.write(fifo, f"{text} ".encode())
def begin():
    tell("began")
    print("began")
"""


def test_processes_end_when_their_host_is_killed_whatever_they_do(folder: Folder) -> None:
    nodes = "".join(
        f"  - {{ id: {id}, python: {id}.py, inputs: {{ tick: {{ timer: 10ms }} }} }}\n" for id in ORPHANS
    )
    fifos = {id: folder.fifo(id) for id in ORPHANS}
    for id, script in ORPHANS.items():
        folder.write(f"{id}.py", TELLS + script)
    with folder.start_command("nodes:\n" + nodes) as host:
        assert host.stdout is not None
        for _ in ORPHANS:
            assert "began" in host.stdout.readline()
        host.kill()
        told = {id: read_to_end() for id, read_to_end in fifos.items()}
    assert told == {"awaits": "began closed ", "blocks": "began closed ", "busy": "began ", "deaf": "began "}


def test_a_node_that_is_closed_says_so_and_may_be_closed_again(folder: Folder) -> None:
    folder.write("node.py", """\
        import asyncio, thalweg
        node = thalweg.Node()
        with node:
            pass
        node.close()
        uses = [
            lambda: next(iter(node)),
            lambda: node.send_blocking("out", "x"),
            lambda: node.try_send("out", "x"),
            lambda: asyncio.run(node.next_event()),
            lambda: asyncio.run(node.next_batch(3)),
            lambda: asyncio.run(node.send("out", "x")),
            lambda: node.events("tick"),
        ]
        async def iterate():
            async for event in node.events():
                pass
        for use in [*uses, lambda: asyncio.run(iterate())]:
            try:
                use()
            except thalweg.NodeClosed as error:
                print(error)
        """)
    ended = folder.run("nodes:\n  - { id: node, python: node.py, inputs: { tick: { timer: 1h } }, outputs: [out] }\n")
    ended.assert_ok()
    assert ended.lines_of("node") == ["the node has ended"] * 8


def test_a_process_is_one_node(folder: Folder) -> None:
    exit = folder.run_script("import thalweg\nfirst = thalweg.Node()\nsecond = thalweg.Node()\n").exit()
    assert exit.name == "failed"
    assert "RuntimeError: no dataflow started this process, or it has made its node already" in exit.text


def test_a_node_that_is_lost_ends_with_its_process(folder: Folder) -> None:
    ended = folder.run_script("""\
        import gc, thalweg
        node = thalweg.Node()
        assert node.id == "node"
        del node
        gc.collect()
        print("goes on")
        """)
    ended.assert_ok()
    assert ended.lines_of("node") == ["goes on"]


def test_the_child_of_a_fork_is_refused_and_the_parent_goes_on(folder: Folder) -> None:
    folder.write("node.py", """\
        import asyncio, os, sys, thalweg
        node = thalweg.Node()
        for count, event in enumerate(node):
            if count == 100 and os.fork() == 0:
                uses = [
                    lambda: next(iter(node)),
                    lambda: node.send_blocking("out", "x"),
                    lambda: node.try_send("out", "x"),
                    lambda: asyncio.run(node.next_event()),
                    lambda: node.close() or node.try_send("out", "x"),
                ]
                for use in uses:
                    try:
                        use()
                    except RuntimeError as error:
                        assert "belong to the process before the fork" in str(error)
                    else:
                        os._exit(9)
                sys.exit(7)  # Through all that is done at the end of an interpreter.
            if count == 200:
                print(os.waitstatus_to_exitcode(os.wait()[1]))
            if isinstance(event, thalweg.Input):
                node.send_blocking("out", event.value)
        """)
    numbers: list[int] = []

    async def told(node: thalweg.Node) -> None:
        async for event in node.events():
            if isinstance(event, thalweg.Input) and event.id == "in":
                numbers.append(int.from_bytes(event.value, "little"))

    ended = folder.run(ENDLESS.replace("1000000000", "1000"), told=told)
    ended.assert_ok()
    assert ended.lines_of("node") == ["7"]
    assert numbers == list(range(1000))


def test_the_child_of_a_fork_can_use_no_run_and_start_none(folder: Folder) -> None:
    folder.write("node.py", "import thalweg\nfor event in thalweg.Node():\n    pass\n")
    flow = folder.flow(ENDLESS, told=take_all)

    async def awaited(use: Callable[[], Any]) -> None:
        if (wait := use()) is not None:
            await wait

    async def main() -> int:
        async with flow.start() as run:
            waiting = asyncio.create_task(run.wait())
            await asyncio.sleep(0)
            if (child := os.fork()) == 0:
                refused = 0
                uses = (run.stop, run.kill, run.wait, lambda: run.restart("node"), lambda: flow.start())
                for use in uses:
                    try:
                        asyncio.run(awaited(use))
                    except RuntimeError as error:
                        refused += "belong to the process before the fork" in str(error)
                _native.shut_down()  # It waits for no task of the parent.
                os._exit(refused)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert (await waiting).ok
        return code

    assert asyncio.run(main()) == 5


DIRECT = """
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 1000 } }
  - { id: node, python: node.py, inputs: { in: counts/out } }
"""


def test_one_loop_after_the_other_is_served(folder: Folder) -> None:
    folder.write("node.py", """\
        import asyncio, thalweg
        node = thalweg.Node()
        async def take(count):
            return [int.from_bytes((await node.next_event()).value, "little") for _ in range(count)]
        print(sum((asyncio.run(take(100)) for _ in range(10)), []) == list(range(1000)))
        """)
    ended = folder.run(DIRECT)
    assert ended.lines_of("node") == ["True"] and ended.exit().ok, ended


def test_two_loops_at_once_are_refused(folder: Folder) -> None:
    folder.write("node.py", """\
        import asyncio, threading, thalweg
        node = thalweg.Node()
        waiting = threading.Event()
        async def wait():
            task = asyncio.create_task(node.next_event())
            await asyncio.sleep(0)
            waiting.set()
            await asyncio.to_thread(other.join)
            task.cancel()
        def elsewhere():
            waiting.wait()
            try:
                asyncio.run(node.next_event())
            except RuntimeError as error:
                print(error)
        other = threading.Thread(target=elsewhere)
        other.start()
        asyncio.run(wait())
        """)
    ended = folder.run("nodes:\n  - { id: node, python: node.py, inputs: { tick: { timer: 1h } } }\n")
    assert ended.lines_of("node") == ["the node is waited for in another event loop"]


def test_a_process_that_ignores_the_stop_is_ended_after_the_grace_period(folder: Folder) -> None:
    folder.write("node.py", """\
        import thalweg
        node = thalweg.Node()
        print("ready")
        for event in node:
            print(type(event).__name__)
        while True:
            pass
        """)

    async def main() -> None:
        run = await folder.flow("grace: 200ms\n" + ONE).start()
        events = run.events()
        async for event in events:
            if isinstance(event, thalweg.LogLine):
                break
        run.stop()
        ended = await see_to_end(run)
        assert ended.exit().name == "killed" and "did not end within 200ms" in ended.exit().text

    asyncio.run(main())


def test_an_interrupt_of_the_command_drains(folder: Folder) -> None:
    folder.write("source.py", """\
        import thalweg
        node = thalweg.Node()
        print("ready")
        for event in node:
            pass
        for number in range(1000):
            node.send_blocking("out", str(number))
        """)
    folder.write("sink.py", """\
        import thalweg
        texts = [event.text() for event in thalweg.Node() if isinstance(event, thalweg.Input)]
        print(texts == [str(number) for number in range(1000)])
        """)
    flow = """
nodes:
  - { id: source, python: source.py, outputs: [out] }
  - { id: sink, python: sink.py, inputs: { in: source/out } }
"""
    with folder.start_command(flow) as host:
        assert host.stdout is not None and host.stdout.readline() == "source | ready\n"
        host.send_signal(signal.SIGINT)
        assert host.stdout.read() == "sink   | True\n"
        assert host.stderr is not None and "draining" in host.stderr.read()
    assert host.returncode == 0


def test_a_node_that_is_closed_early_ends_for_the_others_while_its_script_goes_on(folder: Folder) -> None:
    os.mkfifo(folder.path / "go")
    folder.write("node.py", f"""\
        import thalweg
        with thalweg.Node() as node:
            node.send_blocking("out", "last words")
        print(open({str(folder.path / "go")!r}).read())
        """)

    async def told(node: thalweg.Node) -> None:
        last, closed = [event async for event in node.events("in")]
        assert isinstance(last, thalweg.Input) and last.text() == "last words"
        assert isinstance(closed, thalweg.InputClosed)
        (folder.path / "go").write_text("go")

    ended = folder.run(ENDLESS, told=told)
    assert ended.exit().name == "finished" and ended.exit("told").ok, ended
    assert ended.lines_of("node") == ["go"]
    assert_balanced(ended.report)


def test_a_node_has_the_parameters_of_the_descriptor_wherever_it_runs(folder: Folder) -> None:
    given = "parameters: { gain: 1.5, name: left, on: true, size: 3 }"
    folder.write("node.py", "import thalweg\nprint(thalweg.Node().parameters)\n")
    seen: list[dict[str, thalweg.Parameter]] = []

    async def here(node: thalweg.Node) -> None:
        seen.append(node.parameters)

    ended = folder.run(
        f"""
nodes:
  - {{ id: node, python: node.py, {given} }}
  - {{ id: here, embedded: true, {given} }}
""",
        here=here,
    )
    expected = {"gain": 1.5, "name": "left", "on": True, "size": 3}
    assert seen == [expected]
    assert ended.lines_of("node") == [repr(expected)]
