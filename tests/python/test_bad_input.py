"""What is wrong with scripts, and what they do wrong, is told with names and remedy."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import thalweg
from scripts import COMMAND, ONE, Folder


def refused(folder: Folder, text: str = ONE) -> str:
    """Why a dataflow does not start."""

    async def main() -> None:
        async with folder.flow(text).start():
            pass

    with pytest.raises(thalweg.StartError) as error:
        asyncio.run(main())
    return str(error.value)


def test_a_script_that_is_not_there_is_told_by_the_check_with_its_line(folder: Folder) -> None:
    with pytest.raises(thalweg.DataflowError) as error:
        folder.flow(ONE)
    expected = "2:25: node `node`: there is no script `node.py`; the path is relative to the descriptor"
    assert str(error.value) == expected


def test_a_script_with_a_syntax_error_is_told_with_its_file_and_line_and_nothing_runs(folder: Folder) -> None:
    script = folder.write("node.py", "import thalweg\nnode = = thalweg.Node()\n")
    folder.write("good.py", f"""\
        import thalweg
        thalweg.Node()
        open({str(folder.path / "ran")!r}, "w")
        """)
    text = refused(folder, ONE + "  - { id: good, python: good.py }\n")
    assert text.startswith(f"node `node`: script `{script}`: it failed before it made its `thalweg.Node`:"), text
    assert f'File "{script}", line 2' in text and text.endswith("SyntaxError: invalid syntax"), text
    assert "runpy" not in text and "_process.py" not in text, text
    assert not (folder.path / "ran").exists()


def test_an_exception_before_the_node_is_told_with_its_traceback(folder: Folder) -> None:
    script = folder.write("node.py", "import thalweg\nimport no_such_module\nthalweg.Node()\n")
    text = refused(folder)
    assert text.startswith(f"node `node`: script `{script}`: it failed before it made its `thalweg.Node`:"), text
    assert f'File "{script}", line 2, in <module>' in text, text
    assert text.endswith("ModuleNotFoundError: No module named 'no_such_module'"), text
    assert "runpy" not in text and "_process.py" not in text, text


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("pass", "its process ended before it made its `thalweg.Node`"),
        ("import sys; sys.exit()", "its process ended before it made its `thalweg.Node`"),
        ("import sys; sys.exit('no lamp')", "its process exited with code 1 before it made its `thalweg.Node`:\nno lamp"),
        ("import os; os._exit(3)", "its process exited with code 3 before it made its `thalweg.Node`"),
        ("import os; os.kill(os.getpid(), 9)", "its process ended by signal 9 (SIGKILL) before it made its `thalweg.Node`"),
    ],
)
def test_a_script_that_ends_before_its_node_is_told(folder: Folder, script: str, told: str) -> None:
    path = folder.write("node.py", script)
    assert refused(folder) == f"node `node`: script `{path}`: {told}"


def test_a_node_that_does_not_start_is_told_without_waiting_for_others(folder: Folder) -> None:
    folder.write("node.py", "raise ValueError('no lamp')")
    folder.write("other.py", "import time; time.sleep(1000)")
    text = refused(folder, ONE + "  - { id: other, python: other.py, ready: 1h }\n")
    assert "ValueError: no lamp" in text and "node `other`" not in text


def by_interpreter(python: Path) -> str:
    return f"nodes:\n  - {{ id: node, python: node.py, interpreter: {python} }}\n"


def test_an_interpreter_without_the_package_is_told_with_the_remedy(folder: Folder) -> None:
    venv = folder.path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    script, python = folder.write("node.py", "import thalweg\nthalweg.Node()\n"), venv / "bin" / "python"
    assert refused(folder, by_interpreter(python)) == (
        f"node `node`: script `{script}`: `{python}` has no package `thalweg`: install it there "
        f"(`{python} -m pip install thalweg`), or name another Python under `interpreter`"
    )


OTHER_VERSION = """
import os, socket, sys
version = b"9.8.7"
hello = bytes([0, PROTOCOL, len(version)]) + version + b"\\0"
link = socket.socket(fileno=int(os.environ["THALWEG_LINK"]))
link.sendall(len(hello).to_bytes(4, "little") + hello)
sys.exit(link.recv(1000))
"""


@pytest.mark.parametrize("protocol", [1, 99])
def test_another_version_of_the_package_is_told(folder: Folder, protocol: int) -> None:
    package = folder.path / "other" / "thalweg"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "_process.py").write_text(OTHER_VERSION.replace("PROTOCOL", str(protocol)))
    script = folder.write("node.py", "import thalweg\nthalweg.Node()\n")
    text = f"nodes:\n  - {{ id: node, python: node.py, env: {{ PYTHONPATH: {package.parent} }} }}\n"
    assert refused(folder, text) == (
        f"node `node`: script `{script}`: the Python package `thalweg` is of version 9.8.7 and the host of "
        f"version {thalweg.__version__}: install the same"
    )


def test_an_interpreter_that_is_not_there_is_told_by_the_check(folder: Folder) -> None:
    folder.write("node.py", "import thalweg\nthalweg.Node()\n")
    with pytest.raises(thalweg.DataflowError) as error:
        folder.flow(by_interpreter(Path("./no/python")))
    assert "node `node`" in str(error.value) and "no/python" in str(error.value)


def test_the_command_tells_it_and_ends_with_2(folder: Folder) -> None:
    script = folder.write("node.py", "import thalweg\nnode = = thalweg.Node()\n")
    folder.write("flow.yaml", ONE)
    command = [str(COMMAND), "run", "flow.yaml"]
    ended = subprocess.run(command, cwd=folder.path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert f"error: node `node`: script `{script.name}`: it failed before it made its" in ended.stderr, ended.stderr
    assert "SyntaxError: invalid syntax" in ended.stderr


WRONG: dict[str, tuple[str, str]] = {
    "node.events('camera')": ("ValueError", "the node has no input `camera`; it has `tick`"),
    "node.events('tick', 'lidar')": ("ValueError", "the node has no input `lidar`; it has `tick`"),
    "node.send_blocking('camera', '')": ("ValueError", "the node has no output `camera`"),
    "node.try_send('camera', '')": ("ValueError", "the node has no output `camera`"),
    "asyncio.run(node.send('camera', ''))": ("ValueError", "the node has no output `camera`"),
    "node.send_blocking('out', 7)": ("TypeError", "cannot send a value of type `int`"),
    "asyncio.run(node.send('out', object()))": ("TypeError", "cannot send a value of type `object`"),
    "node.send_blocking('out', '', key=[])": ("TypeError", "metadata `key` is of type `list`"),
    "node.send_blocking('out', bytes((64 << 20) + 1))": ("ValueError", "over the limit of"),
    "asyncio.run(node.next_batch(0))": ("ValueError", "a batch is of at least one event, not of 0"),
    "thalweg.Node()": ("RuntimeError", "it has made its node already"),
    "thalweg.Node('camera')": ("AttachError", "no running dataflow has a node `camera` to attach to"),
}


def test_what_a_script_does_wrong_is_told_and_it_may_go_on(folder: Folder) -> None:
    tries = "".join(f"""
