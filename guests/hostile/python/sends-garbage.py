"""Writes bytes that are no frame."""

import os
import signal

from thalweg.raw import LINK

os.write(LINK, bytes([3, 0, 0, 0, 255, 255, 255]) * 100)
signal.pause()
