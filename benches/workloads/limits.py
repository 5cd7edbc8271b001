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


def cases(quick: bool) -> Iterator[Case]:
    wakes = 250 if quick else 1000
    yield Case("limits", {"Rust": driver("limits", wakes=wakes), "Python": lambda: in_python(wakes)})


def in_python(wakes: int) -> Figures:
    """A task that is woken by a pipe from another process, by way of a third, and by an eventfd from another thread."""
    code = f"import asyncio, bare; print([asyncio.run(wait({wakes})) for wait in (bare.pipe, bare.two_pipes, bare.eventfd)])"
    variables = os.environ | {"PYTHONPATH": str(PROOFS)}
    with none_left():
        ran = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True, timeout=LONGEST)
    return dict(zip(("pipe", "two_pipes", "eventfd"), json.loads(ran.stdout), strict=True))
