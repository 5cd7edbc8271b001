"""Dataflows that are held to their lock file."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import thalweg

FLOW = "nodes:\n  - { id: logs, component: one.wasm }\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A dataflow that is locked."""
    guests = Path(__file__).parents[2] / "guests" / "target" / "components"
    (tmp_path / "one.wasm").write_bytes((guests / "logs.wasm").read_bytes())
    path = tmp_path / "flow.yaml"
    path.write_text(FLOW)
    subprocess.run([Path(sys.executable).parent / "thalweg", "lock", path], check=True)
    return path


async def run(path: Path) -> thalweg.RunReport:
    return await (await thalweg.Dataflow.from_file(path, locked=True).start()).wait()


def test_what_is_as_locked_runs(path: Path) -> None:
    assert asyncio.run(run(path)).ok


def test_a_dataflow_without_its_lock_file_is_refused(path: Path) -> None:
    path.with_suffix(".lock").unlink()
    assert thalweg.Dataflow.from_file(path)
    with pytest.raises(thalweg.DataflowError, match="there is no lock file `.*flow.lock`"):
        thalweg.Dataflow.from_file(path, locked=True)


def test_a_node_that_is_given_more_is_refused(path: Path) -> None:
    path.write_text(FLOW.replace("one.wasm", "one.wasm, grants: { stdio: inherit }"))
    with pytest.raises(thalweg.DataflowError, match="node `logs`: .*\n  now: standard streams of the host"):
        thalweg.Dataflow.from_file(path, locked=True)


def test_another_component_is_not_started(path: Path) -> None:
    component = path.with_name("one.wasm")
    component.write_bytes(component.read_bytes() + b"\0\2\1x")
    with pytest.raises(thalweg.StartError, match="node `logs`: .* but the lock file has"):
        asyncio.run(run(path))
