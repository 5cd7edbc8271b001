"""The command `thalweg`."""

from __future__ import annotations

import signal
import sys

from thalweg import _native


def main() -> int:
    """Runs the command with the arguments of the process, and gives its exit code."""
    # Python's own handler would only note the signal, for an interpreter that waits for the command.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.run_command(["thalweg", *sys.argv[1:]], sys.executable)
