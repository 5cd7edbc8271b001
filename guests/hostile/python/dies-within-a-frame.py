"""Ends in the middle of a frame."""

import os

from thalweg.raw import LINK

os.write(LINK, (1000).to_bytes(4, "little") + b"\4\0")
os._exit(3)
