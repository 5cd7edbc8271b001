"""W1 and W4 again, where no core sleeps: in a virtual machine one that has nothing to do is halted, and slow to wake."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

from orphans import none_left
from systems import Figures, Measure, driver, processes, ready

from workloads import Case, latency, limits, paced
from workloads.pairs import LINGER, own, pair, peer

TITLE = "One way, 8 B, paced, where no core is halted"
SPIN = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
print(flush=True)
while True:
    pass
"""


def cases(quick: bool) -> Iterator[Case]:
    pace, how = paced(8, quick), "awaiting"
    yield Case(
        "components",
        {
            "component → component": awake(driver("latency", **pace)),
            "dora-rs Rust → Rust": awake(latency.peer(pace, "false")),
        },
    )
    scripts = {
        "Thalweg, between processes": awake(own(**pace, how=how)),
        "dora-rs": awake(peer(**pace, how=how)),
        "a bare pipe": awake(lambda: {"p50": limits.in_python(pace["count"])["pipe"]}),
        "two, and a process between them": awake(lambda: {"p50": limits.in_python(pace["count"])["two_pipes"]}),
    }
    if os.access("/dev/cpu_dma_latency", os.W_OK):
        scripts["Thalweg, by `--cpu-latency 0us` alone"] = processes(ready, pair(pace["count"]), **pace, how=how, linger=LINGER)
    yield Case("scripts that await", scripts)


def awake(measure: Measure) -> Measure:
    """With a program of idle priority on each core, which whatever wakes there pushes aside at once."""

    def measured() -> Figures:
        with none_left():
            for core in os.sched_getaffinity(0):
                program = subprocess.Popen([sys.executable, "-c", SPIN, str(core)], stdout=subprocess.PIPE)
                if not (program.stdout and program.stdout.readline()):
                    raise RuntimeError(f"nothing keeps core {core} awake")
            return measure()

    return measured
