"""Announces a frame of 60 MiB, and then says nothing more."""

import os
import signal

from thalweg.raw import LINK

os.write(LINK, (60 << 20).to_bytes(4, "little") + b"\4")
signal.pause()
