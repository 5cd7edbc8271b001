"""W1 and W4 again, where no core is halted, as `thalweg run --cpu-latency 0us` asks of Linux: one that has nothing to do is
slow to wake otherwise, and in a virtual machine it may be lent to others, who leave nothing in its caches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from systems import Figures, Measure, driver

from workloads import Case, latency, limits, paced
from workloads.pairs import own, peer

TITLE = "One way, 8 B, paced, where no core is halted"
DEVICE = Path("/dev/cpu_dma_latency")


def cases(quick: bool) -> Iterator[Case]:
    """None where only root may ask for that: all else is measured without."""
    if not os.access(DEVICE, os.W_OK):
        return
    pace, how = paced(8, quick), "awaiting"
    yield Case(
        "components",
        {
            "component → component": awake(driver("latency", **pace)),
            "dora-rs Rust → Rust": awake(latency.peer(pace, "false")),
        },
    )
    yield Case(
        "scripts that await",
        {
            "Thalweg, between processes": awake(own(**pace, how=how)),
            "dora-rs": awake(peer(**pace, how=how)),
            "a bare pipe": awake(bare("pipe", pace["count"])),
            "two, and a process between them": awake(bare("two_pipes", pace["count"])),
        },
    )


def bare(wait: str, wakes: int) -> Measure:
    return lambda: {"p50": limits.in_python(wakes, wait)[wait]}


def awake(measure: Measure) -> Measure:
    """With all cores ready to run, for either system."""

    def measured() -> Figures:
        # 0 microseconds, for as long as the file is open: <https://docs.kernel.org/power/pm_qos_interface.html>.
        with DEVICE.open("wb", buffering=0) as device:
            device.write(bytes(4))
            return measure()

    return measured
