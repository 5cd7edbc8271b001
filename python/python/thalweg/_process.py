"""What a host starts for a node with `python: script.py`: links to the host, then runs the script.

    python -u -m thalweg._process script.py [argument ...]
"""

from __future__ import annotations

import atexit
import os
import runpy
import sys
import traceback
from dataclasses import dataclass
from types import TracebackType

from thalweg import _link
from thalweg._native import AttachError, LinkPorts


def main() -> None:
    """Runs the script as `python script.py` would, and tells the host how it ended."""
    script, *arguments = sys.argv[1:]
    try:
        ports = LinkPorts.inherited(int(os.environ.pop("THALWEG_LINK")))
    except AttachError as error:
        sys.exit(f"thalweg: {error}")
    except (KeyError, ValueError):
        sys.exit("thalweg: this module is for the host of a dataflow; scripts run by `python: script.py`")
    _link.keep(ports)
    ending = Ending(ports)
    # Threads of the script may use the node until the interpreter ends.
    atexit.register(ending.tell)
    sys.argv = [script, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as exit:
        ending.exits = exit.code not in (None, 0)
        raise
    except Exception as error:
        ending.failure = text_of(error, script)
        print(ending.failure, end="", file=sys.stderr)
        sys.exit(1)


@dataclass
class Ending:
    """How the script ended."""

    ports: LinkPorts
    failure: str | None = None
    exits: bool = False
    """With a code that the host will see; to say that the node is done would close its outputs as if all was well."""

    def tell(self) -> None:
        if self.exits:
            self.ports.leave()
        else:
            self.ports.end(self.failure)


def text_of(error: Exception, script: str) -> str:
    """The traceback from the script on, as the interpreter itself would print it."""
    return "".join(traceback.format_exception(type(error), error, trace_from(error.__traceback__, script)))


def trace_from(trace: TracebackType | None, script: str) -> TracebackType | None:
    """The part of a traceback that begins in the script; none of it where the script did not begin."""
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    return trace


if __name__ == "__main__":
    main()
