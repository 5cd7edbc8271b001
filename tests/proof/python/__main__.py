"""The figures of the Python side, each made anew: `python tests/proof/python NAME`.

Every proof prints one line last, `NAME: figure unit, ok` or `short`, and ends with code 1 when it is short.
"""

import importlib
import sys

# `await` is a word of the language.
MODULES = {name: name for name in ("cancel", "exit", "fair", "arrow", "kill", "faults", "soak")} | {"await": "waiting"}


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in MODULES:
        sys.exit(f"name a proof: {', '.join(sorted(MODULES))}")
    figures, ok = importlib.import_module(MODULES[name]).prove()
    print(f"{name}: {', '.join([*figures, 'ok' if ok else 'short'])}")
    sys.exit(not ok)


main()
