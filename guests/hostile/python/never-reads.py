"""Wants 64 events once, and takes none of them."""

import signal

from thalweg.raw import write

write(b"\2\0\x40")
signal.pause()
