"""Sends a payload of a segment that it never passed: lease 1, segment 99, from 0, 100 bytes."""

import signal

from thalweg.raw import write

write(b"\4\0\0\0\1\1\x63\0\x64")
signal.pause()
