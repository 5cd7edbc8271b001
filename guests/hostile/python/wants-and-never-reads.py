"""Wants events without end, and takes none."""

from thalweg.raw import write

while True:
    write(b"\2\0\x40")
