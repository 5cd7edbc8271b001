"""What it was measured on, without a name or a path."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def describe() -> dict[str, str]:
    lines = [line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line]
    models = {value.strip() for name, value in lines if name.strip() == "model name"}
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cores": str(os.cpu_count()),
        "cpu": ", ".join(sorted(models)),
        "memory": f"{memory / 2**30:.0f} GiB",
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
    } | peer()


def peer() -> dict[str, str]:
    try:
        return {"dora-rs": version("dora-rs")}
    except PackageNotFoundError:
        return {}
