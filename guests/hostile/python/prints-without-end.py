"""Prints one line that does not end."""

import sys

while True:
    sys.stderr.write("x" * 65536)
