"""The long runs, short: `make faults` and `make soak` do what they say, and find nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROOFS = Path(__file__).parents[1] / "proof" / "python"


def prove(name: str, **settings: str) -> tuple[int, str]:
    """The code with which a proof ends, and what it prints."""
    command = [sys.executable, str(PROOFS), name]
    ended = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.timeout(300)
def test_dataflows_keep_their_books_under_faults_and_leave_nothing() -> None:
    code, text = prove("faults", MINUTES="0.2", SEED="4", RATE="10")
    last = text.splitlines()[-1]
    assert code == 0 and last.endswith("ok") and ", 4 dataflows, " in last, text
    restarts = re.search(r", (\d+) restarts, ", last)
    assert restarts is not None and int(restarts[1]) > 20, text


@pytest.mark.timeout(300)
def test_a_dataflow_of_everything_runs_at_full_speed_in_flat_memory() -> None:
    code, text = prove("soak", MINUTES="0.2")
    last = text.splitlines()[-1]
    heard = re.search(r", (\d+) messages heard, 0 wrong, ", last)
    assert code == 0 and last.endswith("ok") and heard is not None and int(heard[1]) > 1000, text
