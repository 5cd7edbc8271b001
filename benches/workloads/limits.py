"""What the machine can do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from orphans import none_left
from systems import LONGEST, ROOT, Figures, driver

from workloads import Case

TITLE = "The limits of the machine"
PROOFS = ROOT / "tests/proof/python"
WAITS = ("pipe", "two_pipes", "eventfd")
"""Of `bare.py`: a task that is woken by a pipe from another process, by way of a third, and by an eventfd from another thread."""


def cases(quick: bool) -> Iterator[Case]:
    wakes = 250 if quick else 1000
    yield Case("limits", {"Rust": driver("limits", wakes=wakes), "Python": lambda: in_python(wakes, *WAITS)})


def in_python(wakes: int, *waits: str) -> Figures:
    """How long these of `WAITS` take, by their names."""
    code = f"import asyncio, bare; print([asyncio.run(getattr(bare, wait)({wakes})) for wait in {waits}])"
    variables = os.environ | {"PYTHONPATH": str(PROOFS)}
    with none_left():
        ran = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True, timeout=LONGEST)
    return dict(zip(waits, json.loads(ran.stdout), strict=True))
