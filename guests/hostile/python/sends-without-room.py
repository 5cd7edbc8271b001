"""Sends more than there is room for. The frame: `Send`, output 0, raw, no parameters, inline."""

import signal

from thalweg.raw import write

for _ in range(100_000):
    write(b"\4\0\0\0\0\1x")
signal.pause()
