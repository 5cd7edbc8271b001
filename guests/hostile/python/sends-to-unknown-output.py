"""Sends on an output that it does not have."""

import signal

from thalweg.raw import write

write(b"\4\x63\0\0\0\1x")
signal.pause()
