"""The command that the package installs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import thalweg
from conftest import GUESTS

COMMAND = Path(sys.executable).parent / "thalweg"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "guests").symlink_to(GUESTS)
    return tmp_path


def test_it_says_its_version(folder: Path) -> None:
    ended = run(folder, "--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"thalweg {thalweg.__version__}\n", "")


def test_its_help_names_it(folder: Path) -> None:
    ended = run(folder, "--help")
    assert ended.returncode == 0 and "Usage: thalweg <COMMAND>" in ended.stdout
    none = run(folder)
    assert none.returncode == 2 and "Usage: thalweg <COMMAND>" in none.stderr


def test_wrong_arguments_are_told(folder: Path) -> None:
    ended = run(folder, "walk")
    assert ended.returncode == 2 and "unrecognized subcommand 'walk'" in ended.stderr


def test_it_may_run_twice_in_one_process(folder: Path) -> None:
    program = "from thalweg._command import main; print(main() or main())"
    command = [sys.executable, "-c", program, "schema"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    schema = run(folder, "schema").stdout
    assert (ended.stdout, ended.stderr) == (schema + schema + "0\n", "")


def test_a_bad_file_is_told_under_its_line(folder: Path) -> None:
    (folder / "bad.yaml").write_text("nodes:\n  - { id: a, embedded: true, inputs: { x: b/c } }\n")
    ended = run(folder, "check", "bad.yaml")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "error: node `a`: input `x` reads `b/c`, but there is no node `b`\n"
        " --> bad.yaml:2:43\n"
        "  |\n"
        "2 |   - { id: a, embedded: true, inputs: { x: b/c } }\n"
        "  |                                           ^^^\n"
    )


COUNTS = """
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 5 } }
  - { id: lines, component: guests/report-line.wasm, inputs: { in: counts/out } }
"""


def test_it_runs_a_dataflow_to_its_end(folder: Path) -> None:
    (folder / "flow.yaml").write_text(COUNTS)
    ended = run(folder, "run", "flow.yaml", "--report", "json")
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert [node["events_out"] for node in report["nodes"]] == [5, 0]
    assert "lines" in ended.stderr


TICKS = """
nodes:
  - { id: ticks, component: guests/report-line.wasm, inputs: { tick: { timer: 5ms } } }
"""


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_drains_and_a_second_ends_at_once(folder: Path, times: int) -> None:
    stubborn = "  - { id: stubborn, component: guests/misbehaves.wasm, inputs: { tick: { timer: 5ms } }, "
    stubborn += "parameters: { how: ignores-stop } }\n"
    (folder / "flow.yaml").write_text(TICKS + (stubborn if times == 2 else ""))
    command = [str(COMMAND), "run", "flow.yaml", "--grace", "1h" if times == 2 else "60s"]
    running = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert running.stdout is not None and running.stderr is not None
    try:
        assert "tick" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert "draining" in running.stderr.readline()
        if times == 2:
            running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == (0 if times == 1 else 130), stderr
    assert "KeyboardInterrupt" not in stderr
    assert ("stopped" if times == 1 else "killed") in stderr
