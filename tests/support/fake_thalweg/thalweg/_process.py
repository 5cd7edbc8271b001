"""Greets the host as a script that makes its node at once would, then runs the script as a program.

The frames are those of `host/src/link/frame.rs`.
"""

import os
import runpy
import socket
import sys
import tomllib
from pathlib import Path

PROTOCOL = 3
WORKSPACE = tomllib.loads((Path(__file__).parents[4] / "Cargo.toml").read_text())["workspace"]
VERSION = WORKSPACE["package"]["version"].encode()

HELLO = bytes([0, PROTOCOL, len(VERSION)]) + VERSION + b"\0"  # The host knows which node it is.
READY = b"\1"

link = socket.socket(fileno=int(os.environ["THALWEG_LINK"]))
for frame in (HELLO, READY):
    link.sendall(len(frame).to_bytes(4, "little") + frame)
    link.recv(1 << 16)  # That it is welcome, then that all are ready.

del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
