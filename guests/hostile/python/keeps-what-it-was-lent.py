"""Takes every payload that it is lent, and returns none."""

import os

from thalweg.raw import LINK, write

while True:
    write(b"\2\0\x40")
    os.read(LINK, 1 << 16)