try:
    {wrong}
except Exception as error:
    print(type(error).__name__, str(error).splitlines()[0])
else:
    print("nothing was wrong with it")
""" for wrong in WRONG)
    folder.write("node.py", f"import asyncio, thalweg\nnode = thalweg.Node()\n{tries}")
    ended = folder.run("nodes:\n  - { id: node, python: node.py, inputs: { tick: { timer: 1h } }, outputs: [out] }\n")
    ended.assert_ok()
    for line, (wrong, (kind, text)) in zip(ended.lines_of("node"), WRONG.items(), strict=True):
        assert line.split()[0] == kind and text in line, (wrong, line)


def test_a_node_outside_any_dataflow_is_refused_with_the_remedy() -> None:
    with pytest.raises(RuntimeError, match=r"no dataflow started this process.*`thalweg.Node\(NAME\)` attaches"):
        thalweg.Node()


def test_the_module_that_runs_scripts_is_for_hosts_alone(folder: Folder) -> None:
    ran = folder.write("node.py", "print('ran')")
    command = [sys.executable, "-m", "thalweg._process", str(ran)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "thalweg: this module is for the host of a dataflow; scripts run by `python: script.py`\n"


USES: list[Callable[[thalweg.Node], Any]] = [
    lambda node: next(iter(node)),
    lambda node: node.send_blocking("out", "x"),
]


@pytest.mark.parametrize("use", USES)
def test_a_node_of_the_hosting_process_is_awaited(folder: Folder, use: Callable[[thalweg.Node], Any]) -> None:
    async def node(node: thalweg.Node) -> None:
        with pytest.raises(RuntimeError, match="a node of the hosting process is awaited"):
            use(node)

    folder.run("nodes:\n  - { id: node, embedded: true, outputs: [out] }\n", node=node).assert_ok()


def test_a_descriptor_that_is_not_there_is_told_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(thalweg.DataflowError, match=r"cannot read the descriptor .*no\.yaml.*No such file"):
        thalweg.Dataflow.from_file(tmp_path / "no.yaml")
