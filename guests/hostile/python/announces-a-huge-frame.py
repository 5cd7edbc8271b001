"""Announces a frame of 4 GiB."""

import os
import signal

from thalweg.raw import LINK

os.write(LINK, b"\xff\xff\xff\xff")
signal.pause()
