"""Sends on a payload that nobody lent it: lease 99, from 0, 100 bytes."""

import signal

from thalweg.raw import write

write(b"\4\0\0\0\2\x63\0\x64")
signal.pause()
